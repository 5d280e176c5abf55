package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/encoding/protowire"
)

// Work counts additions and multiplications.
type Work int64

// Count is the work of one run of a model for a batch of one, in what makes up
// nearly all of it: matrix products and convolutions. It runs the model once, on
// the CPU, with the inputs and outputs of these operations handed out, because
// only the runtime knows their shapes. [Start] must have been called.
func Count(model []byte) (Work, error) {
	nodes, graph, err := heavy(model)
	if err != nil {
		return 0, err
	}
	var names []string
	for _, n := range nodes {
		names = append(names, n.in[0], n.in[1], n.out)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	shapes, err := shapesOf(model, graph, names)
	if err != nil {
		return 0, fmt.Errorf("counting a model's work: %w", err)
	}
	var work Work
	for _, n := range nodes {
		w, err := n.work(shapes)
		if err != nil {
			return 0, fmt.Errorf("counting a model's work: %w", err)
		}
		work += w
	}
	return work, nil
}

// operation is a node that multiplies matrices, or nearly so.
type operation struct {
	op, equation string // the equation of an Einsum
	in           []string
	out          string
}

// work is the operation's, from the shapes of its inputs and its output: every
// number of the output is a sum over what the inputs have in common.
func (o operation) work(shapes map[string][]int64) (Work, error) {
	a, b, out := shapes[o.in[0]], shapes[o.in[1]], shapes[o.out]
	switch {
	case o.op == "Conv" && len(b) > 2: // the kernel is [out, in/groups, height, width]
		return 2 * elements(out) * elements(b[1:]), nil
	case o.op == "Gemm" && len(out) == 2 && out[0] > 0: // either matrix may be transposed
		return 2 * elements(out) * elements(a) / Work(out[0]), nil
	case o.op == "Einsum":
		return einsum(o.equation, a, b)
	case len(a) > 0 && (o.op == "MatMul" || o.op == "FusedMatMul"):
		return 2 * elements(out) * Work(a[len(a)-1]), nil
	}
	return 0, fmt.Errorf("a %s of %v and %v", o.op, a, b)
}

// einsum is the work of a sum of products: the lengths of all its letters.
func einsum(equation string, shapes ...[]int64) (Work, error) {
	left, _, _ := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	lengths := map[rune]int64{}
	for i, letters := range strings.Split(left, ",") {
		if i >= len(shapes) || len(letters) != len(shapes[i]) {
			return 0, fmt.Errorf("an Einsum %q of %v", equation, shapes)
		}
		for k, letter := range letters {
			lengths[letter] = max(lengths[letter], shapes[i][k])
		}
	}
	work := Work(2)
	for _, n := range lengths {
		work *= Work(n)
	}
	return work, nil
}

func elements(shape []int64) Work {
	n := Work(1)
	for _, d := range shape {
		n *= Work(d)
	}
	return n
}

// heavy reads the operations of a model that count, and its graph.
func heavy(model []byte) (nodes []operation, graph []byte, err error) {
	err = fields(model, func(number protowire.Number, value []byte) error {
		if number != 7 { // ModelProto.graph
			return nil
		}
		graph = value
		return fields(graph, func(number protowire.Number, value []byte) error {
			if number != 1 { // GraphProto.node
				return nil
			}
			n, err := readOperation(value)
			if len(n.in) >= 2 && slices.Contains([]string{"MatMul", "FusedMatMul", "Gemm", "Einsum", "Conv"}, n.op) {
				nodes = append(nodes, n)
			}
			return err
		})
	})
	if err == nil && len(nodes) == 0 {
		err = errors.New("the model has no matrix product and no convolution")
	}
	return nodes, graph, err
}

// readOperation reads a NodeProto.
func readOperation(node []byte) (operation, error) {
	var o operation
	err := fields(node, func(number protowire.Number, v []byte) error {
		switch number {
		case 1: // input
			o.in = append(o.in, string(v))
		case 2: // output
			o.out = string(v)
		case 4: // op_type
			o.op = string(v)
		case 5: // attribute
			var name, text string
			err := fields(v, func(number protowire.Number, v []byte) error {
				switch number {
				case 1:
					name = string(v)
				case 4:
					text = string(v)
				}
				return nil
			})
			if name == "equation" {
				o.equation = text
			}
			return err
		}
		return nil
	})
	return o, err
}

// shapesOf runs the model with zeros and returns the shapes of the named values.
func shapesOf(model, graph []byte, names []string) (map[string][]int64, error) {
	inputs, outputs, err := Describe(model)
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int64{}
	values := make([]ort.Value, len(inputs))
	defer func() {
		for _, v := range values {
			if v != nil {
				v.Destroy()
			}
		}
	}()
	var inputNames []string
	for i, t := range inputs {
		shape := slices.Clone(t.Shape)
		for k, d := range shape {
			if d == Dynamic {
				shape[k] = 1
			}
		}
		if values[i], _, err = allocate(t.Type, shape); err != nil {
			return nil, err
		}
		inputNames = append(inputNames, t.Name)
		shapes[t.Name] = shape
	}
	if err := weightShapes(graph, shapes); err != nil {
		return nil, err
	}
	known := func(name string) bool { _, ok := shapes[name]; return ok }
	asked := slices.DeleteFunc(slices.Clone(names), known)
	wider := slices.Clone(graph)
	for _, name := range asked {
		if !slices.ContainsFunc(outputs, func(t Tensor) bool { return t.Name == name }) {
			wider = message(wider, 12, message(nil, 1, []byte(name))) // another GraphProto.output, its type left to the runtime
		}
	}
	file, err := mapFields(model, 7, func([]byte) ([]byte, error) { return wider, nil })
	if err != nil {
		return nil, err
	}
	options, err := sessionOptions(CPU, 0)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(file, inputNames, asked, options)
	if err != nil {
		return nil, errors.New(brief(err))
	}
	defer session.Destroy()
	results := make([]ort.Value, len(asked))
	if err := session.Run(values, results); err != nil {
		return nil, errors.New(brief(err))
	}
	for i, v := range results {
		shapes[asked[i]] = v.GetShape()
		v.Destroy()
	}
	return shapes, nil
}

// weightShapes adds the shapes of a graph's weights.
func weightShapes(graph []byte, shapes map[string][]int64) error {
	return fields(graph, func(number protowire.Number, tensor []byte) error {
		if number != 5 { // GraphProto.initializer
			return nil
		}
		var name string
		var dims []int64
		for len(tensor) > 0 {
			number, kind, n := protowire.ConsumeTag(tensor)
			if n < 0 {
				return protowire.ParseError(n)
			}
			size := protowire.ConsumeFieldValue(number, kind, tensor[n:])
			if size < 0 {
				return protowire.ParseError(size)
			}
			value := tensor[n : n+size]
			switch {
			case number == 1 && kind == protowire.VarintType: // dims, one by one
				d, _ := protowire.ConsumeVarint(value)
				dims = append(dims, int64(d))
			case number == 1 && kind == protowire.BytesType: // dims, packed
				packed, _ := protowire.ConsumeBytes(value)
				for len(packed) > 0 {
					d, n := protowire.ConsumeVarint(packed)
					if n < 0 {
						return protowire.ParseError(n)
					}
					dims, packed = append(dims, int64(d)), packed[n:]
				}
			case number == 8 && kind == protowire.BytesType: // name
				text, _ := protowire.ConsumeBytes(value)
				name = string(text)
			}
			tensor = tensor[n+size:]
		}
		shapes[name] = dims
		return nil
	})
}
