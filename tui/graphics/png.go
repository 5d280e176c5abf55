package graphics

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/adler32"
	"hash/crc32"
)

// pngEncoder writes PNGs fast, on two cores: rows are predicted by the Paeth filter and then only Huffman-coded,
// since a search for repetitions costs much and saves little in natural images. Parts that are mostly flat do get the
// search.
type pngEncoder struct{ workers [bands]pngWorker }

type pngWorker struct {
	filtered []byte
	packed   bytes.Buffer
	huffman  *flate.Writer
	search   *flate.Writer
}

// flatShare is the percentage of zero bytes after the filter from which on repetitions are searched.
const flatShare = 70

func newPNGEncoder() *pngEncoder {
	e := &pngEncoder{}
	for i := range e.workers {
		w := &e.workers[i]
		w.huffman, _ = flate.NewWriter(&w.packed, flate.HuffmanOnly) // the levels are valid constants
		w.search, _ = flate.NewWriter(&w.packed, flate.BestSpeed)
	}
	return e
}

// encode returns p as a PNG file of 8-bit RGB.
func (e *pngEncoder) encode(p pixels) []byte {
	parallel(p.h, func(worker, from, to int) {
		e.workers[worker].encode(p, from, to)
	})
	size, sum := 64, adler32.New()
	for i := range e.workers {
		_, _ = sum.Write(e.workers[i].filtered)
		size += e.workers[i].packed.Len()
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(p.w))
	head = binary.BigEndian.AppendUint32(head, uint32(p.h))
	head = append(head, 8, 2, 0, 0, 0) // bits, RGB, and the only compression, filters and order
	out := append(make([]byte, 0, size), "\x89PNG\r\n\x1a\n"...)
	out = chunk(out, "IHDR", head)
	data := [][]byte{{0x78, 0x01}} // zlib's header
	for i := range e.workers {
		data = append(data, e.workers[i].packed.Bytes())
	}
	out = chunk(out, "IDAT", append(data, []byte{3, 0}, sum.Sum(nil))...) // 3, 0: an empty last block
	return chunk(out, "IEND")
}

func chunk(out []byte, name string, parts ...[]byte) []byte {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	from := len(out)
	out = append(out, name...)
	for _, part := range parts {
		out = append(out, part...)
	}
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[from:]))
}

// encode filters and compresses rows [from, to), ending at a whole byte.
func (w *pngWorker) encode(p pixels, from, to int) {
	const paeth = 4
	stride := p.w * 3
	w.filtered = w.filtered[:0]
	zeros := 0
	above := make([]byte, stride) // of the first row: zeros
	if from > 0 {
		above = p.rgb[(from-1)*stride : from*stride]
	}
	for y := from; y < to; y++ {
		row := p.rgb[y*stride : (y+1)*stride]
		w.filtered = append(w.filtered, paeth)
		at := len(w.filtered)
		w.filtered = append(w.filtered, row...)
		zeros += predict(w.filtered[at:], row, above)
		above = row
	}
	w.packed.Reset()
	z := w.huffman
	if zeros*100 > flatShare*len(w.filtered) {
		z = w.search
	}
	z.Reset(&w.packed)
	_, _ = z.Write(w.filtered) // a bytes.Buffer takes all
	_ = z.Flush()
}

// predict sets out to row minus the Paeth prediction from the pixels left, above and above left, and returns the
// number of zeros.
func predict(out, row, above []byte) (zeros int) {
	out, above = out[:len(row)], above[:len(row)]
	for i := range min(3, len(row)) {
		out[i] = row[i] - above[i]
	}
	for i := 3; i < len(row); i++ {
		a, b, c := int(row[i-3]), int(above[i]), int(above[i-3])
		toA, toB := distance(b, c), distance(a, c)
		guess := a
		if toC := distance(a+b, 2*c); toA > toB || toA > toC {
			guess = b
			if toB > toC {
				guess = c
			}
		}
		d := row[i] - byte(guess)
		out[i] = d
		if d == 0 {
			zeros++
		}
	}
	return zeros
}

func distance(a, b int) int {
	d := a - b
	sign := d >> 63
	return (d ^ sign) - sign
}
