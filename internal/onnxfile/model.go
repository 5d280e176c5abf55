package onnxfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Model is an ONNX file, with the folder of the files that hold its large weights.
type Model struct {
	Graph  []byte // the file: all of the model but its external data
	Folder string // of the files of external data; "" if all weights are in Graph
}

// Read reads an ONNX file of a folder.
func Read(folder, name string) (Model, error) {
	graph, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return Model{}, fmt.Errorf("read a model: %w", err)
	}
	return Model{graph, folder}, nil
}

// Write writes a copy of the file to a folder, under name, and with it the files of its
// external data, which keep their names. One of these that the folder holds already is an
// error.
func (m Model) Write(ctx context.Context, folder, name string) error {
	if err := m.copyExternals(ctx, folder); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return writeFile(filepath.Join(folder, name), func(w io.Writer) error { _, err := w.Write(m.Graph); return err })
}

func (m Model) copyExternals(ctx context.Context, folder string) error {
	if m.Folder == "" {
		return nil
	}
	externals, err := Externals(m.Graph)
	if err != nil {
		return err
	}
	copied := map[string]bool{}
	for _, external := range externals {
		if copied[external.File] {
			continue
		}
		copied[external.File] = true
		if err := copyFile(ctx, filepath.Join(folder, external.File), filepath.Join(m.Folder, external.File)); err != nil {
			return err
		}
	}
	return nil
}

// copyChunk is how many bytes are copied between two looks at whether to stop.
const copyChunk = 64 << 20

func copyFile(ctx context.Context, to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s exists already: two models have external data of this name", to)
	}
	return writeFile(to, func(w io.Writer) error {
		for ctx.Err() == nil {
			if _, err := io.CopyN(w, source, copyChunk); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}
