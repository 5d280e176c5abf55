package engine

import (
	"encoding/binary"
	"fmt"
	"math"

	onnx "github.com/gomlx/compute-onnx/support/protos"
	"github.com/gomlx/compute/dtypes/float16"
	"google.golang.org/protobuf/proto"
)

// halfFrom is the number of values from which a weight is stored as float16:
// smaller ones (biases, gains, tables) stay as they are, for they cost nothing.
const halfFrom = 1024

// Half stores the large float32 weights of an ONNX file as float16, each with a
// Cast back behind it, which ONNX Runtime folds away when it opens the file: half
// the size, the same arithmetic. A weight beyond float16's range stays as it is.
func Half(file []byte) ([]byte, error) {
	var m onnx.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, fmt.Errorf("halve weights: %w", err)
	}
	var casts []*onnx.NodeProto
	for _, tensor := range m.Graph.Initializer {
		name := tensor.Name
		if !halve(tensor) {
			continue
		}
		tensor.Name = name + "_half"
		casts = append(casts, &onnx.NodeProto{
			OpType: "Cast", Name: "widen_" + name, Input: []string{tensor.Name}, Output: []string{name},
			Attribute: []*onnx.AttributeProto{{Name: "to", Type: onnx.AttributeProto_INT, I: int64(onnx.TensorProto_FLOAT)}},
		})
	}
	m.Graph.Node = append(casts, m.Graph.Node...)
	out, err := proto.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("halve weights: %w", err)
	}
	return out, nil
}

// halve turns a large float32 tensor into float16 and reports whether it did.
func halve(tensor *onnx.TensorProto) bool {
	if tensor.DataType != int32(onnx.TensorProto_FLOAT) || len(tensor.RawData) < 4*halfFrom {
		return false
	}
	half := make([]byte, 0, len(tensor.RawData)/2)
	for at := 0; at < len(tensor.RawData); at += 4 {
		value := math.Float32frombits(binary.LittleEndian.Uint32(tensor.RawData[at:]))
		if math.Abs(float64(value)) > 65504 {
			return false
		}
		half = binary.LittleEndian.AppendUint16(half, float16.FromFloat32(value).Bits())
	}
	tensor.DataType, tensor.RawData = int32(onnx.TensorProto_FLOAT16), half
	return true
}
