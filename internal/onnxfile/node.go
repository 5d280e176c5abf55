package onnxfile

import (
	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// opType reads the operator's name from a NodeProto, without parsing the rest: a
// Constant node may hold weights.
func opType(node []byte) (string, error) {
	op := ""
	for f, err := range fields(node) {
		if err != nil {
			return "", err
		}
		if f.number == nodeOpType {
			op = string(f.value)
		}
	}
	return op, nil
}

func parseNode(node []byte) (*protos.NodeProto, error) {
	n := &protos.NodeProto{}
	return n, proto.Unmarshal(node, n)
}

// equation returns an Einsum's equation, "" if it has none.
func equation(n *protos.NodeProto) string {
	for _, a := range n.GetAttribute() {
		if a.GetName() == "equation" {
			return string(a.GetS())
		}
	}
	return ""
}
