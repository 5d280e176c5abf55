// Package assets holds what is built into the program: the training recipes and
// the default model.
package assets

import (
	"embed"
	"io/fs"
)

// Recipes holds the training recipes, recipes/NAME.yaml.
//
//go:embed recipes/*.yaml
var Recipes embed.FS

//go:embed vistas/*.yaml vistas/*.onnx
var models embed.FS

// Model is a built-in model's bundle.
func Model(name string) (bundle fs.FS, ok bool) {
	sub, err := fs.Sub(models, name)
	if err != nil {
		return nil, false
	}
	if _, err := fs.Stat(sub, "."); err != nil {
		return nil, false
	}
	return sub, true
}

// Models lists the built-in models.
func Models() []string {
	entries, _ := models.ReadDir(".") // the root of an embedded folder is always there
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
