package tui

import (
	"charm.land/bubbles/v2/help"
	"charm.land/lipgloss/v2"

	"sundae/tui/panel"
)

// theme holds every style on screen. There are few colours: text, a dim grey and one accent. Terminals with fewer colours,
// or none, get the nearest.
type theme struct {
	title, text, dim, accent, selected, bad, heading, border lipgloss.Style
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
		heading:  style.Bold(true),
		border:   style.Foreground(grey),
	}
}

// helpStyles are the styles of the key line. Those of Bubbles are too faint to read on a light background.
func (t theme) helpStyles() help.Styles {
	return help.Styles{
		Ellipsis: t.dim, ShortKey: t.text, ShortDesc: t.dim, ShortSeparator: t.dim,
		FullKey: t.text, FullDesc: t.dim, FullSeparator: t.dim,
	}
}

func (t theme) panelStyles() panel.Styles {
	return panel.Styles{Text: t.text, Dim: t.dim, Accent: t.accent, Selected: t.selected, Heading: t.heading}
}
