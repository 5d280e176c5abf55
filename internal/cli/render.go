package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// sheetWidth is the largest width of a sheet of samples, in pixels.
const sheetWidth = 4096

// outputFlags say how many pictures are made and what is kept of them.
type outputFlags struct {
	n           int
	out, format string // format of the animation
	history     bool
}

func (f *outputFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.n, "n", 0, "pictures (default from the settings)")
	cmd.Flags().StringVar(&f.out, "out", "", "`folder` for the pictures")
	cmd.Flags().BoolVar(&f.history, "history", false, "keep every step's picture too, and an animation of the run")
	cmd.Flags().StringVar(&f.format, "animation", "", "with --history: gif or apng (default from the settings)")
	cmd.MarkFlagRequired("out")
}

// check fills in what the settings say, and refuses what can't be made.
func (f *outputFlags) check(a *app, cmd *cobra.Command) error {
	if !cmd.Flags().Changed("n") {
		f.n = a.config.Sampling.N
	}
	if f.n < 1 || f.n > config.MaxSamples {
		return fmt.Errorf("--n must be 1 to %d, not %d", config.MaxSamples, f.n)
	}
	if f.format == "" {
		f.format = a.config.Pictures.Animation
	}
	if !slices.Contains(config.Animations, f.format) {
		return fmt.Errorf("--animation is gif or apng, not %q", f.format)
	}
	return nil
}

// A rendering makes pictures and writes them as NAME-SEED-0000.png, ..., with a
// sheet of all of them.
type rendering struct {
	*opened
	outputFlags
	name     string          // "sample"
	like     *sampler.Record // of the picture whose settings are repeated, or nil
	settings schedule.Settings
	record   sampler.Record // of the first sample
	from     sampler.Origin
	original image.Image // shown first on the sheet, or nil
	finish   func(*image.RGBA) *image.RGBA

	files     *picture.Folder
	sheet     []image.Image
	animation *picture.RunAnimation // with history
}

// begin opens the bundle and gathers the settings: from the flags, from the
// picture that is to be repeated, or from the settings file.
func (r *rendering) begin(a *app, cmd *cobra.Command, m *modelFlags, f *samplingFlags) (*bundle.Bundle, error) {
	if err := r.check(a, cmd); err != nil {
		return nil, err
	}
	var err error
	if r.like, err = f.record(); err != nil {
		return nil, err
	}
	first := 0
	if r.like != nil {
		first = r.like.Sample
		if !cmd.Flags().Changed("n") {
			r.n = max(1, r.like.Samples)
		}
		m.preferLike(a, r.like)
	}
	b, err := m.bundle(a)
	if err != nil {
		return nil, err
	}
	if r.settings, err = f.settings(a, b.Manifest); err != nil {
		return nil, err
	}
	warnLike(a, f.like, r.like, b.Manifest)
	r.record = sampler.NewRecord(b.Manifest, r.settings, first)
	return b, nil
}

// run makes the pictures. If anything fails, no file is there.
func (r *rendering) run(ctx context.Context, a *app) error {
	files, err := picture.NewFolder(r.out)
	if err != nil {
		return err
	}
	defer files.Discard()
	r.files = files
	if r.original != nil {
		r.sheet = append(r.sheet, picture.Cell(r.original, r.cells(), sheetWidth))
	}
	if r.history {
		r.animation = picture.NewRunAnimation(r.settings.Steps, r.n)
	}
	run, err := r.sample(ctx, a)
	if err == nil {
		err = r.save(ctx, a, run)
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped before the pictures were done: nothing was written")
	case err != nil:
		return err
	}
	if err := r.saveTogether(); err != nil {
		return err
	}
	paths, err := files.Keep()
	for _, path := range paths {
		fmt.Fprintln(a.out, path)
	}
	return err
}

// sample takes all steps of a run.
func (r *rendering) sample(ctx context.Context, a *app) (*sampler.Run, error) {
	run, err := r.prior.Start(sampler.Start{N: r.n, First: r.record.Sample, Settings: r.settings, From: r.from})
	if err != nil {
		return nil, err
	}
	bar := a.talk.Bar("sampling", int64(r.settings.Steps), "steps")
	defer bar.Done()
	err = run.Finish(ctx, func(stats sampler.Stats) error {
		bar.Add(1)
		bar.Note("temperature %.2f  confidence %.2f  %d frozen", stats.Temperature, stats.Confidence, stats.Frozen)
		return nil
	})
	return run, err
}

// save decodes the samples of a run, or every step of them, and writes the
// pictures.
func (r *rendering) save(ctx context.Context, a *app, run *sampler.Run) error {
	last := run.Len() - 1
	first := last
	if r.history {
		first = 0
	}
	bar := a.talk.Bar("decoding", int64(r.n*(last-first+1)), "pictures")
	defer bar.Done()
	for i := range r.n {
		record := r.record
		record.Sample += i
		name := fmt.Sprintf("%s-%d-%04d", r.name, r.settings.Seed, record.Sample)
		var tokens []uint16
		var p *image.RGBA
		for step := first; step <= last; step++ {
			if now := run.At(step).Tokens[i]; p == nil || !slices.Equal(now, tokens) {
				made, err := r.pictures.Decode(ctx, now)
				if err != nil {
					return err
				}
				tokens, p = now, r.finish(made)
			}
			if r.history {
				record.Step = step
				r.animation.Add(p, step, step == last)
				if err := r.files.Save(fmt.Sprintf("%s-step-%02d.png", name, step), p, text(record)); err != nil {
					return err
				}
			}
			bar.Add(1)
		}
		record.Step = 0
		if err := r.files.Save(name+".png", p, text(record)); err != nil {
			return err
		}
		r.sheet = append(r.sheet, picture.Cell(p, r.cells(), sheetWidth))
	}
	return nil
}

// saveTogether writes the sheet and the animation.
func (r *rendering) saveTogether() error {
	record := r.record
	record.Samples = r.n
	if err := r.files.Save("grid.png", picture.Sheet(r.sheet), text(record)); err != nil || !r.history {
		return err
	}
	animation := r.animation.Animation()
	name := fmt.Sprintf("%s-%d-run", r.name, r.settings.Seed)
	if r.format == "apng" {
		return r.files.Write(name+".png", func(w io.Writer) error { return picture.WriteAPNG(w, animation, text(record)) })
	}
	return r.files.Write(name+".gif", func(w io.Writer) error { return picture.WriteGIF(w, animation) })
}

// cells is the number of pictures on the sheet.
func (r *rendering) cells() int {
	if r.original != nil {
		return r.n + 1
	}
	return r.n
}

// text is a record as the text of a PNG.
func text(r sampler.Record) picture.Text {
	return picture.Text{Key: sampler.RecordKey, Value: r.String()}
}
