package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"github.com/google/renameio/v2"
	"gopkg.in/yaml.v3"
)

// SavePreset adds a preset to the settings file at path, or replaces the one of
// that name. The rest of the file stays, comments included. A file that doesn't
// exist is made, with its folder; one that can't be read as settings is left as it
// is, with an error.
func SavePreset(path, name string, p Sampling) error {
	fail := func(err error) error { return fmt.Errorf("saving the preset %q: %w", name, err) }
	if err := checkName(name); err != nil {
		return fail(err)
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	changed, err := addPreset(text, path, name, p)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	if err := renameio.WriteFile(path, changed, 0o644, renameio.WithExistingPermissions()); err != nil {
		return fail(err)
	}
	return nil
}

// addPreset returns the file's text with the preset in it.
func addPreset(text []byte, path, name string, p Sampling) ([]byte, error) {
	if err := lay(&Config{}, text, path, nil); err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var head []byte
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		// Nothing but comments, which then stand above the new settings.
		head = append(bytes.TrimRight(text, "\n"), '\n')
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	}
	presets := entry(doc.Content[0], "presets")
	if presets.Kind == yaml.AliasNode {
		presets = presets.Alias
	}
	if presets.Kind != yaml.MappingNode { // a null, as in a bare "presets:"
		*presets = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: presets.HeadComment}
	}
	presets.Style = 0 // {} opens into lines
	var value yaml.Node
	if err := value.Encode(p); err != nil {
		return nil, err
	}
	old := entry(presets, name)
	value.HeadComment, value.LineComment, value.FootComment = old.HeadComment, old.LineComment, old.FootComment
	*old = value

	out := bytes.NewBuffer(head)
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&doc); err != nil {
		return nil, err
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	// It must read back the same, whatever the name and the values hold.
	var back Config
	if err := lay(&back, out.Bytes(), path, nil); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(back.Presets[name], p) {
		return nil, errors.New("the settings file can't hold one of its values")
	}
	return out.Bytes(), nil
}

// entry is the value of a key in a mapping, made empty when there is none.
func entry(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	k, v := &yaml.Node{}, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
	k.SetString(key)
	mapping.Content = append(mapping.Content, k, v)
	return v
}
