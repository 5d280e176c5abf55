package plot

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sundae/sampler/schedule"
	"testing"

	"charm.land/lipgloss/v2"
)

func parse(t *testing.T, text string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A falling line goes from the top left cell to the bottom right one; a constant 1 fills the top row.
func TestViewPassesThroughItsEnds(t *testing.T) {
	rows := strings.Split(Plot{Schedule: parse(t, "1:0"), Steps: 10, Selected: -1}.View(axis+12, 4), "\n")
	if len(rows) != 4 {
		t.Fatalf("%d rows", len(rows))
	}
	first, last := []rune(rows[0]), []rune(rows[3])
	if first[axis] <= '\u2800' || last[axis+11] <= '\u2800' || first[axis+11] != ' ' || last[axis] != ' ' {
		t.Errorf("a falling line is drawn as\n%s", strings.Join(rows, "\n"))
	}
	constant := strings.Split(Plot{Schedule: parse(t, "1"), Steps: 10, Selected: -1}.View(axis+6, 3), "\n")
	if got := constant[0]; got != "   1 "+strings.Repeat("⠉", 6) {
		t.Errorf("a constant 1 is drawn as %q", got)
	}
	for _, row := range rows {
		if lipgloss.Width(row) != axis+12 {
			t.Errorf("row %q is %d wide", row, lipgloss.Width(row))
		}
	}
}

// Steps taken keep their values when the schedule changes.
func TestViewKeepsThePast(t *testing.T) {
	taken := []float64{1, 1, 1, 1, 1}
	rows := strings.Split(Plot{Schedule: parse(t, "0"), Steps: 10, Taken: taken, Current: 5, Selected: -1}.View(axis+10, 4), "\n")
	if []rune(rows[0])[axis] <= '\u2800' || []rune(rows[3])[axis+9] <= '\u2800' {
		t.Errorf("five steps at 1, then 0:\n%s", strings.Join(rows, "\n"))
	}
}

// After any edit of keyframes the schedule can be written and parsed.
func TestEditsStayValid(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, text := range []string{"1:0.6:cosine", "1.2:0.3:exponential", "0:1:harmonic", "0.7", "0:1,0.5:0.2,1:0.9"} {
		s := Keyed(parse(t, text), 400)
		for range 300 {
			i := rng.IntN(len(s.Keys))
			switch rng.IntN(3) {
			case 0:
				s = Move(s, i, schedule.Keyframe{At: rng.Float64()*1.4 - 0.2, Value: rng.Float64()*3 - 0.5}, 2)
			case 1:
				s, _ = Add(s, i)
			case 2:
				s = Delete(s, i)
			}
			again, err := schedule.Parse(s.String())
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			if !slices.Equal(again.Keys, s.Keys) || again.Start != s.Start || again.End != s.End {
				t.Fatalf("%v reads back as %v", s, again)
			}
		}
	}
}

// Keyframes follow the curve they replace to within 0.05.
func TestKeyedFollowsTheCurve(t *testing.T) {
	for _, text := range []string{"1:0.6:cosine", "1:0.5:exponential", "0:1:harmonic", "1:0.2", "0.8"} {
		s := parse(t, text)
		keyed := Keyed(s, 50)
		for step := 1; step <= 50; step++ {
			if a, b := s.At(step, 50), keyed.At(step, 50); math.Abs(a-b) > 0.05 {
				t.Errorf("%s at step %d of 50: %g as keyframes, %g as it is", text, step, b, a)
			}
		}
	}
}

// A click on a keyframe's cell finds that keyframe.
func TestPointFindsKeys(t *testing.T) {
	p := Plot{Schedule: parse(t, "0:1,0.3:0.2,1:0.9"), Steps: 20, Selected: -1}
	const width, height = 40, 8
	for cell, want := range p.keyCells(width-axis, height, p.Top()) {
		point := p.Point(axis+cell%(width-axis), cell/(width-axis), width, height)
		if got, near := Nearest(p.Schedule, point, p.Top()); got != want || !near {
			t.Errorf("a click on keyframe %d finds %d, near %t", want, got, near)
		}
	}
}

// dotsAt lists the dots that are set, as rows by column, with two columns and four rows per cell.
func dotsAt(view string) map[int][]int {
	dots := map[int][]int{}
	for y, line := range strings.Split(view, "\n") {
		for x, r := range []rune(line)[axis:] {
			if r < 0x2800 || r > 0x28ff {
				continue
			}
			for row := range 4 {
				for column := range 2 {
					if (r-0x2800)&braille[row][column] != 0 {
						dots[2*x+column] = append(dots[2*x+column], 4*y+row)
					}
				}
			}
		}
	}
	return dots
}

// The curve has a dot in every column, passes through the value of every step, and has no gaps.
func TestViewFollowsTheSchedule(t *testing.T) {
	for _, size := range [][2]int{{20, 5}, {60, 12}} {
		for _, text := range []string{"1:0", "0.2:0.9", "1:0.3:cosine", "1:0.1:exponential", "0:1,0.5:0.1,1:0.8", "0.5"} {
			w, h := size[0]-axis, size[1]
			p := Plot{Schedule: parse(t, text), Steps: 2 * w, Selected: -1}
			s := p.Schedule
			keyed := s.Curve == schedule.Keyframes
			if keyed { // drawn as steps, for the keyframes' own cells hide the curve
				p.Schedule = schedule.Schedule{Start: 1, End: 1, Curve: schedule.Constant}
				for step := 1; step <= p.Steps; step++ {
					p.Taken = append(p.Taken, s.At(step, p.Steps))
				}
			}
			dots := dotsAt(p.View(size[0], size[1]))
			for x := range 2 * w { // a column of dots for each step
				want := int(math.Round((1 - s.At(x+1, p.Steps)/p.Top()) * float64(4*h-1)))
				if !slices.Contains(dots[x], want) {
					t.Errorf("%s at %d×%d: column %d has dots in rows %v, want %d", text, size[0], size[1], x, dots[x], want)
				}
				if x == 0 {
					continue
				}
				near := false
				for _, a := range dots[x-1] {
					for _, b := range dots[x] {
						near = near || a-b <= 1 && b-a <= 1
					}
				}
				if !near {
					t.Errorf("%s at %d×%d: a gap before column %d", text, size[0], size[1], x)
				}
			}
		}
	}
}

// The step shown, changes and keyframes are in their columns.
func TestViewMarks(t *testing.T) {
	p := Plot{Schedule: parse(t, "0:0,0.5:0,1:0"), Steps: 10, Current: 10, Marks: []int{1, 99}, Selected: 1}
	rows := strings.Split(p.View(axis+10, 4), "\n")
	if got := string([]rune(rows[0])[axis:]); got != "┊        │" {
		t.Errorf("the first row is %q", got)
	}
	if got := []rune(rows[3])[axis:]; got[0] != '◇' || got[4] != '◆' || got[9] != '◇' {
		t.Errorf("the last row is %q", string(got))
	}
	if got := p.View(axis+1, 4) + p.View(40, 1); got != "" {
		t.Errorf("without room it draws %q", got)
	}
}

// A keyframe moved to the mouse is drawn in that cell.
func TestPointRoundTrip(t *testing.T) {
	for _, size := range [][2]int{{20, 5}, {60, 12}} {
		p := Plot{Schedule: parse(t, "0:1,1:1.4"), Steps: 20, Selected: 1}
		w, h := size[0]-axis, size[1]
		for x := range w {
			for y := range h {
				q := p
				point := p.Point(axis+x, y, size[0], size[1])
				q.Schedule = schedule.Schedule{Curve: schedule.Keyframes, Keys: []schedule.Keyframe{{Value: 1.4}, point, {At: 1, Value: 1.4}}}
				if i, ok := q.keyCells(w, h, p.Top())[y*w+x]; !ok || i != 1 {
					t.Fatalf("cell %d, %d of %v stands for %+v, which is drawn elsewhere", x, y, size, point)
				}
			}
		}
	}
}
