// Package safetensors reads and writes the header of a safetensors file: the header's
// length in eight little-endian bytes, a JSON object with each tensor's type, shape and
// place, and then the data. train/engine keeps its checkpoints in this format, and
// train/pretrained reads the weights of other programs from it.
package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// maxHeader bounds the header that ReadHeader reads.
const maxHeader = 64 << 20

// Entry describes one tensor.
type Entry struct {
	DType   string   `json:"dtype"` // "F32", "F16", "BF16", "I64", ...
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"` // first byte and the one after the last, from the start of the data
}

// Header lists the tensors of a file.
type Header struct {
	Entries  map[string]Entry
	Metadata map[string]string
	Data     int64 // where the data starts in the file
}

// ReadHeader reads the header of a file of fileSize bytes from its start. Every tensor
// lies in the file; whether its shape fills its bytes is for the caller to check, who knows
// the type.
func ReadHeader(r io.Reader, fileSize int64) (Header, error) {
	var size uint64
	if err := binary.Read(r, binary.LittleEndian, &size); err != nil {
		return Header{}, fmt.Errorf("read header length: %w", err)
	}
	if size > maxHeader || int64(size) > fileSize-8 {
		return Header{}, fmt.Errorf("not a safetensors file: its header claims %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return Header{}, fmt.Errorf("read header: %w", err)
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return Header{}, fmt.Errorf("parse header: %w", err)
	}
	h := Header{Entries: map[string]Entry{}, Metadata: map[string]string{}, Data: 8 + int64(size)}
	for name, value := range raw {
		if name == "__metadata__" {
			if err := json.Unmarshal(value, &h.Metadata); err != nil {
				return Header{}, fmt.Errorf("parse metadata: %w", err)
			}
			continue
		}
		var entry Entry
		if err := json.Unmarshal(value, &entry); err != nil {
			return Header{}, fmt.Errorf("parse entry %s: %w", name, err)
		}
		if o := entry.Offsets; o[0] < 0 || o[1] < o[0] || o[1] > fileSize-h.Data {
			return Header{}, fmt.Errorf("tensor %s ends beyond the file", name)
		}
		h.Entries[name] = entry
	}
	return h, nil
}

// Names lists the tensors by their place in the file.
func (h Header) Names() []string {
	return slices.SortedFunc(maps.Keys(h.Entries), func(a, b string) int {
		return cmp.Or(cmp.Compare(h.Entries[a].Offsets[0], h.Entries[b].Offsets[0]), cmp.Compare(a, b))
	})
}

// WriteHeader writes the header of a file with these tensors.
func WriteHeader(w io.Writer, entries map[string]Entry, metadata map[string]string) error {
	header := map[string]any{"__metadata__": metadata}
	for name, entry := range entries {
		if name == "__metadata__" {
			return errors.New("a tensor can't be called __metadata__")
		}
		entry.Shape = append([]int{}, entry.Shape...) // a scalar's shape is [], never null
		header[name] = entry
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
