package pretrained

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/gomlx/compute/dtypes/float16"
)

// elementType is how a storage holds its elements, all little endian.
type elementType int

const (
	float32Type elementType = iota
	float64Type
	float16Type
	bfloat16Type
	int64Type
	int32Type
	int16Type
	int8Type
	uint8Type
	boolType
)

// width is the size of an element in bytes.
func (t elementType) width() int64 {
	switch t {
	case float64Type, int64Type:
		return 8
	case float32Type, int32Type:
		return 4
	case float16Type, bfloat16Type, int16Type:
		return 2
	}
	return 1
}

// convert reads the element at the start of b.
func (t elementType) convert(b []byte) float32 {
	le := binary.LittleEndian
	switch t {
	case float32Type:
		return math.Float32frombits(le.Uint32(b))
	case float64Type:
		return float32(math.Float64frombits(le.Uint64(b)))
	case float16Type:
		return float16.FromBits(le.Uint16(b)).Float32()
	case bfloat16Type:
		return math.Float32frombits(uint32(le.Uint16(b)) << 16)
	case int64Type:
		return float32(int64(le.Uint64(b)))
	case int32Type:
		return float32(int32(le.Uint32(b)))
	case int16Type:
		return float32(int16(le.Uint16(b)))
	case int8Type:
		return float32(int8(b[0]))
	}
	return float32(b[0])
}

// storage is a run of elements in the file. Several tensors may share one.
type storage struct {
	element  elementType
	elements int64                                // how many there are
	open     func() (io.Reader, io.Closer, error) // from the first byte
	at       io.ReaderAt                          // in place of open, where the bytes lie in the file as they are
}

// tensor is a view of a storage.
type tensor struct {
	storage        *storage
	shape, strides []int // strides in elements
	offset         int   // of the first element
}

// maxRank bounds the number of axes, far above that of any network.
const maxRank = 16

// maxElements bounds the elements of a tensor, far above those of any weight, and maxShared
// those of one that has more of them than its storage: strides of 0 repeat elements, and a
// few bytes could otherwise claim to be a tensor of any size.
const (
	maxElements = 1 << 40
	maxShared   = 1 << 20
)

// newTensor checks that the view lies in its storage.
func newTensor(s *storage, offset int, shape, strides []int) (tensor, error) {
	t := tensor{s, slices.Clone(shape), slices.Clone(strides), offset}
	if len(shape) != len(strides) || len(shape) > maxRank {
		return tensor{}, fmt.Errorf("a tensor has the impossible shape %v with strides %v: the file is damaged", shape, strides)
	}
	elements := int64(1)
	for _, n := range shape {
		if n < 0 || n > 0 && elements > maxElements/int64(n) {
			return tensor{}, fmt.Errorf("a tensor has the impossible shape %v: the file is damaged", shape)
		}
		elements *= int64(n)
	}
	if elements == 0 {
		return t, nil
	}
	last := int64(offset)
	inside := offset >= 0 && last < s.elements && elements <= max(s.elements, maxShared)
	for i, n := range shape {
		stride := int64(strides[i])
		inside = inside && stride >= 0 && (n == 1 || stride <= (s.elements-1-last)/int64(n-1))
		if !inside {
			break
		}
		last += int64(n-1) * stride
	}
	if !inside {
		return tensor{}, fmt.Errorf("a tensor of shape %v and strides %v at offset %d reaches beyond its %d elements: the file is damaged", shape, strides, offset, s.elements)
	}
	return t, nil
}

// contiguous are the strides of a row-major tensor.
func contiguous(shape []int) []int {
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= max(1, shape[i])
	}
	return strides
}

// size is the number of elements.
func (t tensor) size() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// span is the number of elements of the storage from the first that t sees to the last.
func (t tensor) span() int {
	span := 1
	for i, n := range t.shape {
		span += (n - 1) * t.strides[i]
	}
	return span
}

// read returns the elements in row-major order.
func (t tensor) read() ([]float32, error) {
	if t.size() == 0 {
		return nil, nil
	}
	values, err := t.storage.read(int64(t.offset), t.span())
	if err != nil || t.isContiguous() {
		return values, err
	}
	out := make([]float32, 0, t.size())
	index := make([]int, len(t.shape))
	for {
		at := 0
		for i, k := range index {
			at += k * t.strides[i]
		}
		out = append(out, values[at])
		axis := len(index) - 1
		for ; axis >= 0; axis-- {
			if index[axis]++; index[axis] < t.shape[axis] {
				break
			}
			index[axis] = 0
		}
		if axis < 0 {
			return out, nil
		}
	}
}

func (t tensor) isContiguous() bool {
	want := contiguous(t.shape)
	for i, n := range t.shape {
		if n > 1 && t.strides[i] != want[i] {
			return false
		}
	}
	return true
}

// read returns n elements from the element at offset.
func (s *storage) read(offset int64, n int) ([]float32, error) {
	width := s.element.width()
	var r io.Reader
	if s.at != nil {
		r = io.NewSectionReader(s.at, offset*width, int64(n)*width)
	} else {
		stream, closer, err := s.open()
		if err != nil {
			return nil, err
		}
		defer closer.Close()
		if _, err := io.CopyN(io.Discard, stream, offset*width); err != nil {
			return nil, truncated(err)
		}
		r = stream
	}
	values := make([]float32, 0, n)
	buffer := make([]byte, min(int64(n), 1<<16)*width)
	for len(values) < n {
		part := buffer[:min(int64(len(buffer)), int64(n-len(values))*width)]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, truncated(err)
		}
		for ; len(part) > 0; part = part[width:] {
			values = append(values, s.element.convert(part))
		}
	}
	return values, nil
}

// truncated replaces the end of the file by what it means.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

var errTruncated = errors.New("the file is cut off: download it again")
