package onnxfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// FLOPs counts the additions and multiplications of one run of a model on a
// batch of one, in the matrix products and convolutions that make up nearly all
// of it.
//
// Only a runtime knows the shapes of what lies between the inputs and the
// outputs, so the caller passes run. It runs the given model, which has some shapes as
// additional outputs, with every open axis of the inputs at 1, and returns the elements of
// the int64 outputs called names.
func FLOPs(model []byte, run func(model []byte, names []string) ([][]int64, error)) (int64, error) {
	n, err := flops(model, run)
	if err != nil {
		return 0, fmt.Errorf("count FLOPs: %w", err)
	}
	return n, nil
}

func flops(model []byte, run func(model []byte, names []string) ([][]int64, error)) (int64, error) {
	products, err := findProducts(model)
	if err != nil {
		return 0, err
	}
	shapes, err := knownShapes(model)
	if err != nil {
		return 0, err
	}
	var unknown []string
	for _, p := range products {
		for _, name := range []string{p.a, p.b, p.out} {
			if _, ok := shapes[name]; !ok && !slices.Contains(unknown, name) {
				unknown = append(unknown, name)
			}
		}
	}
	instrumented, names, err := withShapes(model, unknown)
	if err != nil {
		return 0, err
	}
	found, err := run(instrumented, names)
	if err != nil {
		return 0, err
	}
	for i, name := range unknown {
		shapes[name] = found[i]
	}
	var sum int64
	for _, p := range products {
		n, err := p.flops(shapes[p.a], shapes[p.b], shapes[p.out])
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// product is a node that multiplies two tensors.
type product struct {
	op        string
	equation  string // of an Einsum
	a, b, out string // names
}

// findProducts returns the nodes of a model that count.
func findProducts(model []byte) ([]product, error) {
	var found []product
	for f, err := range graphFields(model) {
		if err != nil {
			return nil, err
		}
		if f.number != graphNode {
			continue
		}
		op, err := opType(f.value)
		if err != nil {
			return nil, err
		}
		if !slices.Contains([]string{"MatMul", "FusedMatMul", "Gemm", "Einsum", "Conv"}, op) {
			continue
		}
		n, err := parseNode(f.value)
		if err != nil {
			return nil, err
		}
		if in, out := n.GetInput(), n.GetOutput(); len(in) >= 2 && len(out) > 0 {
			found = append(found, product{op: op, equation: equation(n), a: in[0], b: in[1], out: out[0]})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the model has no matrix product and no convolution")
	}
	return found, nil
}

// knownShapes returns the shapes that the file itself gives: those of the weights,
// and of the inputs with every open axis at 1.
func knownShapes(model []byte) (map[string][]int64, error) {
	inputs, _, err := Describe(model)
	if err != nil {
		return nil, err
	}
	shapes := map[string][]int64{}
	for _, t := range inputs {
		shape := slices.Clone(t.Shape)
		for i, d := range shape {
			if d == Dynamic {
				shape[i] = 1
			}
		}
		shapes[t.Name] = shape
	}
	for f, err := range graphFields(model) {
		if err != nil {
			return nil, err
		}
		if f.number == graphInitializer {
			weight, err := tensorHeader(f.value)
			if err != nil {
				return nil, err
			}
			shapes[weight.GetName()] = weight.GetDims()
		}
	}
	return shapes, nil
}

// withShapes makes the shapes of the named values outputs of the model, and returns these
// outputs' names. The values themselves as outputs would stay in memory until the end.
func withShapes(model []byte, values []string) (instrumented []byte, names []string, err error) {
	for _, value := range values {
		names = append(names, "shape of "+value)
	}
	instrumented, err = replace(model, modelGraph, func(graph []byte) ([]byte, error) {
		wider := slices.Clone(graph)
		for i, value := range values {
			node, err := proto.Marshal(Node{Op: "Shape", In: []string{value}, Out: []string{names[i]}}.proto())
			if err != nil {
				return nil, err
			}
			wider = appendMessage(wider, graphNode, node)
			wider = appendMessage(wider, graphOutput, appendMessage(nil, 1, []byte(names[i]))) // without a type: the runtime infers it
		}
		return wider, nil
	})
	return instrumented, names, err
}

// flops counts a product from the shapes of its inputs and its output: every
// element of the output is a sum over what the inputs have in common.
func (p product) flops(a, b, out []int64) (int64, error) {
	switch {
	case p.op == "Conv" && len(b) > 2: // the kernel is [out, in/groups, height, width]
		return 2 * elements(out) * elements(b[1:]), nil
	case p.op == "Gemm" && len(out) == 2 && out[0] > 0: // either matrix may be transposed
		return 2 * elements(out) * elements(a) / out[0], nil
	case p.op == "Einsum":
		return einsumFLOPs(p.equation, a, b)
	case len(a) > 0 && (p.op == "MatMul" || p.op == "FusedMatMul"):
		return 2 * elements(out) * a[len(a)-1], nil
	}
	return 0, fmt.Errorf("a %s of %v and %v is not supported", p.op, a, b)
}

// einsumFLOPs counts an Einsum: twice the product of the lengths of all letters.
func einsumFLOPs(equation string, shapes ...[]int64) (int64, error) {
	left, _, _ := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	lengths := map[rune]int64{}
	for i, letters := range strings.Split(left, ",") {
		if i >= len(shapes) || len(letters) != len(shapes[i]) {
			return 0, fmt.Errorf("an Einsum %q of %v is not supported", equation, shapes)
		}
		for k, letter := range letters {
			lengths[letter] = max(lengths[letter], shapes[i][k])
		}
	}
	n := int64(2)
	for _, length := range lengths {
		n *= length
	}
	return n, nil
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}
