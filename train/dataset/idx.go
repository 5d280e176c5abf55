package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The first four bytes of an IDX file: two zeros, the type (unsigned bytes) and the number
// of axes.
const (
	idxImages = 0x00000803 // [n, h, w]
	idxLabels = 0x00000801 // [n]
)

// The limits of an IDX file, which is read into memory as a whole. MNIST has 47 MB.
const (
	maxIDXBytes = 1 << 30
	maxIDXSide  = 1 << 12
)

// listIDX lists the images of an IDX file and the names of their labels, "" if there is no
// file of labels.
func listIDX(path string) ([]File, []string, error) {
	shape, pixels, err := readIDX(path, idxImages)
	if err != nil {
		return nil, nil, err
	}
	n, h, w := shape[0], shape[1], shape[2]
	labels := make([]string, n)
	if from, ok := labelsBeside(path); ok {
		of, values, err := readIDX(from, idxLabels)
		if err != nil {
			return nil, nil, err
		}
		if of[0] != n {
			return nil, nil, fmt.Errorf("%s has %d labels for the %d images in %s: use the two files of one data set", from, of[0], n, path)
		}
		for i, value := range values {
			labels[i] = strconv.Itoa(int(value))
		}
	}
	files := make([]File, n)
	for i := range files {
		files[i] = File{
			Path: fmt.Sprintf("%s#%d", path, i),
			grey: &image.Gray{Pix: pixels[i*h*w : (i+1)*h*w], Stride: w, Rect: image.Rect(0, 0, w, h)},
		}
	}
	return files, labels, nil
}

// labelsBeside finds the labels of the images in an IDX file:
// t10k-labels-idx1-ubyte beside t10k-images-idx3-ubyte, either with or without .gz.
func labelsBeside(path string) (string, bool) {
	dir, name := filepath.Split(path)
	labels := strings.NewReplacer("images", "labels", "idx3", "idx1").Replace(strings.TrimSuffix(name, ".gz"))
	for _, candidate := range []string{labels, labels + ".gz"} {
		candidate = filepath.Join(dir, candidate)
		if info, err := os.Stat(candidate); candidate != filepath.Clean(path) && err == nil && info.Mode().IsRegular() {
			return candidate, true
		}
	}
	return "", false
}

// readIDX reads an IDX file of unsigned bytes with the given first four bytes, packed by
// gzip or not: its shape and its elements in row-major order.
func readIDX(path string, magic uint32) (shape []int, data []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open IDX file: %w", err)
	}
	defer file.Close()
	shape, data, err = parseIDX(file, magic)
	if errors.Is(err, errNotIDX) && magic == idxImages {
		return nil, nil, fmt.Errorf("%s is neither a folder of pictures nor an IDX file of images, as train-images-idx3-ubyte is", path)
	}
	if errors.Is(err, errNotIDX) {
		return nil, nil, fmt.Errorf("%s is not an IDX file of labels, as train-labels-idx1-ubyte is", path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read IDX file %s: %w", path, err)
	}
	return shape, data, nil
}

// errNotIDX is the error for a file that does not begin as it should.
var errNotIDX = errors.New("not an IDX file")

func parseIDX(r io.Reader, magic uint32) (shape []int, data []byte, err error) {
	in := bufio.NewReader(r)
	if start, _ := in.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, fmt.Errorf("unpack: %w", err)
		}
		in = bufio.NewReader(unpacked)
	}
	var first uint32
	if err := binary.Read(in, binary.BigEndian, &first); err != nil || first != magic {
		return nil, nil, errNotIDX
	}
	lengths := make([]uint32, magic&0xff)
	if err := binary.Read(in, binary.BigEndian, lengths); err != nil {
		return nil, nil, fmt.Errorf("the file ends within its header: %w", err)
	}
	size := int64(1)
	for axis, n := range lengths {
		if n == 0 || axis > 0 && n > maxIDXSide || int64(n) > maxIDXBytes/size {
			return nil, nil, fmt.Errorf("its shape is %v: it must be at least 1 along each axis, images at most %d×%d pixels, and all at most %d MB", lengths, maxIDXSide, maxIDXSide, maxIDXBytes>>20)
		}
		size *= int64(n)
		shape = append(shape, int(n))
	}
	// What is read grows with what is there, whatever the header says.
	if data, err = io.ReadAll(io.LimitReader(in, size+1)); err != nil {
		return nil, nil, fmt.Errorf("read the data: %w", err)
	}
	if int64(len(data)) < size {
		return nil, nil, fmt.Errorf("the file ends after %d of %d bytes of data: get it again", len(data), size)
	}
	if int64(len(data)) > size {
		return nil, nil, fmt.Errorf("more data follows the %d bytes that its shape %v has: get it again", size, lengths)
	}
	return shape, data, nil
}
