package onnxfile

import (
	"slices"

	"github.com/gomlx/compute-onnx/support/protos"
)

// removeUnread removes the weights that no node reads and that are no output.
// GoMLX's ONNX backend leaves every convolution's weight in the file beside a
// transposed copy.
func removeUnread(g *protos.GraphProto) {
	read := map[string]bool{}
	markRead(g, read)
	g.Initializer = slices.DeleteFunc(g.Initializer, func(t *protos.TensorProto) bool { return !read[t.Name] })
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
