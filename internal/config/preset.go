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

// SavePreset adds a preset to the settings file at path, or replaces the one of that
// name. The rest of the file stays as it is, comments included. If the file does not
// exist it is created, with its folder. A file with errors is not changed.
func SavePreset(path, name string, p Sampling) error {
	fail := func(err error) error { return fmt.Errorf("save the preset %q: %w", name, err) }
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

// addPreset returns the text of a settings file with the preset added.
func addPreset(text []byte, path, name string, p Sampling) ([]byte, error) {
	if err := merge(&Config{}, text, path, nil); err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var head []byte
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		// The file has only comments. They stay, above the new settings.
		head = append(bytes.TrimRight(text, "\n"), '\n')
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	}
	presets := entry(doc.Content[0], "presets")
	if presets.Kind == yaml.AliasNode {
		presets = presets.Alias
	}
	if presets.Kind != yaml.MappingNode { // null, as in "presets:" without a value
		*presets = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: presets.HeadComment}
	}
	presets.Style = 0 // one line each instead of {}
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
	// Check that the preset reads back the same, for any name and values.
	var back Config
	if err := merge(&back, out.Bytes(), path, nil); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(back.Presets[name], p) {
		return nil, errors.New("one of its values can't be written to the settings file")
	}
	return out.Bytes(), nil
}

// entry returns the value of a key in a mapping. If there is none, it adds a null.
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
