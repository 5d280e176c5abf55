package vqgan

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sundae/train/engine"
)

// From the files of a bundle a VQ-GAN goes on as the one that was written: the same
// tokens for the same pictures, the same pictures from them before the first step.
func TestSharpenFromFiles(t *testing.T) {
	c := small()
	c.Sharpen = Sharpen{Steps: 3, LearningRate: 1e-3, Weight: 0.5, Crop: 32, Batch: 2}
	o := options(t, folder(t, 6, 32))
	if _, err := Train(t.Context(), c, o); err != nil {
		t.Fatal(err)
	}
	trained, err := Open(filepath.Join(o.Out, Checkpoint), c, o.Size)
	if err != nil {
		t.Fatal(err)
	}
	files := &Files{Hours: 2, Writer: o.Backend}
	if files.Encoder, err = trained.ExportEncoder(o.Backend); err != nil {
		t.Fatal(err)
	}
	if files.Decoder, err = trained.ExportDecoder(o.Backend); err != nil {
		t.Fatal(err)
	}
	if files.Encoder, err = engine.Half(files.Encoder); err != nil {
		t.Fatal(err)
	}

	store := engine.NewStore(9)
	o.From = files
	report, err := c.begin(store, o)
	if err != nil || report.Step != c.Steps || report.Hours != 2 {
		t.Fatalf("begins at step %d after %g hours, %v", report.Step, report.Hours, err)
	}
	compared := 0
	for v := range store.IterVariables() {
		if weight, ok := strings.CutPrefix(v.Path(), "/average"); ok && strings.HasPrefix(weight, decoderPath) {
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
