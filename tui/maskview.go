package tui

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"sundae/sampler"
	"sundae/tui/mask"
)

// maskTint is the mask's colour over a picture.
var maskTint = color.RGBA{255, 70, 150, 255}

// maskPainter returns what draws the picture with the mask over it, beside the app.
func (a *app) maskPainter() func() image.Image {
	m, made := a.masking, a.masking.easel.now
	preview := image.Rectangle{}
	if m.corner != nil {
		preview = m.rectangle()
	}
	return func() image.Image {
		out := mask.Overlay(m.picture, made.pixels, made.tokens, maskTint)
		if !preview.Empty() {
			frame(out, preview, color.RGBA{255, 255, 255, 255})
		}
		radius := m.radius
		if m.tool != brush {
			radius = max(2, out.Rect.Dx()/128)
		}
		ring(out, m.cursor, radius)
		return out
	}
}

// ring draws the brush: white in black, to be seen on anything.
func ring(out *image.RGBA, at image.Point, radius int) {
	thick := float64(max(1, out.Rect.Dx()/256))
	reach := radius + 3*int(thick)
	box := image.Rect(at.X-reach, at.Y-reach, at.X+reach+1, at.Y+reach+1).Intersect(out.Rect)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			switch off := math.Abs(math.Hypot(float64(x-at.X), float64(y-at.Y)) - float64(radius)); {
			case off <= thick:
				out.SetRGBA(x, y, color.RGBA{255, 255, 255, 255})
			case off <= 2*thick:
				out.SetRGBA(x, y, color.RGBA{0, 0, 0, 255})
			}
		}
	}
}

// frame draws a rectangle's border.
func frame(out *image.RGBA, r image.Rectangle, c color.RGBA) {
	thick := max(1, out.Rect.Dx()/256)
	inner := r.Inset(thick)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if !image.Pt(x, y).In(inner) && image.Pt(x, y).In(out.Rect) {
				out.SetRGBA(x, y, c)
			}
		}
	}
}

func (a *app) maskTitle() string { return "mask over " + a.masking.name }

// maskPanel is the panel while a mask is painted.
func (a *app) maskPanel(rows int) string {
	m := &a.masking
	doing := "paint"
	if m.erase {
		doing = "erase"
	}
	rule := "touched by any pixel"
	if a.rule() == sampler.All {
		rule = "wholly masked"
	}
	n := m.easel.now.anew
	line := func(name, value string) string {
		return "  " + a.theme.dim.Render(fill(name, 10)) + a.theme.text.Render(value)
	}
	lines := []string{
		" " + a.theme.title.Render("Mask"),
		line("tool", toolNames[m.tool]),
		line("does", doing),
		line("brush", fmt.Sprintf("%d pixels", 2*m.radius+1)),
		line("tokens", rule),
		line("", fmt.Sprintf("%d of %d anew", n, a.Model.Latent.Tokens())),
		line("", fmt.Sprintf("%d%% of the picture", 100*n/a.Model.Latent.Tokens())),
		line("variants", fmt.Sprint(m.variants)),
		"",
		a.theme.dim.Render("  The line is around what is"),
		a.theme.dim.Render("  really made anew: whole tokens"),
		a.theme.dim.Render(fmt.Sprintf("  of %d×%d pixels.", a.Model.Downsample, a.Model.Downsample)),
	}
	return strings.Join(lines[:min(rows, len(lines))], "\n")
}
