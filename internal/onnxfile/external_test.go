package onnxfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"
)

// unbound is y = x·/w + /b for x [1,32], with the weights as inputs, as a compiler writes it.
func unbound() []byte {
	shapes := map[string][]int64{"x": {1, 32}, "/w": {32, 48}, "/b": {48}, "/unread": {2}}
	var inputs []Tensor
	for _, name := range []string{"x", "/w", "/b", "/unread"} {
		inputs = append(inputs, Tensor{name, Float32, shapes[name]})
	}
	return Graph{
		Name: "unbound", Inputs: inputs, Outputs: []Tensor{{"y", Float32, []int64{1, 48}}},
		Nodes: []Node{
			{Op: "Identity", In: []string{"/w"}, Out: []string{"w"}},
			{Op: "MatMul", In: []string{"x", "w"}, Out: []string{"product"}},
			{Op: "Add", In: []string{"product", "/b"}, Out: []string{"y"}},
		},
	}.Marshal()
}

func bound(t *testing.T) Network {
	t.Helper()
	n, err := Bind(unbound(), func(name string) bool { return strings.HasPrefix(name, "/") }, testValues)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// testValues are numbers that float16 holds as well.
func testValues(name string, shape []int) ([]float32, error) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i%97)/8 - float32(len(name))
	}
	return values, nil
}

