package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Type is a tensor's element type, with the numbers of the ONNX format.
type Type int

// The element types that a model's inputs and outputs may have here. Weights
// inside a model may have any type the runtime knows, float16 included.
const (
	Float32 Type = 1
	Uint8   Type = 2
	Int32   Type = 6
	Int64   Type = 7
	Bool    Type = 9
)

func (t Type) String() string {
	switch t {
	case Float32:
		return "float32"
	case Uint8:
		return "uint8"
	case Int32:
		return "int32"
	case Int64:
		return "int64"
	case Bool:
		return "bool"
	}
	return "ONNX type " + strconv.Itoa(int(t))
}

// Dynamic stands in a shape for a length that the file leaves open.
const Dynamic int64 = -1

// A Tensor describes one input or output of a model.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int64 // [Dynamic] where it is open; nil when the file gives no shape at all
}

// String is the tensor as a reader would write it: tokens int32 [?,1024].
func (t Tensor) String() string {
	if t.Shape == nil {
		return fmt.Sprintf("%s %v", t.Name, t.Type)
	}
	dims := make([]string, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = strconv.FormatInt(d, 10)
		if d == Dynamic {
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%s %v [%s]", t.Name, t.Type, strings.Join(dims, ","))
}

// maxRank bounds a shape's length: far more than any model has, and little
// enough that a damaged file can't ask for gigabytes.
const maxRank = 16

// Describe reads the names, types and shapes of a model's inputs and outputs
// from the file alone. Making a session only to ask it would load, optimise and
// throw away the whole model.
func Describe(model []byte) (inputs, outputs []Tensor, err error) {
	var weights []string
	found := false
	err = fields(model, func(number protowire.Number, graph []byte) error {
		if number != 7 { // ModelProto.graph
			return nil
		}
		found = true
		return fields(graph, func(number protowire.Number, value []byte) error {
			switch number {
			case 5: // GraphProto.initializer
				return fields(value, func(number protowire.Number, name []byte) error {
					if number == 8 { // TensorProto.name
						weights = append(weights, string(name))
					}
					return nil
				})
			case 11: // GraphProto.input
				t, err := tensor(value)
				inputs = append(inputs, t)
				return err
			case 12: // GraphProto.output
				t, err := tensor(value)
				outputs = append(outputs, t)
				return err
			}
			return nil
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("this isn't a whole ONNX file: %w", err)
	}
	if !found || len(outputs) == 0 {
		return nil, nil, errors.New("this isn't an ONNX file: it has no graph with outputs")
	}
	// Old files list the weights among the inputs, too.
	inputs = slices.DeleteFunc(inputs, func(t Tensor) bool { return slices.Contains(weights, t.Name) })
	return inputs, outputs, nil
}

// tensor reads a ValueInfoProto.
func tensor(value []byte) (Tensor, error) {
	var t Tensor
	err := fields(value, func(number protowire.Number, v []byte) error {
		switch number {
		case 1: // ValueInfoProto.name
			t.Name = string(v)
		case 2: // ValueInfoProto.type
			return fields(v, func(number protowire.Number, v []byte) error {
				if number != 1 { // TypeProto.tensor_type
					return nil
				}
				return tensorType(v, &t)
			})
		}
		return nil
	})
	return t, err
}

// tensorType reads a TypeProto.Tensor.
func tensorType(v []byte, t *Tensor) error {
	for len(v) > 0 {
		number, kind, n := protowire.ConsumeTag(v)
		if n < 0 {
			return protowire.ParseError(n)
		}
		v = v[n:]
		switch {
		case number == 1 && kind == protowire.VarintType: // elem_type
			e, n := protowire.ConsumeVarint(v)
			if n < 0 {
				return protowire.ParseError(n)
			}
			t.Type, v = Type(e), v[n:]
		case number == 2 && kind == protowire.BytesType: // shape
			shape, n := protowire.ConsumeBytes(v)
			if n < 0 {
				return protowire.ParseError(n)
			}
			t.Shape, v = []int64{}, v[n:]
			err := fields(shape, func(number protowire.Number, dim []byte) error {
				if number != 1 { // TensorShapeProto.dim
					return nil
				}
				if len(t.Shape) == maxRank {
					return fmt.Errorf("%s has more than %d axes", t.Name, maxRank)
				}
				d, err := dimension(dim)
				t.Shape = append(t.Shape, d)
				return err
			})
			if err != nil {
				return err
			}
		default:
			n := protowire.ConsumeFieldValue(number, kind, v)
			if n < 0 {
				return protowire.ParseError(n)
			}
			v = v[n:]
		}
	}
	return nil
}

// dimension reads a TensorShapeProto.Dimension: a number, a name, or nothing.
func dimension(v []byte) (int64, error) {
	length := Dynamic
	for len(v) > 0 {
		number, kind, n := protowire.ConsumeTag(v)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		v = v[n:]
		if number == 1 && kind == protowire.VarintType { // dim_value
			d, n := protowire.ConsumeVarint(v)
			if n < 0 {
				return 0, protowire.ParseError(n)
			}
			if length = int64(d); length <= 0 {
				length = Dynamic
			}
			v = v[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(number, kind, v); n < 0 {
			return 0, protowire.ParseError(n)
		}
		v = v[n:]
	}
	return length, nil
}

// fields calls f for each length-delimited field of a message, that is for its
// strings and sub-messages, and skips the rest.
func fields(message []byte, f func(protowire.Number, []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
				return protowire.ParseError(n)
			}
			message = message[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := f(number, value); err != nil {
			return err
		}
		message = message[n:]
	}
	return nil
}
