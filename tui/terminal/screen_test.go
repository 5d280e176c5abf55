package terminal

import (
	"bytes"
	"testing"
)

// recording keeps what is written.
type recording struct{ bytes.Buffer }

func (*recording) Close() error { return nil }

// Terminals drop images when their screen is wiped: the current ones are sent again with their data, after the frame
// that wiped it.
func TestWipedImagesComeBack(t *testing.T) {
	var out recording
	s := NewScreen(&out, 0, 0, 0, func(err error) { t.Error(err) })
	write := func(frame string) {
		if _, err := s.Write([]byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	write("\x1b[?1049h")
	if err := s.draw(t.Context(), 1, overlay{data: []byte("<data>"), draw: []byte("<place>")}); err != nil {
		t.Fatal(err)
	}
	s.Touch()
	write("[cells]")
	write("\x1b[2J[cells]")
	s.End()
	if got, want := out.String(), "\x1b[?1049h<data><place>[cells]<place>\x1b[2J[cells]<data><place>"; got != want {
		t.Errorf("what was written is %q, want %q", got, want)
	}
}
