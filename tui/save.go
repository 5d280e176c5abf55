package tui

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	tea "charm.land/bubbletea/v2"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/picture"
	"sundae/tui/loop"
	"sundae/tui/session"
)

// Limits of an animation, which bound its file and the memory it takes.
const (
	animationSide   = 768 // pixels across all images together
	animationFrames = 60  // of a longer run, as many steps evenly spaced
	animationGap    = 4   // pixels between images
)

// How long an animation shows each step, and the last.
const (
	eachStep = 200 * time.Millisecond
	lastStep = 2 * time.Second
)

// job is long work, done part by part in commands: after each part Update says how far it is and starts the next.
type job struct {
	doing string // "Saving the images"
	parts []func() error
	next  int
	done  func() string // what to say at the end
}

// jobMsg is a job after one of its parts.
type jobMsg struct {
	job
	err error
}

// start does the next part.
func (j job) start() tea.Cmd {
	return func() tea.Msg {
		err := j.parts[j.next]()
		j.next++
		return jobMsg{j, err}
	}
}

func (m jobMsg) apply(a *app) tea.Cmd {
	switch {
	case m.err != nil:
		a.fail(m.err)
	case m.next == len(m.parts):
		a.say(m.done())
	default:
		a.say(fmt.Sprintf("%s: %d of %d", m.doing, m.next, len(m.parts)))
		return m.start()
	}
	return nil
}

// save starts to save what is on screen.
func (a *app) save(as func(saver, []session.Shot) (job, error)) tea.Cmd {
	j, err := as(a.saver(), a.shots())
	if err != nil {
		a.fail(err)
		return nil
	}
	a.say(j.doing)
	return j.start()
}

// shots lists the samples on screen, or the one selected in the gallery.
func (a *app) shots() []session.Shot {
	if a.mode == browsing {
		return []session.Shot{a.gallery.Current().Shot}
	}
	var all []session.Shot
	for _, t := range a.tiles {
		if shot, ok := a.stage.Shot(t.lane, t.sample); ok {
			all = append(all, shot)
		}
	}
	return all
}

// saver is what commands need to decode and save images, beside the app.
type saver struct {
	ctx       context.Context
	loop      *loop.Loop
	model     bundle.Manifest
	side      int // of an image
	folder    string
	rows      int     // of an animation, one for each lane; 0 for as square a grid as possible
	composite bool    // copy the pixels that are kept from the inpainted image
	feather   float64 // pixels
}

func (a *app) saver() saver {
	s := saver{
		ctx: a.ctx, loop: a.loop, model: a.Model, side: a.Pictures.Size(), folder: a.Folder,
		composite: a.Mask.Composite, feather: a.Mask.Feather,
	}
	if comparing(a) && a.stage.SamplesShown() > 1 {
		s.rows = len(a.stage.Lanes)
	}
	return s
}

// decode returns a sample's image.
func (s saver) decode(shot session.Shot) (*image.RGBA, error) {
	img, err := s.loop.Picture(s.ctx, want(shot))
	if err == nil && shot.Base != nil && s.composite {
		img = shot.Base.Composite(img, s.feather)
	}
	return img, err
}

var errNothing = errors.New("there is no image to save yet")

// images saves every sample as a PNG file with its record.
func (s saver) images(shots []session.Shot) (job, error) {
	if len(shots) == 0 {
		return job{}, errNothing
	}
	var paths []string
	j := job{doing: "Saving images", done: func() string {
		if len(paths) == 1 {
			return "Saved " + paths[0]
		}
		return fmt.Sprintf("Saved %d images in %s", len(paths), s.folder)
	}}
	for _, shot := range shots {
		j.parts = append(j.parts, func() error {
			img, err := s.decode(shot)
			if err != nil {
				return fmt.Errorf("decode the image to save: %w", err)
			}
			name := fmt.Sprintf("sample-%d-%04d", shot.Lane.Settings.Seed, shot.Sample)
			if shot.Step < shot.Lane.Settings.Steps {
				name += fmt.Sprintf("-step-%d", shot.Step)
			}
			path, err := newFile(s.folder, name, ".png")
			if err != nil {
				return err
			}
			paths = append(paths, path)
			return picture.Save(path, img, shot.Texts(s.model)...)
		})
	}
	return j, nil
}

