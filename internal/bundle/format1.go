package bundle

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// renamed lists the keys of a manifest of format 1 that have other names in format 2,
// by section.
var renamed = map[string]map[string]string{
	"sampling": {"corruption": "renoise"},
	"figures":  {"vqgan_live": "vqgan_code_usage"},
}

// upgrade returns a manifest of format 1 as one of format 2, which differs in some
// names, and any other as it is. Models are kept for years, so format 1 stays
// readable.
func upgrade(text []byte) ([]byte, error) {
	var version struct {
		Format int `yaml:"format"`
	}
	if err := yaml.Unmarshal(text, &version); err != nil || version.Format != 1 {
		return text, nil // the strict reading that follows reports errors
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	root := document.Content[0]
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		switch key.Value {
		case "format":
			value.Value = fmt.Sprint(Format)
		case "sampling":
			dropUnset(value)
			rename(value, renamed["sampling"])
		case "training":
			for k := 0; k+1 < len(value.Content); k += 2 {
				if value.Content[k].Value == "figures" {
					rename(value.Content[k+1], renamed["figures"])
				}
			}
		}
	}
	return yaml.Marshal(&document)
}

// rename gives the keys of a mapping their new names.
func rename(mapping *yaml.Node, names map[string]string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if name, ok := names[mapping.Content[i].Value]; ok {
			mapping.Content[i].Value = name
		}
	}
}

// dropUnset removes the settings of format 1 that recommend nothing: empty schedules,
// and all of them where every one has its zero value.
func dropUnset(sampling *yaml.Node) {
	var kept []*yaml.Node
	zero := true
	for i := 0; i+1 < len(sampling.Content); i += 2 {
		value := sampling.Content[i+1]
		zero = zero && (value.Value == "" || value.Value == "0" || value.Value == "false")
		if value.Kind != yaml.ScalarNode || value.Value != "" {
			kept = append(kept, sampling.Content[i], value)
		}
	}
	if zero {
		kept = nil
	}
	sampling.Content = kept
}
