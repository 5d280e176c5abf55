package tui

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/muesli/cancelreader"
)

// keyboard is the terminal as Bubble Tea reads it. A program that is killed or
// panics closes its own reader while that may still be reading
// (charmbracelet/bubbletea issue 1599), and what it then touches may be another
// file's. This is no file in that reader's eyes, so it leaves the closing to us:
// when the program has ended, and after the last read has.
type keyboard struct {
	io.ReadWriteCloser // the terminal
	fd                 uintptr
	keys               cancelreader.CancelReader
	reading            chan struct{} // holds one while a read is under way
}

func newKeyboard(in *os.File) (*keyboard, error) {
	keys, err := cancelreader.NewReader(in)
	if err != nil {
		return nil, err
	}
	return &keyboard{in, in.Fd(), keys, make(chan struct{}, 1)}, nil
}

// Fd lets Bubble Tea see that this is a terminal.
func (k *keyboard) Fd() uintptr { return k.fd }

func (k *keyboard) Read(p []byte) (int, error) {
	k.reading <- struct{}{}
	defer func() { <-k.reading }()
	n, err := k.keys.Read(p)
	if errors.Is(err, io.EOF) {
		err = errLost // Bubble Tea takes an end for good and would go on without keys
	}
	return n, err
}

// Close ends a read that is under way, and leaves the terminal open: it is the
// caller's. A read that does not end, because someone else took what it was
// called for, keeps its reader.
func (k *keyboard) Close() error {
	k.keys.Cancel()
	select {
	case k.reading <- struct{}{}:
		defer func() { <-k.reading }()
		return k.keys.Close()
	case <-time.After(parting):
		return nil
	}
}
