package graphics

import (
	"bytes"
	"encoding/base64"
	"image/jpeg"
	"strings"
	"testing"
)

func TestITerm2ShowsThePicture(t *testing.T) {
	for _, tmux := range []bool{false, true} {
		d := NewDriver(Terminal{Protocol: ITerm2, CellWidth: 9, CellHeight: 18, Tmux: tmux})
		d.(*iterm2).pane.locate = func() (int, int) { return 0, 0 }
		r := Rect{X: 3, Y: 4, Cols: 60, Rows: 25}
		img := scene(4, 512)
		f, err := d.Encode(img, 1, r)
		if err != nil {
			t.Fatal(err)
		}
		raw := f.Overlay
		if tmux {
			raw = unwrapTmux(t, raw)
		}
		text, ok := strings.CutPrefix(string(raw), "\x1b7\x1b[5;4H\x1b]1337;File=")
		if !ok {
			t.Fatalf("%.60q", raw)
		}
		keys, text, _ := strings.Cut(text, ":")
		text, ok = strings.CutSuffix(text, "\a\x1b8")
		if !ok {
			t.Fatal("no end")
		}
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(keys, "inline=1") || !strings.Contains(keys, "width=50;height=25") {
			t.Errorf("keys %q for %dx%d cells", keys, f.Cols, f.Rows)
		}
		got, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		want, _, _ := place(img, r, 9, 18)
		if db := psnr(t, want, pixelsOf(got)); db < 36 {
			t.Errorf("%.1f dB", db)
		}
	}
}
