package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/sampler"
)

func newModels(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "models [FOLDER...]",
		Short: "List the model bundles and where they are",
		Long: `List the model that the settings name, the built-in one, and the bundles in the
model folders of the settings. With folders as arguments, list the bundles in those, at
most two folders deep. A bundle that can't be opened is listed with the reason.`,
		Example: `  sundae models
  sundae models runs`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			find := func() ([]bundle.Location, error) { return bundle.Scan(args) }
			if len(args) == 0 {
				find = func() ([]bundle.Location, error) { return a.search().All(a.config.Model) }
			}
			found, err := find()
			if err != nil {
				return err
			}
			for i, l := range found {
				if i > 0 {
					fmt.Fprintln(a.out)
				}
				describe(cmd.Context(), a, l)
			}
			if len(found) == 0 {
				a.reporter.Printf("no model bundles in %s; train one with `sundae train all`", strings.Join(args, ", "))
			}
			return nil
		},
	}
}

// describe prints what a bundle says about itself.
func describe(ctx context.Context, a *app, l bundle.Location) {
	b, err := l.Open(ctx, a.reporter)
	if err != nil {
		fmt.Fprintf(a.out, "%s\n  can't be opened: %v\n", l.Path, err)
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
	line("where", "%s, %.1f MB", l.Path, float64(m.Size())/1e6)
	line("images", "%d×%d pixels, %d×%d tokens of %d×%d pixels", m.ImageSize, m.ImageSize, m.Latent.Height, m.Latent.Width, m.Downsample, m.Downsample)
	line("vocabulary", "%d codes", m.Vocabulary)
	switch {
	case !m.HasPrior():
		line("prior", "none: train one with `sundae train all --tokenizer %s`", l.Name())
	case len(m.Classes) > 0:
		line("classes", "%s", strings.Join(m.Classes, ", "))
	default:
		line("classes", "none")
	}
	if s, err := sampler.Recommended(m); err == nil && m.HasPrior() {
		line("sampling", "%d steps, temperature %s, proportion %s, renoise %s", s.Steps, s.Temperature, s.Proportion, s.Renoise)
	}
	for _, o := range m.Origin {
		text := fmt.Sprintf("%s %s, SHA-256 %.12s…", o.Role, o.File, o.SHA256)
		if o.Licence != "" {
			text += ", licence " + o.Licence
		}
		line("imported", "%s", text)
	}
	if text := describeTraining(m.Training); text != "" && len(m.Training.Steps) > 0 {
		line("trained", "%s", text)
	} else if text != "" {
		line("made", "%s", text)
	}
	if m.Licence != "" {
		line("licence", "%s", m.Licence)
	}
}

// describeTraining tells in one line how a model was trained, or made of other files.
func describeTraining(t bundle.Training) string {
	var parts []string
	if t.Date != "" {
		parts = append(parts, t.Date)
	}
	if t.Command != "" {
		parts = append(parts, "`"+t.Command+"`")
	}
	if t.Command != "" && len(t.Steps) > 0 {
		parts = append(parts, fmt.Sprintf("seed %d", t.Seed))
	}
	for _, stage := range slices.Sorted(maps.Keys(t.Steps)) {
		parts = append(parts, fmt.Sprintf("%s %d steps in %.2g hours", stage, t.Steps[stage], t.Hours[stage]))
	}
	if t.Machine != "" {
		parts = append(parts, t.Machine)
	}
	if psnr, ok := t.Figures["vqgan_psnr"]; ok {
		parts = append(parts, fmt.Sprintf("reconstruction PSNR %.1f dB", psnr))
	}
	return strings.Join(parts, ", ")
}
