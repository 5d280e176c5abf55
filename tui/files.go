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

// files is the file picker for images.
type files struct{ picker filepicker.Model }

func newFiles() files {
	m := filepicker.New()
	m.AllowedTypes = []string{".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG", ".WEBP"}
	m.CurrentDirectory, _ = os.Getwd() // "" lists the same folder
	m.AutoHeight = false
	m.Styles.EmptyDirectory = m.Styles.EmptyDirectory.SetString("  No images here: ← goes up")
	return files{m}
}

// open shows the picker in an area.
func (f *files) open(area graphics.Rect) tea.Cmd {
	f.picker.SetHeight(max(3, area.Rows-2))
	return f.picker.Init()
}

func (f *files) view(styles theme) string {
	return " " + styles.title.Render("Open an image from "+filepath.Base(f.picker.CurrentDirectory)) + "\n" +
		" " + styles.dim.Render("enter opens, ← goes up, esc cancels") + "\n" + f.picker.View()
}

func (a *app) fileKey(msg tea.KeyPressMsg) tea.Cmd {
	if pressed := msg.String(); pressed == "esc" || pressed == "q" {
		a.cover(noSheet)
		return nil
	}
	cmd := a.forward(msg)
	ok, path := a.files.picker.DidSelectFile(msg)
	if !ok {
		return cmd
	}
	a.cover(noSheet)
	a.say("Opening " + path)
	return func() tea.Msg { return readImage(path) }
}

// openedMsg is an image that was read from a file.
type openedMsg struct {
	image image.Image
	err   error
}

func readImage(path string) openedMsg {
	img, err := picture.Load(path)
	return openedMsg{img, err}
}

// apply has the image encoded; the loop reports the result.
func (m openedMsg) apply(a *app) tea.Cmd {
	if m.err != nil {
		a.fail(m.err)
		return nil
	}
	a.loop.Encode(m.image)
	return nil
}
