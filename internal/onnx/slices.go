package onnx

import (
	"errors"
	"fmt"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// RunSlices computes outputs from inputs that lie in the caller's memory: a slice
// ([]float32 and so on, a scalar's has one element) for each of s.Inputs and
// s.Outputs, in their order. The model's shapes must all be closed. Nothing is
// copied but scalars.
func (s *Session) RunSlices(inputs, outputs []any) error {
	in, err := overSlices(s.Inputs, inputs)
	defer destroy(in)
	if err != nil {
		return fmt.Errorf("reading a model's inputs: %w", err)
	}
	out, err := overSlices(s.Outputs, outputs)
	defer destroy(out)
	if err != nil {
		return fmt.Errorf("making room for a model's outputs: %w", err)
	}
	if err := s.session.Run(in, out); err != nil {
		return fmt.Errorf("running a model on %s: %s", s.Device, brief(err))
	}
	for i, v := range out {
		if scalar, ok := v.(holder); ok {
			scalar.read(outputs[i])
		}
	}
	return nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		v.Destroy()
	}
}

// overSlices wraps slices as tensors. After an error it returns what was made
// until then.
func overSlices(tensors []Tensor, data []any) ([]ort.Value, error) {
	if len(tensors) != len(data) {
		return nil, fmt.Errorf("the model has %d, not %d", len(tensors), len(data))
	}
	var made []ort.Value
	for i, t := range tensors {
		if t.Shape == nil || slices.Contains(t.Shape, Dynamic) {
			return made, fmt.Errorf("the shape of %v is open", t)
		}
		v, err := overSlice(t, data[i])
		if err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
		made = append(made, v)
	}
	return made, nil
}

func overSlice(t Tensor, data any) (ort.Value, error) {
	switch data := data.(type) {
	case []float32:
		return over(t, Float32, data)
	case []int32:
		return over(t, Int32, data)
	case []int64:
		return over(t, Int64, data)
	case []uint8:
		return over(t, Uint8, data)
	case []bool:
		return over(t, Bool, data)
	}
	return nil, fmt.Errorf("inputs and outputs in a %T aren't supported", data)
}

func over[T Element](t Tensor, holds Type, data []T) (ort.Value, error) {
	if t.Type != holds {
		return nil, fmt.Errorf("it doesn't hold %v", holds)
	}
	if len(t.Shape) > 0 {
		return ort.NewTensor(t.Shape, data)
	}
	if len(data) != 1 {
		return nil, errors.New("a scalar is one element")
	}
	v, err := ort.NewScalar(data[0])
	return scalar[T]{v}, err
}

// A holder is a scalar value, which has memory of its own.
type holder interface{ read(into any) }

type scalar[T Element] struct{ *ort.Scalar[T] }

func (s scalar[T]) read(into any) { into.([]T)[0] = s.GetData() }
