package tui

import (
	"charm.land/bubbles/v2/help"
	"charm.land/lipgloss/v2"
)

// theme is every style on screen. Colours are few: text, a dim grey and one
// accent; terminals with fewer colours, or none, get the nearest there is.
type theme struct {
	title, text, dim, accent, selected, bad, on, off, border lipgloss.Style
}

func newTheme(dark bool) theme {
	pick := lipgloss.LightDark(dark)
	accent := pick(lipgloss.Color("#C2185B"), lipgloss.Color("#FF7EB6"))
	grey := pick(lipgloss.Color("#6B6B6B"), lipgloss.Color("#8A8A8A"))
	bad := pick(lipgloss.Color("#B00020"), lipgloss.Color("#FF6B6B"))
	style := lipgloss.NewStyle()
	return theme{
		title:    style.Bold(true).Foreground(accent),
		text:     style,
		dim:      style.Foreground(grey),
		accent:   style.Foreground(accent),
		selected: style.Bold(true).Foreground(accent),
		bad:      style.Bold(true).Foreground(bad),
		on:       style.Bold(true),
		off:      style.Foreground(grey),
		border:   style.Foreground(grey),
	}
}

// helpStyles are those of the line of keys. Bubbles' own are too faint to read
// on a light background.
func (t theme) helpStyles() help.Styles {
	return help.Styles{
		Ellipsis: t.dim, ShortKey: t.text, ShortDesc: t.dim, ShortSeparator: t.dim,
		FullKey: t.text, FullDesc: t.dim, FullSeparator: t.dim,
	}
}