// gif saves the steps up to the one shown as an animated GIF.
func (s saver) gif(shots []session.Shot) (job, error) {
	return s.animation(shots, ".gif", func(w io.Writer, a picture.Animation) error { return picture.WriteGIF(w, a) })
}

// apng saves the steps up to the one shown as an animated PNG, with the record of the first sample.
func (s saver) apng(shots []session.Shot) (job, error) {
	return s.animation(shots, ".png", func(w io.Writer, a picture.Animation) error {
		return picture.WriteAPNG(w, a, shots[0].Texts(s.model)...)
	})
}

// animation decodes the steps one by one, side by side for several samples, and writes them.
func (s saver) animation(shots []session.Shot, ext string, write func(io.Writer, picture.Animation) error) (job, error) {
	last := 0
	for _, shot := range shots {
		last = max(last, shot.Step)
	}
	if last == 0 {
		return job{}, errNothing
	}
	columns := int(math.Ceil(math.Sqrt(float64(len(shots)))))
	if s.rows > 0 {
		columns = len(shots) / s.rows
	}
	side := min(s.side, (animationSide-(columns-1)*animationGap)/columns)
	animation := picture.Animation{Each: eachStep, Last: lastStep}
	name := fmt.Sprintf("run-%d", shots[0].Lane.Settings.Seed)
	if len(shots) == 1 {
		name += fmt.Sprintf("-%04d", shots[0].Sample)
	}
	path := ""
	j := job{doing: "Saving the animation", done: func() string { return "Saved " + path }}
	j.parts = append(j.parts, func() error { // says what is wrong with the folder before the long part
		_, err := newFile(s.folder, name, ext)
		return err
	})
	for _, step := range animationSteps(last) {
		j.parts = append(j.parts, func() error {
			frame, err := s.frame(shots, step, side, columns)
			animation.Frames = append(animation.Frames, frame)
			return err
		})
	}
	j.parts = append(j.parts, func() (err error) {
		if path, err = newFile(s.folder, name, ext); err != nil {
			return err
		}
		out, err := picture.NewFolder(s.folder)
		if err != nil {
			return err
		}
		defer out.Discard()
		if err := out.Write(filepath.Base(path), func(w io.Writer) error { return write(w, animation) }); err != nil {
			return err
		}
		_, err = out.Keep()
		return err
	})
	return j, nil
}

// animationSteps are the steps from 0 to last, at most animationFrames of them.
func animationSteps(last int) []int {
	n := min(last+1, animationFrames)
	steps := make([]int, n)
	for i := range steps {
		steps[i] = i * last / max(1, n-1)
	}
	return steps
}

// frame decodes one step of every sample and arranges them. A sample that is shown at an earlier step stays there.
func (s saver) frame(shots []session.Shot, step, side, columns int) (*image.RGBA, error) {
	cells := make([]image.Image, len(shots))
	for i, shot := range shots {
		img, err := s.decode(shot.At(min(step, shot.Step)))
		if err != nil {
			return nil, fmt.Errorf("decode step %d of the run: %w", step, err)
		}
		cells[i] = decoder.Fit(img, side)
	}
	return picture.Grid(cells, columns, animationGap, color.Black), nil
}

// newFile returns the path of a file that does not exist yet, in a folder that it creates if need be.
func newFile(folder, name, ext string) (string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("create the folder for saved images: %w", err)
	}
	for i := 1; ; i++ {
		path := filepath.Join(folder, name+ext)
		if i > 1 {
			path = filepath.Join(folder, fmt.Sprintf("%s-%d%s", name, i, ext))
		}
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", fmt.Errorf("look for a free file name: %w", err)
		}
	}
}
