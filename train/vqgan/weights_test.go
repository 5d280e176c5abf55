package vqgan

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"sundae/train/engine"
)

// From the files of a bundle a VQ-GAN goes on as the one that was written: the same
// tokens for the same pictures, the same pictures from them before the first step.
func TestSharpenFromFiles(t *testing.T) {
	c := small()
	c.Sharpen = Sharpen{Steps: 3, LearningRate: 1e-3, Weight: 0.5, Crop: 32, Batch: 2}
	o := options(t, folder(t, 6, 32))
	trained, files := exported(t, c, o)
	files.Steps, files.Hours = c.Steps+5, 2
	var err error
	if files.Encoder, err = engine.Half(files.Encoder); err != nil {
		t.Fatal(err)
	}

	store := engine.NewStore(9)
	o.From = files
	report, err := c.begin(store, o)
	if err != nil || report.Step != c.Steps || report.Earlier != 5 || report.Hours != 2 {
		t.Fatalf("begins at step %d and %d after %g hours, %v", report.Step, report.Earlier, report.Hours, err)
	}
	compared := 0
	for v := range store.IterVariables() {
		if weight, ok := strings.CutPrefix(v.Path(), engine.EMARoot); ok && strings.HasPrefix(weight, decoderPath) {
			compared++
			if !trained.store.GetVariable(weight).MustValue().Equal(v.MustValue()) {
				t.Errorf("%s is another", weight)
			}
		}
	}
	if compared < 20 {
		t.Errorf("%d weights of the decoder came back", compared)
	}

	bytes := make([]uint8, 32*32*3)
	for i := range bytes {
		bytes[i] = uint8(7 * i)
	}
	tokens := func(m *Model) []int32 {
		encode, err := m.Encoder(o.Backend)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := encode(bytes, 1)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	o.Out = t.TempDir()
	if report, err = Train(t.Context(), c, o); err != nil || report.Step != c.TotalSteps() || report.Hours < 2 {
		t.Fatalf("sharpened to step %d after %g hours, %v", report.Step, report.Hours, err)
	}
	sharpened, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tokens(sharpened), tokens(trained)) {
		t.Error("sharpening changed the tokens")
	}

	other := c
	other.Channels = 16
	if _, err := other.begin(engine.NewStore(9), o); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("files of another network: %v", err)
	}
}

// A decoder of a bundle goes on with more blocks, and draws at first what it drew.
func TestDecoderGrows(t *testing.T) {
	c := small()
	plain := c
	plain.DecoderBlocks = nil
	o := options(t, folder(t, 6, 32))
	trained, files := exported(t, plain, o)
	o.From = files
	c.Sharpen.Steps = 1
	store := engine.NewStore(9)
	if _, err := c.begin(store, o); err != nil {
		t.Fatal(err)
	}
	grown := &Model{Config: c, Size: o.Size, store: store}
	if !slices.Equal(drawn(t, grown), drawn(t, trained)) {
		t.Error("the grown decoder draws something else")
	}
	if store.GetVariable(decoderPath+"/level1/block1/conv2/weight") == nil {
		t.Error("nothing has grown")
	}
}

// A decoder of a bundle goes on narrower, with those channels of each group that the
// second convolutions listen to.
func TestDecoderNarrows(t *testing.T) {
	c := small()
	wide := c
	o := options(t, folder(t, 6, 32))
	trained, _ := exported(t, wide, o)
	deaf := 0
	for v := range trained.store.IterVariables() {
		if path := v.Path(); !strings.HasPrefix(path, decoderPath+"/level") || !strings.HasSuffix(path, "/conv2/weight") {
			continue
		}
		values, dims := tensors.MustCopyFlatData[float32](v.MustValue()), v.Shape().Dimensions
		area := dims[2] * dims[3]
		for i := range values {
			if each := dims[1] / c.Groups; i/area%dims[1]%each < each/2 {
				values[i] = 0
				deaf++
			}
		}
		v.MustSetValue(tensors.FromFlatDataAndDimensions(values, dims...))
	}
	if deaf == 0 {
		t.Fatal("there is nothing to narrow")
	}
	files := &Files{}
	var err error
	if files.Encoder, err = trained.ExportEncoder(o.Backend); err != nil {
		t.Fatal(err)
	}
	if files.Decoder, err = trained.ExportDecoder(o.Backend); err != nil {
		t.Fatal(err)
	}
	o.From = files
	c.DecoderBottleneck = []int{1, 2}
	c.Sharpen.Steps = 1
	store := engine.NewStore(9)
	if _, err := c.begin(store, o); err != nil {
		t.Fatal(err)
	}
	weight := store.GetVariable(decoderPath + "/level1/block0/conv2/weight")
	if weight == nil || weight.Shape().Dim(1) != weight.Shape().Dim(0)/2 {
		t.Fatalf("the second convolution of a narrowed block is %v", weight)
	}
	want := trained.store.GetVariable(decoderPath + "/level1/block0/conv2/weight").MustValue()
	var rest []int
	for i, each := 0, want.Shape().Dim(1)/c.Groups; i < want.Shape().Dim(1); i++ {
		if i%each >= each/2 {
			rest = append(rest, i)
		}
	}
	if !pick(want, 1, rest).Equal(weight.MustValue()) {
		t.Error("channels were kept that nothing listens to")
	}
}

// exported is a VQ-GAN that was trained by o, and its files.
func exported(t *testing.T, c Config, o Options) (*Model, *Files) {
	t.Helper()
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	m, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	files := &Files{}
	if files.Encoder, err = m.ExportEncoder(o.Backend); err != nil {
		t.Fatal(err)
	}
	if files.Decoder, err = m.ExportDecoder(o.Backend); err != nil {
		t.Fatal(err)
	}
	return m, files
}

// drawn is what a model's decoder makes of its codes in turn.
func drawn(t *testing.T, m *Model) []uint8 {
	t.Helper()
	side := m.Size / m.Config.Factor()
	tokens := make([]int32, side*side)
	for i := range tokens {
		tokens[i] = int32(i % m.Config.Vocabulary)
	}
	decode, err := m.Decoder(open(t, "onnx:cpu"))
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := decode(tokens, 1)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
