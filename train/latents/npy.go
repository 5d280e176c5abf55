package latents

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// headerSize is the length of the headers written here. It is fixed, so that a header can be
// written again in place.
const headerSize = 128

// header is a version 1.0 .npy header for little-endian uint16 data in C order.
func header(shape ...int) []byte {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = strconv.Itoa(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	dict := fmt.Sprintf("{'descr': '<u2', 'fortran_order': False, 'shape': (%s), }", tuple)
	out := make([]byte, 0, headerSize)
	out = append(out, "\x93NUMPY\x01\x00"...)
	out = binary.LittleEndian.AppendUint16(out, headerSize-10)
	out = append(out, dict...)
	out = append(out, bytes.Repeat([]byte{' '}, headerSize-1-len(out))...)
	return append(out, '\n')
}

var (
	describesUint16 = regexp.MustCompile(`'descr':\s*'<u2'`)
	describesC      = regexp.MustCompile(`'fortran_order':\s*False`)
	describesShape  = regexp.MustCompile(`'shape':\s*\(([0-9, ]*)\)`)
)

// parseNPY reads a .npy file of uint16 in C order: its shape and its values.
func parseNPY(data []byte) (shape []int, values []uint16, err error) {
	if len(data) < 10 || string(data[:6]) != "\x93NUMPY" {
		return nil, nil, fmt.Errorf("not a NumPy file")
	}
	length, start := int(binary.LittleEndian.Uint16(data[8:])), 10
	if data[6] >= 2 {
		if len(data) < 12 {
			return nil, nil, fmt.Errorf("the header is truncated")
		}
		length, start = int(binary.LittleEndian.Uint32(data[8:])), 12
	}
	if length < 0 || length > len(data)-start {
		return nil, nil, fmt.Errorf("the header is truncated")
	}
	dict, body := data[start:start+length], data[start+length:]
	if !describesUint16.Match(dict) || !describesC.Match(dict) {
		return nil, nil, fmt.Errorf("expected uint16 ('<u2') in C order, the header says %s", strings.TrimSpace(string(dict)))
	}
	match := describesShape.FindSubmatch(dict)
	if match == nil {
		return nil, nil, fmt.Errorf("the header has no shape")
	}
	size := 1
	for field := range strings.SplitSeq(string(match[1]), ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		d, err := strconv.Atoi(field)
		if err != nil || d < 1 || d > len(body) {
			return nil, nil, fmt.Errorf("impossible shape (%s) for %d bytes", match[1], len(body))
		}
		if size *= d; size > len(body) {
			return nil, nil, fmt.Errorf("impossible shape (%s) for %d bytes", match[1], len(body))
		}
		shape = append(shape, d)
	}
	if len(body) != 2*size {
		return nil, nil, fmt.Errorf("shape (%s) needs %d bytes, the file has %d", match[1], 2*size, len(body))
	}
	values = make([]uint16, size)
	for i := range values {
		values[i] = binary.LittleEndian.Uint16(body[2*i:])
	}
	return shape, values, nil
}
