package picture

import (
	"bytes"
	"compress/zlib"
	"errors"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	img := noise(5, 4, 1)
	value := `{"class": "Höhenzug 山"}`
	data := pngOf(t, img, Text{"other", "x"}, Text{"sundae", value})
	for key, want := range map[string]string{"sundae": value, "other": "x"} {
		if got, err := ReadText(bytes.NewReader(data), key); got != want || err != nil {
			t.Errorf("%s: got %q, %v", key, got, err)
		}
	}
	if _, err := ReadText(bytes.NewReader(pngOf(t, img)), "sundae"); !errors.Is(err, ErrNoText) {
		t.Errorf("a PNG without: %v", err)
	}
	if !bytes.Equal(data, pngOf(t, img, Text{"other", "x"}, Text{"sundae", value})) {
		t.Error("the same picture and texts give other bytes")
	}
	decoded, err := decode(data, maxPixels)
	if err != nil || !bytes.Equal(opaque(decoded).Pix, img.Pix) {
		t.Errorf("the picture isn't the same with a text: %v", err)
	}
}

// withChunk returns a PNG file with an additional chunk.
func withChunk(t testing.TB, kind, data string) []byte {
	t.Helper()
	plain := pngOf(t, noise(2, 2, 1))
	var out bytes.Buffer
	out.Write(plain[:headerEnd])
	if err := writeChunk(&out, kind, []byte(data)); err != nil {
		t.Fatal(err)
	}
	out.Write(plain[headerEnd:])
	return out.Bytes()
}

func deflated(text string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// Other programs may write the text to another type of chunk.
func TestTextOfOtherPrograms(t *testing.T) {
	for name, data := range map[string][]byte{
		"tEXt":            withChunk(t, "tEXt", "sundae\x00hello"),
		"zTXt":            withChunk(t, "zTXt", "sundae\x00\x00"+deflated("hello")),
		"iTXt":            withChunk(t, "iTXt", "sundae\x00\x00\x00en\x00key\x00hello"),
		"iTXt compressed": withChunk(t, "iTXt", "sundae\x00\x01\x00\x00\x00"+deflated("hello")),
	} {
		if got, err := ReadText(bytes.NewReader(data), "sundae"); got != "hello" || err != nil {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestTextErrors(t *testing.T) {
	good := withChunk(t, "tEXt", "sundae\x00hello")
	flipped := bytes.Clone(good)
	flipped[headerEnd+16] ^= 1
	for says, data := range map[string][]byte{
		"is not a PNG file":              []byte("GIF89a, no doubt"),
		"is truncated":                   good[:headerEnd],
		"truncated in its tEXt":          good[:headerEnd+12],
		"its checksum is wrong":          flipped,
		"has an unreadable iTXt":         withChunk(t, "iTXt", "sundae\x00"),
		"compression method 9":           withChunk(t, "zTXt", "sundae\x00\x09"+deflated("hello")),
		"more than 1048576 bytes":        withChunk(t, "zTXt", "sundae\x00\x00"+deflated(strings.Repeat("a", maxText+1))),
		"more than the limit of 1048576": withChunk(t, "tEXt", "sundae\x00"+strings.Repeat("a", maxText)),
	} {
		if _, err := ReadText(bytes.NewReader(data), "sundae"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("expected %q, got %v", says, err)
		}
	}
}

// Any bytes give a text of limited length or an error with a message.
func FuzzReadText(f *testing.F) {
	for _, seed := range [][]byte{
		pngOf(f, noise(2, 2, 1)), withChunk(f, "tEXt", "sundae\x00hello"), withChunk(f, "zTXt", "sundae\x00\x00"+deflated("hello")),
		withChunk(f, "iTXt", "sundae\x00\x01\x00\x00\x00"+deflated("hello")), []byte(signature), nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := ReadText(bytes.NewReader(data), "sundae")
		if err != nil && (err.Error() == "" || text != "") {
			t.Errorf("%q, %v", text, err)
		}
		if len(text) > maxText {
			t.Errorf("a text of %d bytes", len(text))
		}
	})
}