// A network's weights are the same, whether they lie in the file or beside it, and a copy's as well.
func TestNetwork(t *testing.T) {
	n := bound(t)
	one, external, copied := t.TempDir(), t.TempDir(), t.TempDir()
	for dir, write := range map[string]func(ctx context.Context, folder, name string) error{one: n.Write, external: n.WriteExternal} {
		if err := write(t.Context(), dir, "net.onnx"); err != nil {
			t.Fatal(err)
		}
	}
	original, err := Read(external, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := original.Write(t.Context(), copied, "net.onnx"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{one, external, copied} {
		m, err := Read(dir, "net.onnx")
		if err != nil {
			t.Fatal(err)
		}
		weights, err := OpenWeights(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := weights.Names(); !slices.Equal(got, []string{"/b", "/w"}) {
			t.Errorf("weights %q", got)
		}
		for name, shape := range map[string][]int{"/w": {32, 48}, "/b": {48}} {
			want, _ := testValues(name, shape)
			if got, err := weights.Read(name); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s is different in %s, %v", name, dir, err)
			}
			if got, ok := weights.Shape(name); !ok || !slices.Equal(got, shape) {
				t.Errorf("%s has the shape %v", name, got)
			}
		}
	}
	if err := original.Write(t.Context(), copied, "other.onnx"); err == nil {
		t.Error("a copy replaced the data of another model")
	}
	got, err := Externals(original.Graph)
	if want := []External{{"/w", "net.onnx.data", 0, 4 * 32 * 48}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("external data %v, want %v; %v", got, want, err)
	}
	if got, err := Externals(Graph{Weights: []Weight{Floats("w", []int64{1}, []float32{1})}}.Marshal()); err != nil || len(got) > 0 {
		t.Errorf("a file without external data has %v, %v", got, err)
	}
}

// What a Source gives must be what the network has.
func TestWrongValues(t *testing.T) {
	for want, values := range map[string]func(string, []int) ([]float32, error){
		"weight /w: 3 values for the shape [32 48]": func(string, []int) ([]float32, error) { return make([]float32, 3), nil },
		"weight /w: gone": func(string, []int) ([]float32, error) { return nil, errors.New("gone") },
	} {
		n, err := Bind(unbound(), func(name string) bool { return strings.HasPrefix(name, "/") }, values)
		if err != nil {
			t.Fatal(err)
		}
		for _, write := range []func(ctx context.Context, folder, name string) error{n.Write, n.WriteExternal} {
			if err := write(t.Context(), t.TempDir(), "net.onnx"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %q, got %v", want, err)
			}
		}
	}
}

// External data is found wherever it is named, and leads nowhere but into the folder.
func TestHostileExternals(t *testing.T) {
	tensor := func(entries ...string) *protos.TensorProto {
		p := &protos.TensorProto{Name: "w", DataType: typeFloat, Dims: []int64{4}, DataLocation: protos.TensorProto_EXTERNAL}
		for i := 0; i < len(entries); i += 2 {
			p.ExternalData = append(p.ExternalData, &protos.StringStringEntryProto{Key: entries[i], Value: entries[i+1]})
		}
		return p
	}
	file := func(g *protos.GraphProto) []byte {
		out, err := proto.Marshal(&protos.ModelProto{Graph: g})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	constant := func(p *protos.TensorProto) *protos.GraphProto {
		attribute := &protos.AttributeProto{Name: "value", Type: protos.AttributeProto_TENSOR, T: p}
		return &protos.GraphProto{Node: []*protos.NodeProto{{OpType: "Constant", Attribute: []*protos.AttributeProto{attribute}}}}
	}
	hidden := constant(tensor("location", "d"))
	for range 3 { // in the body of a loop in the body of a loop
		body := &protos.AttributeProto{Name: "body", Type: protos.AttributeProto_GRAPH, G: hidden}
		hidden = &protos.GraphProto{Node: []*protos.NodeProto{{OpType: "Loop", Attribute: []*protos.AttributeProto{body}}}}
	}
	if got, err := Externals(file(hidden)); err != nil || !slices.Equal(got, []External{{"w", "d", 0, -1}}) {
		t.Errorf("hidden external data: %v, %v", got, err)
	}
	deep := constant(tensor("location", "d"))
	for range maxDepth {
		deep = &protos.GraphProto{Node: []*protos.NodeProto{{Attribute: []*protos.AttributeProto{{G: deep}}}}}
	}
	if _, err := Externals(file(deep)); err == nil || !strings.Contains(err.Error(), "nested too deeply") {
		t.Errorf("a deep graph: %v", err)
	}
	for want, p := range map[string]*protos.TensorProto{
		`"../d" is not the name of a file`:             tensor("location", "../d"),
		`"/etc/passwd" is not the name of a file`:      tensor("location", "/etc/passwd"),
		`"*/_ORT_MEM_ADDR_/*" is not the name`:         tensor("location", "*/_ORT_MEM_ADDR_/*"),
		`".." is not the name of a file`:               tensor("location", ".."),
		`"." is not the name of a file`:                tensor("location", "."),
		"it names no file":                             tensor("offset", "0"),
		`offset "-1" is not a number of bytes`:         tensor("location", "d", "offset", "-1"),
		`length "9223372036854775808" is not a number`: tensor("location", "d", "length", "9223372036854775808"),
		"location has two values":                      tensor("location", "d", "location", "e"),
		`unknown key "basepath"`:                       tensor("location", "d", "basepath", "/etc"),
	} {
		for _, g := range []*protos.GraphProto{{Initializer: []*protos.TensorProto{p}}, constant(p)} {
			if _, err := Externals(file(g)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %q, got %v", want, err)
			}
		}
	}
}

// Who asks to stop while a large model is written or copied need not wait for its end.
func TestStopWriting(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := bound(t).WriteExternal(stopped, t.TempDir(), "net.onnx"); !errors.Is(err, context.Canceled) {
		t.Errorf("writing went on: %v", err)
	}
	dir := t.TempDir()
	if err := bound(t).WriteExternal(t.Context(), dir, "net.onnx"); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Write(stopped, t.TempDir(), "net.onnx"); !errors.Is(err, context.Canceled) {
		t.Errorf("copying went on: %v", err)
	}
}

// Data that ends too early is not read.
func TestShortExternalData(t *testing.T) {
	dir := t.TempDir()
	if err := bound(t).WriteExternal(t.Context(), dir, "net.onnx"); err != nil {
		t.Fatal(err)
	}
	m, err := Read(dir, "net.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "net.onnx.data"), 100); err != nil {
		t.Fatal(err)
	}
	weights, err := OpenWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := weights.Read("/w"); err == nil || !strings.Contains(err.Error(), "beyond the end of net.onnx.data") {
		t.Errorf("truncated data: %v", err)
	}
}
