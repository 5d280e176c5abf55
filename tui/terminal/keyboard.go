package terminal

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/muesli/cancelreader"
)

// Keyboard is the terminal as Bubble Tea reads it. A program that is killed or panics closes its own reader while that
// may still be reading (charmbracelet/bubbletea issue 1599), and the file descriptor it then touches may belong to
// another file. A Keyboard is not a file to that reader, so closing is left to the caller: after the program has ended
// and the last read has returned.
type Keyboard struct {
	io.ReadWriteCloser // the terminal
	fd                 uintptr
	keys               cancelreader.CancelReader
	reading            chan struct{} // holds one while a read is in progress
}

// NewKeyboard reads keys from in, which stays the caller's to close.
func NewKeyboard(in *os.File) (*Keyboard, error) {
	keys, err := cancelreader.NewReader(in)
	if err != nil {
		return nil, err
	}
	return &Keyboard{in, in.Fd(), keys, make(chan struct{}, 1)}, nil
}

// Fd tells Bubble Tea that this is a terminal.
func (k *Keyboard) Fd() uintptr { return k.fd }

// Read reads keys. At the end of the input it returns [ErrLost]: Bubble Tea would take io.EOF for a normal end and continue
// without keys.
func (k *Keyboard) Read(p []byte) (int, error) {
	k.reading <- struct{}{}
	defer func() { <-k.reading }()
	n, err := k.keys.Read(p)
	if errors.Is(err, io.EOF) {
		err = ErrLost
	}
	return n, err
}

// Close cancels a read in progress. It leaves the terminal open. A read that does not end, because another reader took
// the input that would have woken it, keeps its file descriptor.
func (k *Keyboard) Close() error {
	k.keys.Cancel()
	select {
	case k.reading <- struct{}{}:
		defer func() { <-k.reading }()
		return k.keys.Close()
	case <-time.After(closingTime):
		return nil
	}
}
