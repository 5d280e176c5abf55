package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	onnx "github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"google.golang.org/protobuf/proto"
)

// ErrOther says that an ONNX file does not hold the weights that were looked for.
var ErrOther = errors.New("the file holds another network")

// mostPlaces is how far float32 counts without gaps.
const mostPlaces = 1 << 24

// Recover reads weights back out of file, which ExportONNX has written from fn, into
// the store's variables of the same network. An ONNX file does not say which weight
// a constant was, may hold it transposed, and holds two that are equal as one. So
// the network is exported twice more, once with every weight's number in place of
// its values and once with every value's place: where a node reads a constant, the
// two say what it is.
//
// The store must hold every variable that fn looks up by itself; others are made.
func Recover[F model.ExecGraphFn](backend compute.Backend, store *model.Store, file []byte, fn F, inputs, outputs []string, in ...shapes.Shape) error {
	exec, err := model.NewExec(backend, store, fn)
	if err != nil {
		return fmt.Errorf("recover weights: %w", err)
	}
	defer exec.Finalize()
	if _, err := exec.Compile(in...); err != nil { // makes the variables
		return fmt.Errorf("recover weights: %w", err)
	}
	weights := slices.Collect(store.IterVariables())
	for _, v := range weights {
		if v.Shape().Size() > mostPlaces {
			return fmt.Errorf("recover weights: %s has %d values, more than the %d that float32 can count", v.Path(), v.Shape().Size(), mostPlaces)
		}
	}
	marked := func(mark func(weight, place int) float32) ([]constant, error) {
		for k, v := range weights {
			values := make([]float32, v.Shape().Size())
			for i := range values {
				values[i] = mark(k, i)
			}
			if err := v.SetValue(tensors.FromFlatDataAndDimensions(values, v.Shape().Dimensions...)); err != nil {
				return nil, err
			}
		}
		written, err := ExportONNX(backend, store, fn, inputs, outputs, in...)
		if err != nil {
			return nil, err
		}
		return constants(written)
	}
	// A constant that is the same in both exports is none of the weights. The first
	// place is told by the weight's number, too, so that no two weights are equal.
	numbers, err := marked(func(weight, _ int) float32 { return -1 - float32(weight) })
	if err != nil {
		return fmt.Errorf("recover weights: %w", err)
	}
	places, err := marked(func(weight, place int) float32 {
		if place == 0 {
			return -1.5 - float32(weight)
		}
		return float32(place)
	})
	if err != nil {
		return fmt.Errorf("recover weights: %w", err)
	}
	found, err := constants(file)
	if err != nil {
		return fmt.Errorf("recover weights: %w", err)
	}
	values := make([][]float32, len(weights))
	missing := 0
	for k, v := range weights {
		values[k] = make([]float32, v.Shape().Size())
		for i := range values[k] {
			values[k][i] = float32(math.NaN())
		}
		missing += len(values[k])
	}
	if len(found) != len(numbers) {
		return fmt.Errorf("recover weights: %d constants are read in it, not %d: %w", len(found), len(numbers), ErrOther)
	}
	for k, number := range numbers {
		if found[k].reader != number.reader || len(found[k].values) != len(number.values) {
			return fmt.Errorf("recover weights: there is %v, not %v: %w", found[k], number, ErrOther)
		}
		for i, x := range found[k].values {
			weight, at := int(-1-number.values[i]), max(0, int(places[k].values[i]))
			if number.values[i] == places[k].values[i] {
				continue
			}
			if weight < 0 || weight >= len(values) || at >= len(values[weight]) {
				return fmt.Errorf("recover weights: %v was computed from weights: %w", number, ErrOther)
			}
			if math.IsNaN(float64(values[weight][at])) {
				missing--
			}
			values[weight][at] = x
		}
	}
	if missing > 0 {
		return fmt.Errorf("recover weights: %d values are not in it: %w", missing, ErrOther)
	}
	for k, v := range weights {
		if err := v.SetValue(tensors.FromFlatDataAndDimensions(values[k], v.Shape().Dimensions...)); err != nil {
			return fmt.Errorf("recover weights: %w", err)
		}
	}
	return nil
}

// constant is a float constant of an ONNX file where a node reads it.
type constant struct {
	reader string // the node's operation
	values []float32
}

func (c constant) String() string {
	return fmt.Sprintf("a constant of %d for %s", len(c.values), c.reader)
}

// constants lists an ONNX file's float constants in the order in which they are
// read, those that Half has shortened as well.
func constants(file []byte) ([]constant, error) {
	var m onnx.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, err
	}
	held := map[string][]float32{}
	for _, tensor := range m.GetGraph().GetInitializer() {
		var values []float32
		switch raw := tensor.RawData; onnx.TensorProto_DataType(tensor.DataType) {
		case onnx.TensorProto_FLOAT:
			for ; len(raw) >= 4; raw = raw[4:] {
				values = append(values, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
			}
		case onnx.TensorProto_FLOAT16:
			for ; len(raw) >= 2; raw = raw[2:] {
				values = append(values, float16.FromBits(binary.LittleEndian.Uint16(raw)).Float32())
			}
		default:
			continue
		}
		held[tensor.Name] = values
	}
	var out []constant
	for _, node := range m.GetGraph().GetNode() {
		for _, name := range node.Input {
			values, ok := held[name]
			switch {
			case ok && node.OpType == "Cast" && len(node.Output) == 1: // shortened by Half
				held[node.Output[0]] = values
			case ok:
				out = append(out, constant{node.OpType, values})
			}
		}
	}
	return out, nil
}
