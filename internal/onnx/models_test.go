package onnx

import (
	"bytes"
	"os"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// The functions below write just enough of the ONNX format to make test models.

func field(number protowire.Number, parts ...[]byte) []byte {
	out := protowire.AppendTag(nil, number, protowire.BytesType)
	return protowire.AppendBytes(out, bytes.Join(parts, nil))
}

func text(number protowire.Number, s string) []byte { return field(number, []byte(s)) }

func varint(number protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), v)
}

// valueInfo is a ValueInfoProto; an axis of Dynamic gets the name "batch".
func valueInfo(name string, t Type, shape ...int64) []byte {
	var dims []byte
	for _, d := range shape {
		if d == Dynamic {
			dims = append(dims, field(1, text(2, "batch"))...)
		} else {
			dims = append(dims, field(1, varint(1, uint64(d)))...)
		}
	}
	return append(text(1, name), field(2, field(1, varint(1, uint64(t)), field(2, dims)))...)
}

// node is a NodeProto with at most one integer attribute.
func node(op string, inputs []string, output string, attribute ...any) []byte {
	var out []byte
	for _, in := range inputs {
		out = append(out, text(1, in)...)
	}
	out = append(out, text(2, output)...)
	out = append(out, text(4, op)...)
	if len(attribute) == 2 {
		const isInt = 2
		out = append(out, field(5, text(1, attribute[0].(string)), varint(3, uint64(attribute[1].(int))), varint(20, isInt))...)
	}
	return out
}

// model wraps a graph's fields.
func model(graph ...[]byte) []byte {
	return bytes.Join([][]byte{varint(1, 8), field(7, append(graph, text(2, "test"))...), field(8, varint(2, 17))}, nil)
}

// mixed is a model with every type of input and output and a float16 weight:
//
//	doubled = 2 * ids            int32 [B,3]
//	scaled  = x * (0.5, 1, 2)    float32 [B,3], the weight being float16
//	long    = long               int64 [B]
//	flags   = not flags          bool [B,3]
//	bytes   = bytes              uint8 [B,3]
func mixed() []byte {
	const float16 = 10
	half := []byte{0x00, 0x38, 0x00, 0x3c, 0x00, 0x40} // 0.5, 1, 2
	return model(
		field(5, varint(1, 3), varint(2, float16), text(8, "w16"), field(9, half)),
		field(1, node("Add", []string{"ids", "ids"}, "doubled")),
		field(1, node("Cast", []string{"w16"}, "w", "to", int(Float32))),
		field(1, node("Mul", []string{"x", "w"}, "scaled")),
		field(1, node("Identity", []string{"long"}, "long_out")),
		field(1, node("Not", []string{"flags"}, "flags_out")),
		field(1, node("Identity", []string{"bytes"}, "bytes_out")),
		field(11, valueInfo("ids", Int32, Dynamic, 3)),
		field(11, valueInfo("x", Float32, Dynamic, 3)),
		field(11, valueInfo("long", Int64, Dynamic)),
		field(11, valueInfo("flags", Bool, Dynamic, 3)),
		field(11, valueInfo("bytes", Uint8, Dynamic, 3)),
		field(12, valueInfo("doubled", Int32, Dynamic, 3)),
		field(12, valueInfo("scaled", Float32, Dynamic, 3)),
		field(12, valueInfo("long_out", Int64, Dynamic)),
		field(12, valueInfo("flags_out", Bool, Dynamic, 3)),
		field(12, valueInfo("bytes_out", Uint8, Dynamic, 3)),
	)
}

// products is y = x^(n+1), for matrices of side k: a model that takes a while.
func products(k int64, n int) []byte {
	var graph [][]byte
	last := "x"
	for i := range n {
		next := "y"
		if i < n-1 {
			next = "t" + string(rune('a'+i))
		}
		graph = append(graph, field(1, node("MatMul", []string{last, "x"}, next)))
		last = next
	}
	return model(append(graph,
		field(11, valueInfo("x", Float32, Dynamic, k, k)),
		field(12, valueInfo("y", Float32, Dynamic, k, k)))...)
}

// The embedded probe is what this file would write: y = x + x.
func TestProbeModel(t *testing.T) {
	want := bytes.Join([][]byte{
		varint(1, 8),
		field(7,
			field(1, node("Add", []string{"x", "x"}, "y")),
			text(2, "probe"),
			field(11, valueInfo("x", Float32, 1)),
			field(12, valueInfo("y", Float32, 1))),
		field(8, varint(2, 17)),
	}, nil)
	got, err := os.ReadFile("probe.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("probe.onnx is % x, want % x", got, want)
	}
}
