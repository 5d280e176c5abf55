// Package bundle reads and writes model bundles: a folder, or part of an
// embedded file system, with model.yaml and three ONNX files.
//
//	prior.onnx    draws the next tokens from the present ones
//	decoder.onnx  tokens to pixels
//	encoder.onnx  pixels to tokens
//
// Opening a bundle checks everything: the manifest is read strictly, every file
// must have the size and the SHA-256 that it names, and the inputs and outputs
// of the ONNX files must be what the manifest says (contract.go).
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/renameio/v2"
	"gopkg.in/yaml.v3"

	"sundae/sampler/schedule"
)

// Format is the version of the manifest that this program writes. It reads version 1
// as well (format1.go).
const Format = 2

// The files of a bundle.
const (
	ManifestFile = "model.yaml"
	PriorFile    = "prior.onnx"
	DecoderFile  = "decoder.onnx"
	EncoderFile  = "encoder.onnx"
)

// Manifest is model.yaml.
type Manifest struct {
	Format      int      `yaml:"format"`
	Name        string   `yaml:"name"`
	Description string   `yaml:"description,omitempty"`
	ImageSize   int      `yaml:"image_size"`        // pixels a side
	Downsample  int      `yaml:"downsample"`        // f, pixels a token's side
	Latent      Latent   `yaml:"latent"`            // the grid of tokens
	Vocabulary  int      `yaml:"vocabulary"`        // v, ids run from 0 to v-1
	Classes     []string `yaml:"classes,omitempty"` // empty: the prior takes no class

	Sampling schedule.Patch  `yaml:"sampling"` // what the model's maker recommends
	Training Training        `yaml:"training,omitempty"`
	Licence  string          `yaml:"licence,omitempty"`
	Files    map[string]File `yaml:"files"`
}

// Latent is the grid of tokens, in tokens.
type Latent struct {
	Height int `yaml:"height"`
	Width  int `yaml:"width"`
}

// Tokens is the number of tokens of a picture.
func (l Latent) Tokens() int { return l.Height * l.Width }

// Training says where the model comes from.
type Training struct {
	Recipe  string             `yaml:"recipe,omitempty"` // the whole recipe, as text
	Command string             `yaml:"command,omitempty"`
	Seed    uint64             `yaml:"seed,omitempty"`
	Machine string             `yaml:"machine,omitempty"`
	Date    string             `yaml:"date,omitempty"`
	Steps   map[string]int     `yaml:"steps,omitempty"`   // by stage
	Hours   map[string]float64 `yaml:"hours,omitempty"`   // by stage
	Figures map[string]float64 `yaml:"figures,omitempty"` // last held-out figures
}

// File is one ONNX file's size and hash.
type File struct {
	Bytes  int64  `yaml:"bytes"`
	SHA256 string `yaml:"sha256"`
}

// maxSize bounds a picture's side: far beyond what models make, and little
// enough that a slip in the manifest can't ask for all memory.
const maxSize = 1 << 14

// Validate says in one sentence what a manifest gets wrong.
func (m Manifest) Validate() error {
	switch {
	case m.Format != Format:
		return fmt.Errorf("format %d cannot be read: this program reads formats 1 and %d", m.Format, Format)
	case m.Name == "":
		return errors.New("name is missing")
	case m.ImageSize < 1 || m.ImageSize > maxSize:
		return fmt.Errorf("image_size must be 1 to %d, not %d", maxSize, m.ImageSize)
	case m.Downsample < 1 || m.Downsample > m.ImageSize:
		return fmt.Errorf("downsample must be 1 to image_size, not %d", m.Downsample)
	case m.Latent.Height < 1 || m.Latent.Height > m.ImageSize || m.Latent.Width < 1 || m.Latent.Width > m.ImageSize:
		return fmt.Errorf("latent must be 1×1 to image_size, not %d×%d", m.Latent.Height, m.Latent.Width)
	case m.Latent.Height*m.Downsample != m.ImageSize || m.Latent.Width*m.Downsample != m.ImageSize:
		return fmt.Errorf("latent %d×%d times downsample %d is not the image size %d", m.Latent.Height, m.Latent.Width, m.Downsample, m.ImageSize)
	case m.Vocabulary < 2 || m.Vocabulary > 1<<16:
		return fmt.Errorf("vocabulary must be 2 to 65536, not %d", m.Vocabulary)
	}
	for i, class := range m.Classes {
		if class == "" || slices.Contains(m.Classes[:i], class) {
			return fmt.Errorf("class %d is called %q: every class needs a name of its own", i, class)
		}
	}
	for _, name := range []string{PriorFile, DecoderFile, EncoderFile} {
		if _, ok := m.Files[name]; !ok {
			return fmt.Errorf("files lacks %s", name)
		}
	}
	return nil
}

// Parse reads a manifest strictly.
func Parse(text []byte) (Manifest, error) {
	text, err := upgrade(text)
	if err != nil {
		return Manifest{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	var m Manifest
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	switch err := decoder.Decode(&m); {
	case errors.Is(err, io.EOF):
		return Manifest{}, fmt.Errorf("read %s: it is empty", ManifestFile)
	case err != nil:
		return Manifest{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	return m, nil
}

// Bundle is an opened bundle.
type Bundle struct {
	Manifest Manifest
	models   map[string][]byte
}

// Open reads the bundle in fsys and checks its files.
func Open(fsys fs.FS) (*Bundle, error) {
	text, err := fs.ReadFile(fsys, ManifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open bundle: there is no %s: this is no model bundle, or one that was not copied whole: %w", ManifestFile, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	m, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	b := &Bundle{Manifest: m, models: map[string][]byte{}}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		want := m.Files[name]
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("open bundle: a file that %s names can't be read: %w", ManifestFile, err)
		}
		if got := describe(data); got != want {
			return nil, fmt.Errorf("open bundle: %s is not the file that %s names (%d bytes, %.12s…, expected %d bytes, %.12s…): copy the bundle again",
				name, ManifestFile, got.Bytes, got.SHA256, want.Bytes, want.SHA256)
		}
		b.models[name] = data
	}
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	return b, nil
}

// OpenFolder opens the bundle in the folder dir.
func OpenFolder(dir string) (*Bundle, error) {
	b, err := Open(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return b, nil
}

// Model is the ONNX file called name.
func (b *Bundle) Model(name string) []byte { return b.models[name] }

func describe(data []byte) File {
	sum := sha256.Sum256(data)
	return File{int64(len(data)), hex.EncodeToString(sum[:])}
}

// Write writes a bundle into dir, which is made if it is not there: the ONNX
// files first, the manifest that names them last.
func Write(dir string, m Manifest, models map[string][]byte) error {
	m.Format = Format
	m.Files = map[string]File{}
	for name, data := range models {
		m.Files[name] = describe(data)
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if err := renameio.WriteFile(filepath.Join(dir, name), models[name], 0o644); err != nil {
			return fmt.Errorf("write bundle: %w", err)
		}
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(dir, ManifestFile), text, 0o644); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}
