package vqgan

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/train/engine"
)

// TestBegin: the store starts with the decoder of the files, at half precision, too, and
// files of another network are an error.
func TestBegin(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	pretrained := initialized(t, c, o)
	o.From = export(t, pretrained, o.Backend)
	o.From.Steps, o.From.Hours = c.Steps+5, 2
	var err error
	if o.From.Encoder.Graph, err = onnxfile.Half(o.From.Encoder.Graph); err != nil {
		t.Fatal(err)
	}
	c.Finetune.Steps = 3
	store := engine.NewStore(9)
	report, err := c.begin(store, o)
	if err != nil || report.Step != c.Steps || report.Earlier != 5 || report.Hours != 2 {
		t.Fatalf("begins with %+v, %v", report, err)
	}
	compared := 0
	for v := range store.IterVariables() {
		if weight, ok := strings.CutPrefix(v.Path(), engine.EMARoot); ok && strings.HasPrefix(weight, decoderPath) {
			compared++
			if !pretrained.store.GetVariable(weight).MustValue().Equal(v.MustValue()) {
				t.Errorf("%s differs", weight)
			}
		}
	}
	if compared < 20 {
		t.Errorf("%d weights of the decoder were read", compared)
	}
	other := c
	other.Channels = 16
	if _, err := other.begin(engine.NewStore(9), o); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("files of another network: %v", err)
	}
}

// TestMoreDecoderBlocks: a decoder with additional blocks starts with the output of the
// decoder without them.
func TestMoreDecoderBlocks(t *testing.T) {
	c := small()
	plain := c
	plain.DecoderBlocks = nil
	o := options(t, folder(t, 6, 32))
	pretrained := initialized(t, plain, o)
	o.From = export(t, pretrained, o.Backend)
	c.Finetune.Steps = 1
	store := engine.NewStore(9)
	if _, err := c.begin(store, o); err != nil {
		t.Fatal(err)
	}
	deeper := &Model{Config: c, Size: o.Size, store: store}
	if !slices.Equal(decoded(t, deeper, o), decoded(t, pretrained, o)) {
		t.Error("the decoder with more blocks has another output")
	}
	if store.GetVariable(decoderPath+"/level1/block1/conv2/weight") == nil {
		t.Error("no additional block")
	}
}

// TestPrune: a decoder with a bottleneck starts with the channels of each group that
// the second convolutions use.
func TestPrune(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	pretrained := initialized(t, c, o)
	for v := range pretrained.store.IterVariables() {
		if path := v.Path(); !strings.HasPrefix(path, decoderPath+"/level") || !strings.HasSuffix(path, "/conv2/weight") {
			continue
		}
		// The first half of each group's channels is not used.
		values, dims := tensors.MustCopyFlatData[float32](v.MustValue()), v.Shape().Dimensions
		area, each := dims[2]*dims[3], dims[1]/c.Groups
		for i := range values {
			if i/area%dims[1]%each < each/2 {
				values[i] = 0
			}
		}
		setValue(t, v, tensors.FromFlatDataAndDimensions(values, dims...))
	}
	o.From = export(t, pretrained, o.Backend)
	c.DecoderBottleneck = []int{1, 2}
	c.Finetune.Steps = 1
	store := engine.NewStore(9)
	if _, err := c.begin(store, o); err != nil {
		t.Fatal(err)
	}
	weight := store.GetVariable(decoderPath + "/level1/block0/conv2/weight")
	if weight == nil || weight.Shape().Dim(1) != weight.Shape().Dim(0)/2 {
		t.Fatalf("the second convolution of a pruned block is %v", weight)
	}
	want := pretrained.store.GetVariable(decoderPath + "/level1/block0/conv2/weight").MustValue()
	var used []int
	for i, each := 0, want.Shape().Dim(1)/c.Groups; i < want.Shape().Dim(1); i++ {
		if i%each >= each/2 {
			used = append(used, i)
		}
	}
	if !selectIndices(want, 1, used).Equal(weight.MustValue()) {
		t.Error("unused channels were kept")
	}
}

// initialized is a VQ-GAN with random weights.
func initialized(t *testing.T, c Config, o Options) *Model {
	t.Helper()
	m := &Model{Config: c, Size: o.Size, store: engine.NewStore(1)}
	exec, err := model.NewExec(o.Backend, m.store, func(scope *model.Scope, bytes *Node) *Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		return c.reconstruct(scope.In(generatorScope), toFloat(bytes), true, nil).x
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	if _, err := exec.Exec(noise(1, o.Size)); err != nil {
		t.Fatal(err)
	}
	return m
}

// export writes a VQ-GAN's files.
func export(t *testing.T, m *Model, backend compute.Backend) *Pretrained {
	t.Helper()
	file := func(network onnxfile.Network, err error) onnxfile.Model {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		graph, err := network.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return onnxfile.Model{Graph: graph}
	}
	return &Pretrained{Encoder: file(m.ExportEncoder(backend)), Decoder: file(m.ExportDecoder(backend))}
}

// decoded is the output of a decoder for its codes in turn.
func decoded(t *testing.T, m *Model, o Options) []uint8 {
	t.Helper()
	side := m.Size / m.Config.Factor()
	tokens := make([]int32, side*side)
	for i := range tokens {
		tokens[i] = int32(i % m.Config.Vocabulary)
	}
	decode, err := m.Decoder(o.Backend)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := decode(tokens, 1)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
