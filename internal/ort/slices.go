package ort

import (
	"errors"
	"fmt"
	"slices"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
)

// RunSlices computes outputs from inputs in the caller's memory: one slice
// ([]float32 and so on; a scalar's has one element) for each of s.Inputs() and
// s.Outputs(), in their order. No shape of the model may be open. Nothing but
// scalars is copied.
func (s *Session) RunSlices(inputs, outputs []any) error {
	in, err := wrapAll(s.inputs, inputs)
	defer destroy(in)
	if err != nil {
		return fmt.Errorf("read the inputs of a model: %w", err)
	}
	out, err := wrapAll(s.outputs, outputs)
	defer destroy(out)
	if err != nil {
		return fmt.Errorf("wrap the outputs of a model: %w", err)
	}
	if err := s.session.Run(in, out); err != nil {
		return fmt.Errorf("run a model on %s: %w", s.device, shortError(err))
	}
	for i, v := range out {
		if scalar, ok := v.(scalarValue); ok {
			scalar.copyTo(outputs[i])
		}
	}
	return nil
}

func destroy(values []onnxruntime.Value) {
	for _, v := range values {
		v.Destroy()
	}
}

// wrapAll makes tensors of slices. After an error it returns what it has made
// until then.
func wrapAll(tensors []onnxfile.Tensor, data []any) ([]onnxruntime.Value, error) {
	if len(tensors) != len(data) {
		return nil, fmt.Errorf("the model has %d, %d were given", len(tensors), len(data))
	}
	var made []onnxruntime.Value
	for i, t := range tensors {
		if t.Shape == nil || slices.Contains(t.Shape, onnxfile.Dynamic) {
			return made, fmt.Errorf("the shape of %v is open", t)
		}
		v, err := wrap(t, data[i])
		if err != nil {
			return made, fmt.Errorf("%v: %w", t, err)
		}
		made = append(made, v)
	}
	return made, nil
}

func wrap(t onnxfile.Tensor, data any) (onnxruntime.Value, error) {
	switch data := data.(type) {
	case []float32:
		return wrapAs(t, onnxfile.Float32, data)
	case []int32:
		return wrapAs(t, onnxfile.Int32, data)
	case []int64:
		return wrapAs(t, onnxfile.Int64, data)
	case []uint8:
		return wrapAs(t, onnxfile.Uint8, data)
	case []bool:
		return wrapAs(t, onnxfile.Bool, data)
	}
	return nil, fmt.Errorf("inputs and outputs in a %T aren't supported", data)
}

func wrapAs[T inference.Element](t onnxfile.Tensor, holds onnxfile.Type, data []T) (onnxruntime.Value, error) {
	if t.Type != holds {
		return nil, fmt.Errorf("the memory holds %v", holds)
	}
	if len(t.Shape) > 0 {
		return onnxruntime.NewTensor(t.Shape, data)
	}
	if len(data) != 1 {
		return nil, errors.New("a scalar has one element")
	}
	v, err := onnxruntime.NewScalar(data[0])
	return scalar[T]{v}, err
}

// A scalarValue has memory of its own.
type scalarValue interface{ copyTo(slice any) }

type scalar[T inference.Element] struct{ *onnxruntime.Scalar[T] }

func (s scalar[T]) copyTo(slice any) { slice.([]T)[0] = s.GetData() }
