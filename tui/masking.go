package tui

import (
	"image"

	"sundae/tui/graphics"
)

// maskMode is the picture being painted on.
type maskMode struct {
	tokens  []uint16
	picture *image.RGBA
}

var maskCommands []command

// gotBase begins painting a mask over a picture.
func (a *app) gotBase(msg baseMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	a.masking = maskMode{tokens: msg.tokens, picture: msg.picture}
	a.mode = masking
	a.relayout()
	a.say("Painting over " + msg.name)
}

func (m *maskMode) title() string { return "mask" }

// painter is the picture with the mask over it.
func (m *maskMode) painter() func() image.Image {
	picture := m.picture
	return func() image.Image { return picture }
}

func (a *app) maskPanel(rows int) string { return "" }

// composite lays what was not made anew back over a picture.
func (b *base) composite(made *image.RGBA, feather float64) *image.RGBA { return made }

var _ = graphics.Rect{}
