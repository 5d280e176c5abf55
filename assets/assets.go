// Package assets holds what is built into the program: the training recipes.
package assets

import "embed"

// Recipes holds the training recipes, recipes/NAME.yaml.
//
//go:embed recipes/*.yaml
var Recipes embed.FS
