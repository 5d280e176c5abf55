package cli

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/internal/picture"
	"sundae/internal/progress"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// longRun is the time from which a run says how long it will take.
const longRun = 30 * time.Second

// sheetWidth is the largest width of a sheet of samples, in pixels.
const sheetWidth = 4096

// outputFlags say how many images are sampled and what is written.
type outputFlags struct {
	n           int
	out, format string // format of the animation
	history     bool
}

func (f *outputFlags) add(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.n, "n", 0, "number of images (default from the settings)")
	cmd.Flags().StringVar(&f.out, "out", "", "`folder` for the images")
	cmd.Flags().BoolVar(&f.history, "history", false, "also write the image of every step, and an animation of the run")
	cmd.Flags().StringVar(&f.format, "animation", "", "format of the animation of --history: gif or apng (default from the settings)")
	cmd.MarkFlagRequired("out")
}

// check completes the flags with the settings, and checks them.
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
		return fmt.Errorf("--animation must be gif or apng, not %q", f.format)
	}
	return nil
}

// rendering samples images and writes them to NAME-SEED-0000.png, ..., with a sheet of
// all of them.
type rendering struct {
	*opened
	outputFlags
	name     string          // "sample"
	like     *sampler.Record // of the image of --like, or nil
	settings schedule.Settings
	record   sampler.Record // of the first sample
	from     sampler.Origin
	original image.Image // shown first on the sheet, or nil
	finish   func(*image.RGBA) *image.RGBA

	files     *picture.Folder
	sheet     []image.Image
	animation *picture.RunAnimation // with history
}

// begin opens the bundle and determines the settings: from the flags, the image of
// --like, or the settings file.
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
	b, err := m.bundleWithPrior(a)
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

// run samples the images and writes them. After an error there are no files.
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
		return errors.New("interrupted before all images were sampled: no files were written")
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

// sample runs all steps.
func (r *rendering) sample(ctx context.Context, a *app) (*sampler.Run, error) {
	run, err := r.prior.Start(sampler.Start{N: r.n, First: r.record.Sample, Settings: r.settings, From: r.from})
	if err != nil {
		return nil, err
	}
	bar := a.reporter.Bar("sampling", int64(r.settings.Steps), "steps")
	defer bar.Done()
	err = run.Finish(ctx, func(stats sampler.Stats) error {
		if left := stats.Took * time.Duration(stats.Steps-1); stats.Step == 1 && left >= longRun {
			a.reporter.Printf("a step takes %s, all %d about %s", progress.Duration(stats.Took), stats.Steps, progress.Duration(stats.Took+left))
		}
		bar.Add(1)
		bar.Note("temperature %.2f  confidence %.2f  %d frozen", stats.Temperature, stats.Confidence, stats.Frozen)
		return nil
	})
	return run, err
}

// save decodes the samples of a run, with --history after every step, and writes the
// images.
func (r *rendering) save(ctx context.Context, a *app, run *sampler.Run) error {
	last := run.Len() - 1
	first := last
	if r.history {
		first = 0
	}
	bar := a.reporter.Bar("decoding", int64(r.n*(last-first+1)), "images")
	defer bar.Done()
	for i := range r.n {
		record := r.record
		record.Sample += i
		name := fmt.Sprintf("%s-%d-%04d", r.name, r.settings.Seed, record.Sample)
		var tokens []uint16
		var img *image.RGBA
		for step := first; step <= last; step++ {
			if now := run.At(step).Tokens[i]; img == nil || !slices.Equal(now, tokens) {
				decoded, err := r.pictures.Decode(ctx, now)
				if err != nil {
					return err
				}
				tokens, img = now, r.finish(decoded)
			}
			if r.history {
				record.Step = step
				r.animation.Add(img, step, step == last)
				if err := r.files.Save(fmt.Sprintf("%s-step-%02d.png", name, step), img, pngText(record)); err != nil {
					return err
				}
			}
			bar.Add(1)
		}
		record.Step = 0
		if err := r.files.Save(name+".png", img, pngText(record)); err != nil {
			return err
		}
		r.sheet = append(r.sheet, picture.Cell(img, r.cells(), sheetWidth))
	}
	return nil
}

// saveTogether writes the sheet and the animation.
func (r *rendering) saveTogether() error {
	record := r.record
	record.Samples = r.n
	if err := r.files.Save("grid.png", picture.Sheet(r.sheet), pngText(record)); err != nil || !r.history {
		return err
	}
	animation := r.animation.Animation()
	name := fmt.Sprintf("%s-%d-run", r.name, r.settings.Seed)
	if r.format == "apng" {
		return r.files.Write(name+".png", func(w io.Writer) error { return picture.WriteAPNG(w, animation, pngText(record)) })
	}
	return r.files.Write(name+".gif", func(w io.Writer) error { return picture.WriteGIF(w, animation) })
}

// cells returns the number of images on the sheet.
func (r *rendering) cells() int {
	if r.original != nil {
		return r.n + 1
	}
	return r.n
}

// pngText returns a record as text of a PNG file.
func pngText(r sampler.Record) picture.Text {
	return picture.Text{Key: sampler.RecordKey, Value: r.String()}
}
