package tui

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"time"

	tea "charm.land/bubbletea/v2"

	"sundae/decoder"
	"sundae/internal/picture"
)

// Limits of a saved run, which keep the file small and the memory bounded.
const (
	filmSide   = 768 // pixels across, of all pictures together
	filmFrames = 60  // of a longer run only as many, evenly
	filmGap    = 4   // pixels between pictures
)

// How long each step is on show, and the last.
const (
	filmEach = 200 * time.Millisecond
	filmLast = 2 * time.Second
)

// saveRun writes the steps up to the one on show as a moving picture, side by
// side where several pictures are on screen. The steps are decoded one by one,
// after what the screen wants.
func (a *app) saveRun(ext string) tea.Cmd {
	shots := a.onShow()
	last := 0
	for _, s := range shots {
		last = max(last, s.step)
	}
	if last == 0 {
		a.fail(errNothing)
		return nil
	}
	columns := int(math.Ceil(math.Sqrt(float64(len(shots)))))
	if lanes := len(a.stage.lanes); a.mode == exploring && lanes > 1 && len(shots) > lanes {
		columns = len(shots) / lanes // a row for each side
	}
	side := min(a.Pictures.Size(), (filmSide-(columns-1)*filmGap)/columns)
	film := picture.Animation{Each: filmEach, Last: filmLast}
	path := ""
	w := work{doing: "Saving the run", done: func() string { return "Saved " + path }}
	folder, texts := a.Folder, a.texts(shots[0])
	name := fmt.Sprintf("run-%d", shots[0].lane.settings.Seed)
	if len(shots) == 1 {
		name += fmt.Sprintf("-%04d", shots[0].sample)
	}
	w.parts = append(w.parts, func() error { // says what is wrong before the long part
		_, err := newFile(folder, name, ext)
		return err
	})
	for _, step := range filmSteps(last) {
		w.parts = append(w.parts, func() error {
			frame, err := a.filmFrame(shots, step, side, columns)
			film.Frames = append(film.Frames, frame)
			return err
		})
	}
	w.parts = append(w.parts, func() (err error) {
		if path, err = newFile(folder, name, ext); err != nil {
			return err
		}
		out, err := picture.NewFolder(folder)
		if err != nil {
			return err
		}
		defer out.Discard()
		err = out.Write(filepath.Base(path), func(f io.Writer) error {
			if ext == ".gif" {
				return picture.WriteGIF(f, film)
			}
			return picture.WriteAPNG(f, film, texts...)
		})
		if err == nil {
			_, err = out.Keep()
		}
		return err
	})
	a.say(w.doing)
	return w.start()
}

// filmSteps are the steps from 0 to last, at most filmFrames of them.
func filmSteps(last int) []int {
	n := min(last+1, filmFrames)
	steps := make([]int, n)
	for i := range steps {
		steps[i] = i * last / max(1, n-1)
	}
	return steps
}

// filmFrame decodes one step of every picture and lays them out.
func (a *app) filmFrame(shots []shot, step, side, columns int) (*image.RGBA, error) {
	cells := make([]image.Image, len(shots))
	for i, s := range shots {
		p, err := a.loop.Picture(a.ctx, s.want(min(step, s.step)))
		if err != nil {
			return nil, fmt.Errorf("decode step %d of the run: %w", step, err)
		}
		cells[i] = decoder.Fit(a.finish(s.base)(p), side)
	}
	return picture.Grid(cells, columns, filmGap, color.Black), nil
}
