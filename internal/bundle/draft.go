package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"gopkg.in/yaml.v3"

	"sundae/internal/onnxfile"
)

// Draft is a bundle that is being written, in a hidden folder beside its own. Whatever
// happens, the bundle's folder holds what was there before, or all of the new bundle:
//
//	draft, err := bundle.Create(dir)
//	defer draft.Discard()
//	err = file.Write(ctx, draft.Folder(), bundle.DecoderFile) // and so on
//	m, err = draft.Commit(m)
type Draft struct {
	dir, folder string
	kept        []string // files and folders of dir that are no part of its bundle
}

// Create begins to write a bundle to the folder dir, which may hold another one.
func Create(dir string) (*Draft, error) {
	d, err := create(dir)
	if err != nil {
		return nil, fmt.Errorf("write bundle: %w", err)
	}
	return d, nil
}

func create(dir string) (*Draft, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target // or the new bundle would take the place of a link
	}
	kept, err := foreign(dir)
	if err != nil {
		return nil, err
	}
	d := &Draft{dir: dir, folder: filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+".new"), kept: kept}
	if err := os.RemoveAll(d.folder); err != nil { // of a program that was killed
		return nil, err
	}
	if err := os.MkdirAll(d.folder, 0o755); err != nil {
		var path *fs.PathError
		if errors.As(err, &path) { // it names the hidden folder
			err = path.Err
		}
		return nil, fmt.Errorf("can't create %s (%w): name another folder", dir, err)
	}
	return d, nil
}

// foreign lists the files and folders in a bundle's folder that are no part of it, such as
// a model card.
func foreign(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, nil
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("%s is a file, or lies in one: name a folder", dir)
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, ManifestFile))
	if err != nil {
		return nil, fmt.Errorf("%s holds other files and no %s: name another folder", dir, ManifestFile)
	}
	old, _ := Parse(text) // of a damaged one all files but the usual ones are kept
	var kept []string
	for _, entry := range entries {
		if _, ok := old.Files[entry.Name()]; ok || isModel(entry.Name()) || entry.Name() == ManifestFile {
			continue
		}
		kept = append(kept, entry.Name())
	}
	return kept, nil
}

// Folder is where the bundle's files are written.
func (d *Draft) Folder() string { return d.folder }

// Commit writes the manifest m, with the sizes and hashes of the files in the folder, puts
// the bundle in its place and returns the manifest. An earlier bundle there is deleted;
// files that were no part of it stay.
func (d *Draft) Commit(m Manifest) (Manifest, error) {
	m, err := d.commit(m)
	if err != nil {
		return Manifest{}, fmt.Errorf("write bundle: %w", err)
	}
	return m, nil
}

func (d *Draft) commit(m Manifest) (Manifest, error) {
	m.Format, m.Files = Format, map[string]File{}
	entries, err := os.ReadDir(d.folder)
	if err != nil {
		return m, err
	}
	for _, entry := range entries {
		if m.Files[entry.Name()], err = describe(os.DirFS(d.folder), entry.Name(), io.Discard); err != nil {
			return m, err
		}
	}
	if err := m.Validate(); err != nil {
		return m, err
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return m, err
	}
	if err := renameio.WriteFile(filepath.Join(d.folder, ManifestFile), text, 0o644); err != nil {
		return m, err
	}
	for _, name := range d.kept {
		if err := keep(filepath.Join(d.dir, name), filepath.Join(d.folder, name)); err != nil {
			return m, err
		}
	}
	return m, d.replace()
}

// keep gives a file, or all files in a folder, a second name. Where the file system has no
// hard links it copies them.
func keep(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		second := to + strings.TrimPrefix(path, from)
		if entry.IsDir() {
			return os.Mkdir(second, 0o755)
		}
		if os.Link(path, second) == nil {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(second, data, 0o644)
	})
}

// replace puts the folder in the place of the bundle's, in one step where the file system
// can exchange two folders.
func (d *Draft) replace() error {
	if _, err := os.Lstat(d.dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(d.folder, d.dir)
	}
	if exchange(d.folder, d.dir) != nil {
		old := d.folder + ".old"
		if err := os.Rename(d.dir, old); err != nil {
			return err
		}
		if err := os.Rename(d.folder, d.dir); err != nil {
			return errors.Join(err, os.Rename(old, d.dir))
		}
		d.folder = old
	}
	return os.RemoveAll(d.folder)
}

// Discard deletes what has been written. After Commit it does nothing.
func (d *Draft) Discard() error {
	if err := os.RemoveAll(d.folder); err != nil {
		return fmt.Errorf("discard an unfinished bundle: %w", err)
	}
	return nil
}

// Write writes a bundle of ONNX files in memory to the folder dir, see [Create].
func Write(dir string, m Manifest, models map[string][]byte) error {
	draft, err := Create(dir)
	if err != nil {
		return err
	}
	defer draft.Discard()
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if err := (onnxfile.Model{Graph: models[name]}).Write(context.Background(), draft.folder, name); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	_, err = draft.Commit(m)
	return err
}
