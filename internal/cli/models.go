package cli

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sundae/assets"
	"sundae/internal/bundle"
	"sundae/sampler"
)

func newModels(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "models [FOLDER...]",
		Short: "List the model bundles found, and where they come from",
		Long: `List the built-in model, the bundles in the settings' model folders, and the one
that the settings name; or those in the folders given, up to two folders deep. A bundle
that can't be opened is listed with the reason.`,
		Example: `  sundae models
  sundae models runs`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := places(a, args)
			if err != nil {
				return err
			}
			for i, p := range found {
				if i > 0 {
					fmt.Fprintln(a.out)
				}
				describe(a, p)
			}
			if len(found) == 0 {
				looked := args
				if len(args) == 0 {
					looked = a.config.Models
				}
				a.talk.Printf("There are no model bundles in %s. Train one with `sundae train all`, or copy one there.", strings.Join(looked, ", "))
			}
			return nil
		},
	}
}

// places finds bundles: in the folders given, or where the settings say.
func places(a *app, folders []string) ([]place, error) {
	var all []place
	if len(folders) == 0 {
		if p, err := findBundle(a.config.Model, a.config.Models); err == nil {
			all = append(all, p)
		}
		for _, name := range assets.Models() {
			if p, ok := builtIn(name); ok && !slices.ContainsFunc(all, func(o place) bool { return o.where == p.where }) {
				all = append(all, p)
			}
		}
	}
	for _, folder := range folders {
		if _, err := os.ReadDir(folder); err != nil {
			return nil, fmt.Errorf("look for models: %w", err)
		}
	}
	if len(folders) == 0 {
		folders = a.config.Models // which needn't be there
	}
	for _, folder := range folders {
		for _, depth := range []string{".", "*", "*/*"} {
			files, err := fs.Glob(os.DirFS(folder), path.Join(depth, bundle.ManifestFile))
			if err != nil {
				return nil, fmt.Errorf("look for models in %s: %w", folder, err)
			}
			for _, file := range files {
				dir := filepath.Join(folder, filepath.FromSlash(path.Dir(file)))
				if !slices.ContainsFunc(all, func(p place) bool { return p.where == dir }) {
					all = append(all, place{dir, os.DirFS(dir)})
				}
			}
		}
	}
	return all, nil
}

// describe prints what there is to know of a bundle.
func describe(a *app, p place) {
	b, err := p.open()
	if err != nil {
		fmt.Fprintf(a.out, "%s\n  can't be opened: %v\n", p.where, err)
		return
	}
	m := b.Manifest
	name := m.Name
	if m.Description != "" {
		name += ": " + m.Description
	}
	fmt.Fprintln(a.out, name)
	line := func(what, format string, args ...any) {
		fmt.Fprintf(a.out, "  %-11s %s\n", what, fmt.Sprintf(format, args...))
	}
	var bytes int64
	for _, file := range m.Files {
		bytes += file.Bytes
	}
	line("where", "%s, %.1f MB", p.where, float64(bytes)/1e6)
	line("pictures", "%d×%d pixels, %d×%d tokens of %d×%d pixels", m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Downsample, m.Downsample)
	line("vocabulary", "%d codes", m.Vocabulary)
	if len(m.Classes) > 0 {
		line("classes", "%s", strings.Join(m.Classes, ", "))
	} else {
		line("classes", "none")
	}
	if s, err := sampler.Recommended(m); err == nil {
		line("sampling", "%d steps, temperature %s, proportion %s, renoise %s", s.Steps, s.Temperature, s.Proportion, s.Renoise)
	}
	if text := trained(m.Training); text != "" {
		line("trained", "%s", text)
	}
	if m.Licence != "" {
		line("licence", "%s", m.Licence)
	}
}

// trained says in one line where a model comes from.
func trained(t bundle.Training) string {
	var parts []string
	if t.Date != "" {
		parts = append(parts, t.Date)
	}
	if t.Command != "" {
		parts = append(parts, fmt.Sprintf("`%s`, seed %d", t.Command, t.Seed))
	}
	for _, stage := range slices.Sorted(maps.Keys(t.Steps)) {
		parts = append(parts, fmt.Sprintf("%s %d steps in %.2g hours", stage, t.Steps[stage], t.Hours[stage]))
	}
	if t.Machine != "" {
		parts = append(parts, t.Machine)
	}
	if psnr, ok := t.Figures["vqgan_psnr"]; ok {
		parts = append(parts, fmt.Sprintf("reconstructs at %.1f dB", psnr))
	}
	return strings.Join(parts, ", ")
}
