package onnxfile

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/compute/dtypes/float16"
	"google.golang.org/protobuf/proto"
)

// minHalfSize is the number of elements from which a weight is stored as
// float16. Smaller ones (biases, gains, tables) take no space worth saving.
const minHalfSize = 1024

// maxFloat16 is the largest finite float16.
const maxFloat16 = 65504

// Half stores the large float32 weights of an ONNX file as float16, each followed
// by a Cast to float32, which ONNX Runtime evaluates once when it opens the file:
// half the size, the same arithmetic. A weight with a value outside float16's
// range stays float32.
func Half(file []byte) ([]byte, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, fmt.Errorf("store weights as float16: %w", err)
	}
	if m.Graph == nil {
		return nil, fmt.Errorf("store weights as float16: the file has no graph")
	}
	var casts []*protos.NodeProto
	for _, tensor := range m.Graph.Initializer {
		name := tensor.Name
		if !toFloat16(tensor) {
			continue
		}
		tensor.Name = name + "_half"
		casts = append(casts, &protos.NodeProto{
			OpType: "Cast", Name: "widen_" + name, Input: []string{tensor.Name}, Output: []string{name},
			Attribute: []*protos.AttributeProto{{Name: "to", Type: protos.AttributeProto_INT, I: int64(protos.TensorProto_FLOAT)}},
		})
	}
	m.Graph.Node = append(casts, m.Graph.Node...)
	out, err := proto.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("store weights as float16: %w", err)
	}
	return out, nil
}

// toFloat16 converts a large float32 tensor and reports whether it did.
func toFloat16(tensor *protos.TensorProto) bool {
	raw := tensor.RawData
	if tensor.DataType != typeFloat || len(raw) < 4*minHalfSize || len(raw)%4 != 0 {
		return false
	}
	if !inFloat16Range(raw) || len(tensor.FloatData) > 0 {
		return false
	}
	tensor.DataType, tensor.RawData = typeFloat16, halve(raw)
	return true
}

// halve converts float32 to float16, both little endian.
func halve(raw []byte) []byte {
	half := make([]byte, 0, len(raw)/2)
	for ; len(raw) >= 4; raw = raw[4:] {
		value := math.Float32frombits(binary.LittleEndian.Uint32(raw))
		half = binary.LittleEndian.AppendUint16(half, float16.FromFloat32(value).Bits())
	}
	return half
}
