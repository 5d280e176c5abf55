package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"strings"
	"unicode"
)

// Text is a text chunk of a PNG file (PNG specification, third edition, section
// 11.3.3). The key has 1 to 79 printable ASCII characters, the value is any UTF-8.
type Text struct{ Key, Value string }

// ErrNoText is the error of a PNG file without a text of the requested key.
var ErrNoText = errors.New("has no such text")

// maxText is the longest text that is read, in bytes. A small file can hold a
// compressed text that does not fit in memory.
const maxText = 1 << 20

// signature is the start of every PNG file.
const signature = "\x89PNG\r\n\x1a\n"

// headerEnd is the end of the first chunk, IHDR: signature, length and type, 13 bytes
// of data, checksum.
const headerEnd = len(signature) + 8 + 13 + 4

// encoder writes PNG files. For images of a megapixel, the default level makes files a
// sixth smaller in about ten times the time, more than it takes to decode the tokens.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed}

// encode writes a PNG file with its texts before the pixels, so that reading them does
// not need the whole file.
func encode(w io.Writer, img image.Image, texts []Text) error {
	if len(texts) == 0 {
		return encoder.Encode(w, img)
	}
	var plain bytes.Buffer
	if err := encoder.Encode(&plain, img); err != nil {
		return err
	}
	if _, err := w.Write(plain.Next(headerEnd)); err != nil {
		return err
	}
	for _, t := range texts {
		if err := writeChunk(w, t.kind(), []byte(t.Key+t.separator()+t.Value)); err != nil {
			return err
		}
	}
	_, err := plain.WriteTo(w)
	return err
}

// kind returns the type of the chunk: tEXt, which is Latin-1 and known to more
// programs, if possible, else iTXt, which is UTF-8.
func (t Text) kind() string {
	if strings.ContainsFunc(t.Value, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "iTXt"
	}
	return "tEXt"
}

// separator returns the bytes between key and value.
func (t Text) separator() string {
	if t.kind() == "iTXt" {
		return "\x00\x00\x00\x00\x00" // end of the key; not compressed, no method; no language; no translated key
	}
	return "\x00"
}

// writeChunk writes one chunk: length, type, data, and the checksum of type and data.
func writeChunk(w io.Writer, kind string, data []byte) error {
	chunk := make([]byte, 0, len(data)+12)
	chunk = binary.BigEndian.AppendUint32(chunk, uint32(len(data)))
	chunk = append(append(chunk, kind...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	_, err := w.Write(chunk)
	return err
}

// A chunk is a section of a PNG file.
type chunk struct {
	kind string
	data []byte
}

// readChunk reads the next chunk. It skips the data of chunks that are not wanted.
func readChunk(r io.Reader, want func(kind string) bool) (chunk, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return chunk{}, fmt.Errorf("is truncated: %w", err)
	}
	c := chunk{kind: string(head[4:])}
	size := int64(binary.BigEndian.Uint32(head[:]))
	if !want(c.kind) {
		if _, err := io.CopyN(io.Discard, r, size+4); err != nil {
			return chunk{}, fmt.Errorf("is truncated in its %q chunk: %w", c.kind, err)
		}
		return c, nil
	}
	if size > maxText {
		return chunk{}, fmt.Errorf("has a %s chunk of %d bytes, more than the limit of %d", c.kind, size, maxText)
	}
	c.data = make([]byte, size+4)
	if _, err := io.ReadFull(r, c.data); err != nil {
		return chunk{}, fmt.Errorf("is truncated in its %s chunk: %w", c.kind, err)
	}
	sum := binary.BigEndian.Uint32(c.data[size:])
	c.data = c.data[:size]
	if crc32.Update(crc32.ChecksumIEEE(head[4:]), crc32.IEEETable, c.data) != sum {
		return chunk{}, fmt.Errorf("has a damaged %s chunk: its checksum is wrong", c.kind)
	}
	return c, nil
}

// ReadText reads the text of a key from a PNG file, out of any of the three types of
// text chunks. Its errors continue the name of the file.
func ReadText(r io.Reader, key string) (string, error) {
	head := make([]byte, len(signature))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != signature {
		return "", errors.New("is not a PNG file")
	}
	for {
		c, err := readChunk(r, func(kind string) bool { return kind == "iTXt" || kind == "tEXt" || kind == "zTXt" })
		if err != nil {
			return "", err
		}
		if c.kind == "IEND" {
			return "", ErrNoText
		}
		found, rest, ok := bytes.Cut(c.data, []byte{0})
		if !ok || string(found) != key {
			continue
		}
		value, err := parseText(c.kind, rest)
		if err != nil {
			return "", fmt.Errorf("has an unreadable %s chunk: %w", c.kind, err)
		}
		return value, nil
	}
}

// parseText reads the part of a text chunk after the key and its zero byte.
func parseText(kind string, rest []byte) (string, error) {
	compressed := kind == "zTXt"
	switch kind {
	case "iTXt":
		if len(rest) < 2 {
			return "", io.ErrUnexpectedEOF
		}
		compressed, rest = rest[0] == 1, rest[1:]
		method := rest[0]
		parts := bytes.SplitN(rest[1:], []byte{0}, 3) // language, translated key, text
		if len(parts) < 3 {
			return "", io.ErrUnexpectedEOF
		}
		rest = append([]byte{method}, parts[2]...)
	case "tEXt":
		rest = append([]byte{0}, rest...)
	}
	if len(rest) < 1 {
		return "", io.ErrUnexpectedEOF
	}
	method, text := rest[0], rest[1:]
	if !compressed {
		return string(text), nil
	}
	if method != 0 {
		return "", fmt.Errorf("unknown compression method %d", method)
	}
	z, err := zlib.NewReader(bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	defer z.Close()
	plain, err := io.ReadAll(io.LimitReader(z, maxText+1))
	if err == nil && len(plain) > maxText {
		err = fmt.Errorf("more than %d bytes of text", maxText)
	}
	return string(plain), err
}
