package onnxfile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// RemoveUnread removes the weights that no node reads and that are no output.
// GoMLX's ONNX backend leaves every convolution's weight in the file beside a
// transposed copy.
func RemoveUnread(file []byte) ([]byte, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return nil, fmt.Errorf("remove unread weights: %w", err)
	}
	if m.Graph == nil {
		return nil, errors.New("remove unread weights: the file has no graph")
	}
	read := map[string]bool{}
	markRead(m.Graph, read)
	m.Graph.Initializer = slices.DeleteFunc(m.Graph.Initializer, func(t *protos.TensorProto) bool { return !read[t.Name] })
	out, err := proto.Marshal(&m)
	if err != nil {
		return nil, fmt.Errorf("remove unread weights: %w", err)
	}
	return out, nil
}

// markRead adds the names that a graph reads, or gives as outputs. The body of an
// If or Loop also reads names of the graph around it.
func markRead(g *protos.GraphProto, read map[string]bool) {
	for _, node := range g.GetNode() {
		for _, name := range node.GetInput() {
			read[name] = true
		}
		for _, a := range node.GetAttribute() {
			markRead(a.GetG(), read)
			for _, body := range a.GetGraphs() {
				markRead(body, read)
			}
		}
	}
	for _, out := range g.GetOutput() {
		read[out.GetName()] = true
	}
}
