package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/compute/dtypes/float16"
	"google.golang.org/protobuf/proto"
)

// Weights are the weights of a model that [Bind] has named: the float initializers whose
// names are paths such as "/model/head/bias".
type Weights struct {
	model   Model
	weights map[string]weight
}

// weight is a float32 or float16 initializer.
type weight struct {
	shape  []int
	width  int    // bytes of an element
	raw    []byte // nil if it is external
	extent External
}

// ErrUnnamed says that a file's weights have no names to read them by.
var ErrUnnamed = errors.New("the model's weights have no names, because an earlier version of Sundae wrote them: sample from it, or train a new model to start from")

// OpenWeights lists a model's weights. Those that Half has stored as float16 are found
// under the names of their Casts. A file without any is [ErrUnnamed].
func OpenWeights(model Model) (*Weights, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(model.Graph, &m); err != nil {
		return nil, err
	}
	names := map[string]string{} // initializer to weight, where they differ
	for _, node := range m.GetGraph().GetNode() {
		if node.GetOpType() == "Cast" && len(node.Input) == 1 && len(node.Output) == 1 {
			names[node.Input[0]] = node.Output[0]
		}
	}
	w := &Weights{model, map[string]weight{}}
	for _, tensor := range m.GetGraph().GetInitializer() {
		name := tensor.GetName()
		if tensor.GetDataType() == typeFloat16 && names[name] != "" {
			name = names[name]
		}
		if !strings.HasPrefix(name, "/") {
			continue
		}
		parsed, err := parseWeight(tensor)
		if err != nil {
			return nil, fmt.Errorf("weight %s: %w", name, err)
		}
		w.weights[name] = parsed
	}
	if len(w.weights) == 0 {
		return nil, ErrUnnamed
	}
	return w, nil
}

// parseWeight checks that a tensor is a weight whose elements fill its shape.
func parseWeight(tensor *protos.TensorProto) (weight, error) {
	w := weight{width: 4, raw: tensor.GetRawData()}
	size := int64(1)
	for _, dim := range tensor.GetDims() {
		if dim < 1 || dim > math.MaxInt32 || size > math.MaxInt32 {
			return weight{}, fmt.Errorf("impossible shape %v", tensor.GetDims())
		}
		size *= dim
		w.shape = append(w.shape, int(dim))
	}
	switch tensor.GetDataType() {
	case typeFloat:
	case typeFloat16:
		w.width = 2
	default:
		return weight{}, fmt.Errorf("type %v, expected float32 or float16", protos.TensorProto_DataType(tensor.GetDataType()))
	}
	size *= int64(w.width)
	held := int64(len(w.raw))
	if tensor.GetDataLocation() == protos.TensorProto_EXTERNAL {
		w.extent.Length = -1
		for _, entry := range tensor.GetExternalData() {
			if err := w.extent.set(entry.GetKey(), entry.GetValue()); err != nil {
				return weight{}, err
			}
		}
		if held = w.extent.Length; held < 0 {
			held = size
		}
		w.raw = nil
	}
	if held != size {
		return weight{}, fmt.Errorf("shape %v needs %d bytes, the file holds %d", w.shape, size, held)
	}
	return w, nil
}

// Names returns the weights' names, sorted.
func (w *Weights) Names() []string { return slices.Sorted(maps.Keys(w.weights)) }

// Shape returns the shape of a weight, and whether there is one of this name.
func (w *Weights) Shape(name string) ([]int, bool) {
	found, ok := w.weights[name]
	return found.shape, ok
}

// Read returns the elements of a weight in row-major order.
func (w *Weights) Read(name string) ([]float32, error) {
	found, ok := w.weights[name]
	if !ok {
		return nil, fmt.Errorf("there is no weight %s", name)
	}
	raw, err := found.read(w.model.Folder)
	if err != nil {
		return nil, fmt.Errorf("weight %s: %w", name, err)
	}
	values := make([]float32, len(raw)/found.width)
	for i := range values {
		if found.width == 4 {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		} else {
			values[i] = float16.FromBits(binary.LittleEndian.Uint16(raw[2*i:])).Float32()
		}
	}
	return values, nil
}

// read returns the bytes of a weight's elements, in the file or in one of the folder.
func (w weight) read(folder string) ([]byte, error) {
	at := w.extent
	if at.File == "" {
		return w.raw, nil
	}
	if folder == "" {
		return nil, errors.New("the model has no folder for its external data")
	}
	size := int64(w.width)
	for _, d := range w.shape {
		size *= int64(d)
	}
	file, err := os.Open(filepath.Join(folder, at.File))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if at.Offset > info.Size() || size > info.Size()-at.Offset {
		return nil, fmt.Errorf("%d bytes from byte %d on lie beyond the end of %s", size, at.Offset, at.File)
	}
	raw := make([]byte, size)
	_, err = io.ReadFull(io.NewSectionReader(file, at.Offset, size), raw)
	return raw, err
}

// Equal reports whether two models have the same weights.
func (w *Weights) Equal(other *Weights) (bool, error) {
	if !maps.EqualFunc(w.weights, other.weights, func(a, b weight) bool { return slices.Equal(a.shape, b.shape) }) {
		return false, nil
	}
	for name := range w.weights {
		a, err := w.Read(name)
		if err != nil {
			return false, err
		}
		b, err := other.Read(name)
		if err != nil {
			return false, err
		}
		if !slices.Equal(a, b) {
			return false, nil
		}
	}
	return true, nil
}
