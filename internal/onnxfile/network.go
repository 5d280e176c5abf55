package onnxfile

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// A File can be written to a folder, with the file of its external data if it has one: a
// [Network], or a copy of a [Model].
type File interface {
	Write(ctx context.Context, folder, name string) error
}

// Network is an ONNX file whose weights have names and shapes, but no values yet. Their
// values are asked for one after the other when the file is written, so a network of
// any size takes the memory of its largest weight.
type Network struct {
	model    *protos.ModelProto
	unfilled []*protos.TensorProto // the initializers of model that have no values
	values   func(name string, shape []int) ([]float32, error)
}

// Bind makes weights of the graph inputs that isWeight names, under the inputs' names and
// in that order. values gives the elements of a weight in row-major order, see
// [Network.Write]. Identity nodes that only rename a weight are removed, as are weights
// that no node reads.
func Bind(file []byte, isWeight func(name string) bool, values func(name string, shape []int) ([]float32, error)) (Network, error) {
	var m protos.ModelProto
	if err := proto.Unmarshal(file, &m); err != nil {
		return Network{}, fmt.Errorf("name weights: %w", err)
	}
	if m.Graph == nil {
		return Network{}, errors.New("name weights: the file has no graph")
	}
	n := Network{model: &m, values: values}
	named := map[string]bool{}
	var inputs []*protos.ValueInfoProto
	for _, in := range m.Graph.Input {
		if !isWeight(in.Name) {
			inputs = append(inputs, in)
			continue
		}
		named[in.Name] = true
		weight := &protos.TensorProto{Name: in.Name, DataType: typeFloat}
		for _, d := range in.GetType().GetTensorType().GetShape().GetDim() {
			weight.Dims = append(weight.Dims, d.GetDimValue())
		}
		m.Graph.Initializer = append(m.Graph.Initializer, weight)
	}
	m.Graph.Input = inputs
	removeRenames(m.Graph, named)
	removeUnread(m.Graph)
	for _, t := range m.Graph.Initializer {
		if named[t.Name] {
			n.unfilled = append(n.unfilled, t)
		}
	}
	return n, nil
}

// removeRenames removes the Identity nodes of weights, except those that make an output.
func removeRenames(g *protos.GraphProto, isWeight map[string]bool) {
	isOutput := map[string]bool{}
	for _, out := range g.Output {
		isOutput[out.Name] = true
	}
	original := map[string]string{}
	var nodes []*protos.NodeProto
	for _, node := range g.Node {
		for i, name := range node.Input {
			if weight, ok := original[name]; ok {
				node.Input[i] = weight
			}
		}
		if node.OpType == "Identity" && isWeight[node.Input[0]] && !isOutput[node.Output[0]] {
			original[node.Output[0]] = node.Input[0]
			continue
		}
		nodes = append(nodes, node)
	}
	g.Node = nodes
}

// maxInline is the size of the weights from which they lie in a file of their own. A
// protobuf holds 2 GB at most, and is read into memory as a whole; external data is mapped.
const maxInline = 512 << 20

// Write writes the file called name to a folder: with its large weights as float16, see
// [Half], or, where its weights have more than 512 MB, with these as float32 in a file
// called name.data, so that the runtime can map them.
func (n Network) Write(ctx context.Context, folder, name string) error {
	if n.Size() > maxInline {
		return n.WriteExternal(ctx, folder, name)
	}
	graph, err := n.Marshal()
	if err == nil {
		graph, err = Half(graph)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return writeFile(filepath.Join(folder, name), func(w io.Writer) error { _, err := w.Write(graph); return err })
}

// Size is the size of the weights as float32, in bytes.
func (n Network) Size() int64 {
	var size int64
	for _, t := range n.unfilled {
		size += 4 * elements(t.Dims)
	}
	return size
}

// Marshal returns the file with all weights in it, as float32.
func (n Network) Marshal() ([]byte, error) {
	for _, t := range n.unfilled {
		values, err := n.read(t)
		if err != nil {
			return nil, err
		}
		t.RawData = appendFloats(make([]byte, 0, 4*len(values)), values)
	}
	out, err := proto.Marshal(n.model)
	for _, t := range n.unfilled {
		t.RawData = nil
	}
	return out, err
}

// read asks for the values of a weight.
func (n Network) read(t *protos.TensorProto) ([]float32, error) {
	shape := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		shape[i] = int(d)
	}
	values, err := n.values(t.Name, shape)
	if err != nil {
		return nil, fmt.Errorf("weight %s: %w", t.Name, err)
	}
	if int64(len(values)) != elements(t.Dims) {
		return nil, fmt.Errorf("weight %s: %d values for the shape %v", t.Name, len(values), shape)
	}
	return values, nil
}

func appendFloats(raw []byte, values []float32) []byte {
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return raw
}

// pageSize is the multiple at which the elements of an external weight begin, so that
// they can be mapped one by one on any system (64 KB is what Windows asks for).
const pageSize = 64 << 10

// WriteExternal writes the file with its large weights as external data, whatever their
// size.
func (n Network) WriteExternal(ctx context.Context, folder, name string) error {
	if err := n.writeExternal(ctx, folder, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (n Network) writeExternal(ctx context.Context, folder, name string) error {
	dataName := name + ".data"
	model := proto.Clone(n.model).(*protos.ModelProto)
	unfilled := map[string]bool{}
	for _, t := range n.unfilled {
		unfilled[t.Name] = true
	}
	var at int64
	err := writeFile(filepath.Join(folder, dataName), func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		var raw []byte
		for _, t := range model.Graph.Initializer {
			if !unfilled[t.Name] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			values, err := n.read(t)
			if err != nil {
				return err
			}
			if len(values) < minHalfSize { // biases and the like
				t.RawData = appendFloats(nil, values)
				continue
			}
			padding := (pageSize - at%pageSize) % pageSize
			if _, err := buffered.Write(make([]byte, padding)); err != nil {
				return err
			}
			at += padding
			t.DataLocation = protos.TensorProto_EXTERNAL
			t.ExternalData = entries(dataName, at, 4*int64(len(values)))
			for chunk := range slices.Chunk(values, 1<<16) {
				raw = appendFloats(raw[:0], chunk)
				if _, err := buffered.Write(raw); err != nil {
					return err
				}
			}
			at += 4 * int64(len(values))
		}
		return buffered.Flush()
	})
	if err != nil {
		return err
	}
	graph, err := proto.Marshal(model)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, name), func(w io.Writer) error { _, err := w.Write(graph); return err })
}

// entries says where an external tensor lies.
func entries(file string, offset, length int64) []*protos.StringStringEntryProto {
	return []*protos.StringStringEntryProto{
		{Key: "location", Value: file},
		{Key: "offset", Value: strconv.FormatInt(offset, 10)},
		{Key: "length", Value: strconv.FormatInt(length, 10)},
	}
}

// writeFile creates a file, writes it and makes it last.
func writeFile(path string, write func(w io.Writer) error) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
