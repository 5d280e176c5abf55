package onnx

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// productsForEinsums writes MatMul for every Einsum that is one. Exporters write
// Einsum for all products; the runtime then moves the operands about and forgoes
// its best kernels: on CPUs a transformer takes twice the time. A file that can't
// be read comes back as it is, for the runtime to judge.
func productsForEinsums(model []byte) []byte {
	changed := false
	out, err := mapFields(model, 7, func(graph []byte) ([]byte, error) { // ModelProto.graph
		return mapFields(graph, 1, func(node []byte) ([]byte, error) { // GraphProto.node
			o, err := readOperation(node)
			if err != nil || o.op != "Einsum" || len(o.in) != 2 || !isProduct(o.equation) {
				return node, err
			}
			changed = true
			return Node{Op: "MatMul", In: o.in, Out: []string{o.out}}.marshal(), nil
		})
	})
	if err != nil || !changed {
		return model
	}
	return out
}

// isProduct tells the equations that MatMul computes: the last letter of the first
// operand is the second's last but one and vanishes; what comes before it stays in
// its order, and the second has none of it, or all but the last.
func isProduct(equation string) bool {
	left, out, ok := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	a, b, both := strings.Cut(left, ",")
	if !ok || !both || len(a) < 2 || len(b) < 2 {
		return false
	}
	rows, k, column := a[:len(a)-1], a[len(a)-1:], b[len(b)-1:]
	shared := b[:len(b)-2]
	letters := strings.Split(rows+k+column, "")
	slices.Sort(letters)
	return b[len(b)-2:len(b)-1] == k && out == rows+column && (shared == "" || shared == rows[:len(rows)-1]) &&
		len(slices.Compact(letters)) == len(a)+1 && letters[0] >= "A" // every letter once, and no ellipsis
}

// mapFields copies a message with f applied to each field of that number.
func mapFields(message []byte, field protowire.Number, f func([]byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(message))
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, message[n:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		if number == field && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[n:])
			changed, err := f(value)
			if err != nil {
				return nil, err
			}
			out = protowire.AppendBytes(protowire.AppendTag(out, number, kind), changed)
		} else {
			out = append(out, message[:n+size]...)
		}
		message = message[n+size:]
	}
	return out, nil
}
