// Package bundle finds, reads and writes model bundles. A bundle is a folder, or part
// of an embedded file system, with a manifest and two or three ONNX files:
//
//	model.yaml    the manifest
//	prior.onnx    tokens to the tokens of the next step; absent from a VQ-GAN alone
//	decoder.onnx  tokens to pixels
//	encoder.onnx  pixels to tokens
//
// Weights of more than 512 MB lie beside their ONNX file, as prior.onnx.data (external
// data, in ONNX's terms).
//
// [OpenFolder] checks all of it: the manifest is read strictly, every file must have the
// size and the SHA-256 in the manifest, and the inputs and outputs of the ONNX files must
// match it (contract.go). [Search] finds bundles without opening them. [Create] writes one.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"sundae/sampler/schedule"
)

// Format is the version of the manifests written here. Version 1 can be read as well
// (format1.go).
const Format = 2

// The files of a bundle.
const (
	ManifestFile = "model.yaml"
	PriorFile    = "prior.onnx"
	DecoderFile  = "decoder.onnx"
	EncoderFile  = "encoder.onnx"
)

// Manifest is the content of model.yaml.
type Manifest struct {
	Format      int      `yaml:"format"`
	Name        string   `yaml:"name"`
	Description string   `yaml:"description,omitempty"`
	ImageSize   int      `yaml:"image_size"`        // width and height in pixels
	Downsample  int      `yaml:"downsample"`        // f: a token stands for f×f pixels
	Latent      Latent   `yaml:"latent"`            // the grid of tokens
	Vocabulary  int      `yaml:"vocabulary"`        // tokens are 0 to Vocabulary-1
	Classes     []string `yaml:"classes,omitempty"` // empty: the prior is unconditional
	// NoAnyClass says that the prior only knows the classes, not "any": published models
	// are trained without class dropout.
	NoAnyClass bool `yaml:"no_any_class,omitempty"`

	Sampling schedule.Patch  `yaml:"sampling"` // the settings that the model's maker recommends
	Training Training        `yaml:"training,omitempty"`
	Origin   []Origin        `yaml:"origin,omitempty"` // of an imported model
	Licence  string          `yaml:"licence,omitempty"`
	Files    map[string]File `yaml:"files"`
}

// Latent is the size of the grid of tokens.
type Latent struct {
	Height int `yaml:"height"`
	Width  int `yaml:"width"`
}

// Tokens returns the number of tokens of an image.
func (l Latent) Tokens() int { return l.Height * l.Width }

// Training says how the model was trained.
type Training struct {
	Recipe  string             `yaml:"recipe,omitempty"` // text of the whole recipe
	Command string             `yaml:"command,omitempty"`
	Seed    uint64             `yaml:"seed,omitempty"`
	Machine string             `yaml:"machine,omitempty"`
	Date    string             `yaml:"date,omitempty"`
	Steps   map[string]int     `yaml:"steps,omitempty"`   // by stage
	Hours   map[string]float64 `yaml:"hours,omitempty"`   // by stage
	Figures map[string]float64 `yaml:"figures,omitempty"` // last metrics on held-out images
}

// Origin is a file that the model was imported from.
type Origin struct {
	Role    string `yaml:"role"` // what it gave: "vqgan", "vqgan config", "prior" or "prior config"
	File    string `yaml:"file"` // its name, without folders
	SHA256  string `yaml:"sha256"`
	Licence string `yaml:"licence,omitempty"` // "" if unknown
}

// File is the size and hash of an ONNX file, or of one with external data.
type File struct {
	Bytes  int64  `yaml:"bytes"`
	SHA256 string `yaml:"sha256"`
}

// maxSize is the largest image size. A mistake in the manifest must not lead to the
// allocation of all memory.
const maxSize = 1 << 14

// Validate returns what is wrong with the manifest.
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
			return fmt.Errorf("class %d has the name %q: every class needs a different name", i, class)
		}
	}
	for _, o := range m.Origin {
		if sum, err := hex.DecodeString(o.SHA256); o.Role == "" || o.File == "" || err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("origin needs a role, a file and its SHA-256, not %+v", o)
		}
	}
	for _, name := range []string{DecoderFile, EncoderFile} {
		if _, ok := m.Files[name]; !ok {
			return fmt.Errorf("files has no %s", name)
		}
	}
	for name, file := range m.Files {
		if name != filepath.Base(name) || !filepath.IsLocal(name) || name == "." || name == ManifestFile || file.Bytes < 0 {
			return fmt.Errorf("files can't have %q with %d bytes", name, file.Bytes)
		}
	}
	if len(m.Classes) > 0 && !m.HasPrior() {
		return fmt.Errorf("classes are those of a prior, and files has no %s", PriorFile)
	}
	if m.NoAnyClass && len(m.Classes) == 0 {
		return errors.New("no_any_class needs classes")
	}
	return nil
}

// HasPrior reports whether the bundle has a prior. One without reconstructs pictures, and
// a prior can be trained on its tokens.
func (m Manifest) HasPrior() bool {
	_, ok := m.Files[PriorFile]
	return ok
}

// OriginOf returns the origins of a part, "vqgan" or "prior": its weights and their config.
func (m Manifest) OriginOf(part string) []Origin {
	var of []Origin
	for _, o := range m.Origin {
		if strings.HasPrefix(o.Role, part) {
			of = append(of, o)
		}
	}
	return of
}

// NeedPrior returns an error if the bundle has no prior.
func (m Manifest) NeedPrior() error {
	if m.HasPrior() {
		return nil
	}
	return fmt.Errorf("the model %s has no prior to sample with: use it with `sundae reconstruct`, or train a prior for it with `sundae train all --tokenizer`", m.Name)
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
		return Manifest{}, fmt.Errorf("read %s: %w", ManifestFile, firstError(err))
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, fmt.Errorf("read %s: %w", ManifestFile, err)
	}
	return m, nil
}

// unknownKey matches an error of yaml.v3, which names a Go type.
var unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)

// firstError returns the first of the errors that yaml.v3 lists, in terms of the file.
func firstError(err error) error {
	var list *yaml.TypeError
	if !errors.As(err, &list) {
		return err
	}
	return errors.New(unknownKey.ReplaceAllString(list.Errors[0], "unknown key $1"))
}
