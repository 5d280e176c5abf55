package plot

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"

	"sundae/sampler"
)

func schedule(t *testing.T, text string) sampler.Schedule {
	t.Helper()
	s, err := sampler.ParseSchedule(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A falling line leaves the top left cell and ends at the bottom right one; a
// constant 1 fills the top row.
func TestViewPassesThroughItsEnds(t *testing.T) {
	rows := strings.Split(Plot{Schedule: schedule(t, "1:0"), Steps: 10, Selected: -1}.View(axis+12, 4), "\n")
	if len(rows) != 4 {
		t.Fatalf("%d rows", len(rows))
	}
	first, last := []rune(rows[0]), []rune(rows[3])
	if first[axis] <= '\u2800' || last[axis+11] <= '\u2800' || first[axis+11] != ' ' || last[axis] != ' ' {
		t.Errorf("a falling line is drawn as\n%s", strings.Join(rows, "\n"))
	}
	constant := strings.Split(Plot{Schedule: schedule(t, "1"), Steps: 10, Selected: -1}.View(axis+6, 3), "\n")
	if got := constant[0]; got != "   1 "+strings.Repeat("⠉", 6) {
		t.Errorf("a constant 1 is drawn as %q", got)
	}
	for _, row := range rows {
		if lipgloss.Width(row) != axis+12 {
			t.Errorf("row %q is %d wide", row, lipgloss.Width(row))
		}
	}
}

// The steps taken keep the values they had when the schedule changes.
func TestViewKeepsThePast(t *testing.T) {
	taken := []float64{1, 1, 1, 1, 1}
	rows := strings.Split(Plot{Schedule: schedule(t, "0"), Steps: 10, Taken: taken, Current: 5, Selected: -1}.View(axis+10, 4), "\n")
	if []rune(rows[0])[axis] <= '\u2800' || []rune(rows[3])[axis+9] <= '\u2800' {
		t.Errorf("five steps at 1, then 0:\n%s", strings.Join(rows, "\n"))
	}
}

// Whatever is done to keyframes, the sampler can read them back.
func TestEditsStayValid(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, text := range []string{"1:0.6:cosine", "1.2:0.3:exponential", "0.7", "0:1,0.5:0.2,1:0.9"} {
		s := Keyed(schedule(t, text))
		for range 300 {
			i := rng.IntN(len(s.Keys))
			switch rng.IntN(3) {
			case 0:
				s = Move(s, i, sampler.Key{At: rng.Float64()*1.4 - 0.2, Value: rng.Float64()*3 - 0.5}, 2)
			case 1:
				s, _ = Add(s, i)
			case 2:
				s = Delete(s, i)
			}
			again, err := sampler.ParseSchedule(s.String())
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			if !slices.Equal(again.Keys, s.Keys) || again.Start != s.Start || again.End != s.End {
				t.Fatalf("%v reads back as %v", s, again)
			}
		}
	}
}

// Keyframes follow the curve they come from to within a twentieth.
func TestKeyedFollowsTheCurve(t *testing.T) {
	for _, text := range []string{"1:0.6:cosine", "1:0.5:exponential", "1:0.2", "0.8"} {
		s := schedule(t, text)
		keyed := Keyed(s)
		for step := 1; step <= 50; step++ {
			if a, b := s.At(step, 50), keyed.At(step, 50); math.Abs(a-b) > 0.05 {
				t.Errorf("%s at step %d of 50: %g as keyframes, %g as it is", text, step, b, a)
			}
		}
	}
}

// A click on a keyframe's cell finds that keyframe.
func TestPointFindsKeys(t *testing.T) {
	p := Plot{Schedule: schedule(t, "0:1,0.3:0.2,1:0.9"), Steps: 20, Selected: -1}
	const width, height = 40, 8
	for cell, want := range p.keyCells(width-axis, height, p.Top()) {
		point := p.Point(axis+cell%(width-axis), cell/(width-axis), width, height)
		if got, near := Nearest(p.Schedule, point, p.Top()); got != want || !near {
			t.Errorf("a click on keyframe %d finds %d, near %t", want, got, near)
		}
	}
}
