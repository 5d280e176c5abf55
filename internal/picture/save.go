package picture

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"

	"github.com/google/renameio/v2"
)

// Save writes img to path as a PNG file with texts. On an error there is no file.
func Save(path string, img image.Image, texts ...Text) error {
	return save(path, func(w io.Writer) error { return encode(w, img, texts) })
}

// save writes a file under a temporary name in the same folder and renames it.
func save(path string, write func(io.Writer) error) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	var fault *fs.PathError
	switch {
	case errors.As(err, &fault): // it names the temporary file
		return fmt.Errorf("save image %s: %w", path, fault.Err)
	case err != nil:
		return fmt.Errorf("save image %s: %w", path, err)
	}
	defer file.Cleanup()
	w := bufio.NewWriterSize(file, 1<<18)
	if err := write(w); err != nil {
		return fmt.Errorf("save image %s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("save image %s: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("save image %s: %w", path, err)
	}
	return nil
}
