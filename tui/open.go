package tui

import (
	"image"
	"os"
	"path/filepath"

	"charm.land/bubbles/v2/filepicker"
	tea "charm.land/bubbletea/v2"

	"sundae/internal/picture"
	"sundae/tui/graphics"
)

// newFiles is the file picker, for pictures.
func newFiles() filepicker.Model {
	m := filepicker.New()
	m.AllowedTypes = []string{".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG", ".WEBP"}
	m.CurrentDirectory, _ = os.Getwd() // "" lists the same folder
	m.AutoHeight = false
	m.Styles.EmptyDirectory = m.Styles.EmptyDirectory.SetString("  No pictures here: ← goes up")
	return m
}

// chooseFile shows the picker.
func (a *app) chooseFile() tea.Cmd {
	a.files.SetHeight(max(3, a.pictureArea().Rows-2))
	a.cover(fileSheet)
	return a.files.Init()
}

// openedMsg is a picture read from disk.
type openedMsg struct {
	path    string
	picture image.Image
	err     error
}

func (a *app) fileKey(msg tea.KeyPressMsg, pressed string) tea.Cmd {
	if pressed == "esc" || pressed == "q" {
		a.cover(noSheet)
		return nil
	}
	var cmd tea.Cmd
	a.files, cmd = a.files.Update(msg)
	path := ""
	if ok, chosen := a.files.DidSelectFile(msg); ok {
		path = chosen
	}
	if path == "" {
		return cmd
	}
	a.cover(noSheet)
	a.say("Reading " + path)
	return func() tea.Msg { return read(path) }
}

func read(path string) openedMsg {
	img, err := picture.Load(path)
	if err != nil {
		return openedMsg{err: err}
	}
	return openedMsg{path: path, picture: img}
}

// opened hands a picture to the encoder; what it makes of it comes as news.
func (a *app) opened(msg openedMsg) {
	if msg.err != nil {
		a.fail(msg.err)
		return
	}
	a.loop.Encode(msg.picture)
}

func (a *app) fileView(area graphics.Rect) string {
	return " " + a.theme.title.Render("Open a picture from "+filepath.Base(a.files.CurrentDirectory)) +
		a.theme.dim.Render("  enter opens, ← goes up, esc leaves") + "\n\n" + a.files.View()
}
