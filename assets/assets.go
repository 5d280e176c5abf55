// Package assets holds what is built into the program: the training recipes and
// the default model.
package assets

import "embed"

// Recipes holds the training recipes, recipes/NAME.yaml.
//
//go:embed recipes/*.yaml
var Recipes embed.FS

// Models holds the bundles of the built-in models, one folder each.
//
//go:embed vistas/*.yaml vistas/*.onnx
var Models embed.FS
