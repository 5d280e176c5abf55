// Package plot draws a sampling schedule in a few cells of a terminal, and edits its keyframes.
package plot

import (
	"fmt"
	"math"
	"strings"

	"charm.land/lipgloss/v2"

	"sundae/sampler/schedule"
)

// Plot is a schedule over the steps of a run, as it is drawn.
type Plot struct {
	Schedule schedule.Schedule
	Steps    int
	Current  int   // the step shown, 1 to Steps; 0 none
	Marks    []int // steps from which changed settings took effect
	Selected int   // the keyframe being edited; -1 none
	Taken    []float64
	// Taken holds the values that the steps so far had, from step 1 on. The curve shows these and then the schedule
	// as it is now.

	Curve, Past, Axis, Mark, Key lipgloss.Style
}

// axis is the width of the labels on the left, in cells.
const axis = 5

// Top is the value at the upper edge of the plot: the largest one, at least 1.
func (p Plot) Top() float64 {
	top := 1.0
	for t := 1; t <= p.Steps; t++ {
		top = max(top, p.value(t))
	}
	return math.Ceil(top*10-1e-9) / 10
}

// value returns the value that step t had or will have.
func (p Plot) value(t int) float64 {
	if t <= len(p.Taken) {
		return p.Taken[t-1]
	}
	return p.Schedule.At(t, p.Steps)
}

// View returns the plot in width×height cells, with 2×4 dots per cell.
func (p Plot) View(width, height int) string {
	w, h := width-axis, height
	if w < 2 || h < 2 {
		return ""
	}
	top := p.Top()
	dots := make([]rune, w*h)
	past := make([]bool, w*h)
	row := func(v float64) int { return int(math.Round((1 - min(v/top, 1)) * float64(4*h-1))) }
	last := -1
	for x := range 2 * w {
		t := 1 + float64(x)/float64(2*w-1)*float64(max(p.Steps-1, 0))
		low := int(t)
		share := t - float64(low)
		y := row(p.value(low)*(1-share) + p.value(min(low+1, p.Steps))*share)
		from, to := y, y
		if last >= 0 && last < y {
			from = last + 1
		} else if last > y {
			to = last - 1
		}
		for at := from; at <= to; at++ {
			cell := at/4*w + x/2
			dots[cell] |= braille[at%4][x%2]
			past[cell] = t <= float64(p.Current)
		}
		last = y
	}
	column := func(t int) int {
		return min(w-1, int(float64(t-1)/float64(max(p.Steps-1, 1))*float64(2*w-1))/2)
	}
	marked := map[int]bool{}
	for _, t := range p.Marks {
		if t >= 1 && t <= p.Steps {
			marked[column(t)] = true
		}
	}
	keys := p.keyCells(w, h, top)
	var out strings.Builder
	for y := range h {
		label := strings.Repeat(" ", axis)
		switch y {
		case 0:
			label = fmt.Sprintf("%4.2g ", top)
		case h - 1:
			label = "   0 "
		}
		out.WriteString(p.Axis.Render(label))
		for x := range w {
			cell := y*w + x
			key, isKey := keys[cell]
			switch {
			case isKey && key == p.Selected:
				out.WriteString(p.Key.Render("◆"))
			case isKey:
				out.WriteString(p.Curve.Render("◇"))
			case dots[cell] != 0 && past[cell]:
				out.WriteString(p.Past.Render(string('\u2800' + dots[cell])))
			case dots[cell] != 0:
				out.WriteString(p.Curve.Render(string('\u2800' + dots[cell])))
			case p.Current > 0 && column(p.Current) == x:
				out.WriteString(p.Mark.Render("│"))
			case marked[x]:
				out.WriteString(p.Axis.Render("┊"))
			default:
				out.WriteByte(' ')
			}
		}
		if y < h-1 {
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// braille are the dots of a cell, [row][column].
var braille = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// keyCells returns the keyframes by the cell they are in.
func (p Plot) keyCells(w, h int, top float64) map[int]int {
	cells := map[int]int{}
	if p.Schedule.Curve != schedule.Keyframes {
		return cells
	}
	for i, k := range p.Schedule.Keys {
		x := min(w-1, int(k.At*float64(2*w-1))/2)
		y := int(math.Round((1-min(k.Value/top, 1))*float64(4*h-1))) / 4
		if _, taken := cells[y*w+x]; !taken || i == p.Selected {
			cells[y*w+x] = i
		}
	}
	return cells
}

// Point returns the point of the schedule that the cell (x, y) of a width×height plot shows.
func (p Plot) Point(x, y, width, height int) schedule.Keyframe {
	w := width - axis
	at := (float64(x-axis) + 0.5) / float64(w)
	value := (1 - (float64(y)+0.5)/float64(height)) * p.Top()
	return schedule.Keyframe{At: min(1, max(0, at)), Value: max(0, value)}
}

// Nearest returns the keyframe nearest to a point, and whether it is near enough to be meant.
func Nearest(s schedule.Schedule, to schedule.Keyframe, top float64) (int, bool) {
	best, least := 0, math.Inf(1)
	for i, k := range s.Keys {
		if d := math.Hypot(k.At-to.At, (k.Value-to.Value)/top); d < least {
			best, least = i, d
		}
	}
	return best, least < 0.15
}
