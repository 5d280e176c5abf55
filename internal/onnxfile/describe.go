package onnxfile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// maxRank bounds the number of axes, far above that of any model.
const maxRank = 16

// Describe returns the names, types and shapes of a model's inputs and outputs.
// It reads them from the file alone: opening a session for that would load and
// optimise the whole model.
func Describe(model []byte) (inputs, outputs []Tensor, err error) {
	weights := map[string]bool{}
	for f, err := range graphFields(model) {
		if err != nil {
			return nil, nil, fmt.Errorf("not a complete ONNX file: %w", err)
		}
		switch f.number {
		case graphInitializer:
			weight, err := tensorHeader(f.value)
			if err != nil {
				return nil, nil, fmt.Errorf("not a complete ONNX file: %w", err)
			}
			weights[weight.Name] = true
		case graphInput:
			t, err := parseTensor(f.value)
			if err != nil {
				return nil, nil, fmt.Errorf("not a complete ONNX file: %w", err)
			}
			inputs = append(inputs, t)
		case graphOutput:
			t, err := parseTensor(f.value)
			if err != nil {
				return nil, nil, fmt.Errorf("not a complete ONNX file: %w", err)
			}
			outputs = append(outputs, t)
		}
	}
	if len(outputs) == 0 {
		return nil, nil, errors.New("not an ONNX file: it has no graph with outputs")
	}
	// Old files list the weights among the inputs.
	inputs = slices.DeleteFunc(inputs, func(t Tensor) bool { return weights[t.Name] })
	return inputs, outputs, nil
}

// parseTensor reads a ValueInfoProto.
func parseTensor(value []byte) (Tensor, error) {
	var info protos.ValueInfoProto
	if err := proto.Unmarshal(value, &info); err != nil {
		return Tensor{}, err
	}
	kind := info.GetType().GetTensorType()
	t := Tensor{Name: info.GetName(), Type: Type(kind.GetElemType())}
	if kind.GetShape() == nil {
		return t, nil
	}
	dims := kind.GetShape().GetDim()
	if len(dims) > maxRank {
		return Tensor{}, fmt.Errorf("%s has more than %d axes", t.Name, maxRank)
	}
	t.Shape = make([]int64, len(dims))
	for i, d := range dims { // a length, a name, or neither
		t.Shape[i] = Dynamic
		if n := d.GetDimValue(); n > 0 {
			t.Shape[i] = n
		}
	}
	return t, nil
}

// tensorHeader reads the name, type and shape of a TensorProto, without its data.
func tensorHeader(tensor []byte) (*protos.TensorProto, error) {
	var header []byte
	for f, err := range fields(tensor) {
		if err != nil {
			return nil, err
		}
		switch f.number {
		case tensorDims, tensorDataType, tensorName:
			header = append(header, f.raw...)
		}
	}
	t := &protos.TensorProto{}
	return t, proto.Unmarshal(header, t)
}
