// Package onnxfile reads and rewrites ONNX files without running them: it
// describes inputs and outputs, stores weights as float16, removes weights that
// nothing reads, replaces slow operators, counts FLOPs, and writes small models
// for tests and measurements.
//
// Files may come from anyone. Every function returns an error for a damaged
// file, and none takes more memory than a small multiple of the file's size.
package onnxfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Type is the element type of a tensor, with the numbers of the ONNX format
// (TensorProto.DataType).
type Type int

// The element types that inputs and outputs of a model may have. Weights inside
// a model may have any type that the runtime knows, float16 included.
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

// Dynamic is the length of an axis that the file leaves open.
const Dynamic int64 = -1

// Tensor describes one input or output of a model.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int64 // lengths of at least 1, or [Dynamic]; nil if the file gives no shape
}

// String returns the tensor in the form "tokens int32 [?,1024]", with "?" for
// [Dynamic].
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

// Find returns the tensor called name.
func Find(tensors []Tensor, name string) (Tensor, bool) {
	i := slices.IndexFunc(tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return tensors[i], true
}

// FixedBatch returns the batch size that a model with these inputs was exported
// for, or 0 if it takes any.
func FixedBatch(inputs []Tensor) int {
	for _, t := range inputs {
		if len(t.Shape) > 0 && t.Shape[0] != Dynamic {
			return int(t.Shape[0])
		}
	}
	return 0
}
