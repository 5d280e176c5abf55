package onnxfile

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
)

// MatMulForEinsum replaces every Einsum that is a plain matrix product by a
// MatMul. Exporters write Einsum for all products, for which ONNX Runtime
// transposes the operands and cannot use its best kernels: on CPUs a transformer
// then takes twice the time. A file that cannot be read comes back unchanged, and
// the runtime reports what is wrong with it.
func MatMulForEinsum(model []byte) []byte {
	changed := false
	out, err := replace(model, modelGraph, func(graph []byte) ([]byte, error) {
		return replace(graph, graphNode, func(node []byte) ([]byte, error) {
			if op, err := opType(node); err != nil || op != "Einsum" {
				return node, err
			}
			n, err := parseNode(node)
			if err != nil || len(n.GetInput()) != 2 || !isMatMul(equation(n)) {
				return node, err
			}
			changed = true
			n.OpType, n.Attribute = "MatMul", nil
			return proto.Marshal(n)
		})
	})
	if err != nil || !changed {
		return model
	}
	return out
}

// isMatMul reports whether MatMul computes an equation: the last letter of the
// first operand is the second's last but one and is summed over; the letters
// before it keep their order, and the second operand has none of them (a weight)
// or all but the last (a batch of matrices).
func isMatMul(equation string) bool {
	left, out, ok := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	a, b, both := strings.Cut(left, ",")
	if !ok || !both || len(a) < 2 || len(b) < 2 {
		return false
	}
	rows, k, column := a[:len(a)-1], a[len(a)-1:], b[len(b)-1:]
	batch := b[:len(b)-2]
	letters := strings.Split(rows+k+column, "")
	slices.Sort(letters)
	return b[len(b)-2:len(b)-1] == k && out == rows+column && (batch == "" || batch == rows[:len(rows)-1]) &&
		len(slices.Compact(letters)) == len(a)+1 && letters[0] >= "A" // every letter once, and no ellipsis
}
