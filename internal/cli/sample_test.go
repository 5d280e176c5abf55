package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/gif"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/onnxfile"
	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// sampleBundle writes the test bundle to a folder, after change.
func sampleBundle(t *testing.T, change func(*bundle.Manifest, map[string][]byte)) string {
	t.Helper()
	b := bundletest.Bundle(t)
	m, files := b.Manifest, map[string][]byte{}
	for _, name := range []string{bundle.PriorFile, bundle.DecoderFile, bundle.EncoderFile} {
		files[name] = b.Model(name).Graph
	}
	if change != nil {
		change(&m, files)
	}
	dir := filepath.Join(t.TempDir(), m.Name)
	if err := bundle.Write(dir, m, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sampleRun runs a command that must succeed, and returns what it prints.
func sampleRun(t *testing.T, args ...string) (lines []string, messages string) {
	t.Helper()
	code, out, messages := run(t, args...)
	if code != exitOK {
		t.Fatalf("sundae %s: exit code %d: %s", strings.Join(args, " "), code, messages)
	}
	return strings.Fields(out), messages
}

func sampleBytes(t *testing.T, path ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// sampleNames lists a folder.
func sampleNames(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// The same seed and settings give the same bytes in a second run and for any number of
// samples, frozen ones included.
func TestSampleRepeats(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	five, one, again := filepath.Join(dir, "five"), filepath.Join(dir, "one"), filepath.Join(dir, "again")
	flags := []string{"sample", "--model", model, "--seed", "7", "--temperature", "0.8:0.1", "--min-steps", "3", "--steps", "14"}
	lines, messages := sampleRun(t, append(flags, "--n", "5", "--out", five)...)
	want := []string{}
	for i := range 5 {
		want = append(want, filepath.Join(five, fmt.Sprintf("sample-7-%04d.png", i)))
	}
	if want = append(want, filepath.Join(five, "grid.png")); !slices.Equal(lines, want) {
		t.Errorf("printed %q", lines)
	}
	if !strings.Contains(messages, "sampling") || strings.Contains(messages, " 0 frozen") {
		t.Errorf("no sample was frozen, or that was not printed: %q", messages)
	}
	if _, messages := sampleRun(t, append(flags, "--n", "1", "--out", one, "--quiet")...); messages != "" {
		t.Errorf("with --quiet it printed %q", messages)
	}
	sampleRun(t, append(flags, "--n", "5", "--out", again)...)
	if !bytes.Equal(sampleBytes(t, five, "sample-7-0000.png"), sampleBytes(t, one, "sample-7-0000.png")) {
		t.Error("the first of five is not the single one")
	}
	for _, name := range sampleNames(t, five) {
		if !bytes.Equal(sampleBytes(t, five, name), sampleBytes(t, again, name)) {
			t.Errorf("%s differs the second time", name)
		}
	}
	if bytes.Equal(sampleBytes(t, five, "sample-7-0000.png"), sampleBytes(t, five, "sample-7-0001.png")) {
		t.Error("two samples are the same image")
	}
}

// --like an image or a sheet gives the same files again.
func TestSampleLike(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	first := filepath.Join(dir, "first")
	sampleRun(t, "sample", "--model", model, "--seed", "9", "--n", "3", "--steps", "6", "--class", "ocean", "--proportion", "0:1,0.5:0.6,1:0.9", "--freeze", "off", "--out", first)

	second := filepath.Join(dir, "second")
	sampleRun(t, "sample", "--model", model, "--like", filepath.Join(first, "sample-9-0002.png"), "--out", second)
	if !slices.Equal(sampleNames(t, second), []string{"grid.png", "sample-9-0002.png"}) {
		t.Errorf("like one image: files %v", sampleNames(t, second))
	}
	if !bytes.Equal(sampleBytes(t, first, "sample-9-0002.png"), sampleBytes(t, second, "sample-9-0002.png")) {
		t.Error("the image has changed")
	}
	third := filepath.Join(dir, "third")
	sampleRun(t, "sample", "--model", model, "--like", filepath.Join(first, "grid.png"), "--out", third)
	for _, name := range sampleNames(t, first) {
		if !bytes.Equal(sampleBytes(t, first, name), sampleBytes(t, third, name)) {
			t.Errorf("like the sheet: %s has changed", name)
		}
	}
	// Flags override the image's settings.
	fourth := filepath.Join(dir, "fourth")
	sampleRun(t, "sample", "--model", model, "--like", filepath.Join(first, "sample-9-0002.png"), "--seed", "10", "--class", "any", "--out", fourth)
	r := sampleRecord(t, filepath.Join(fourth, "sample-10-0002.png"))
	if *r.Seed != 10 || *r.Class != "" || *r.Steps != 6 || r.Proportion.String() != "0:1,0.5:0.6,1:0.9" || *r.Freeze != schedule.FreezeOff {
		t.Errorf("the settings are %+v", r)
	}
}

func sampleRecord(t *testing.T, path string) sampler.Record {
	t.Helper()
	text, err := picture.ReadText(bytes.NewReader(sampleBytes(t, path)), sampler.RecordKey)
	if err != nil {
		t.Fatal(err)
	}
	r, err := sampler.ParseRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The model that made an image is found by its name. Another model gives a warning.
func TestSampleLikeFindsTheModel(t *testing.T) {
	mine := sampleBundle(t, func(m *bundle.Manifest, _ map[string][]byte) { m.Name = "mine" })
	other := sampleBundle(t, func(m *bundle.Manifest, files map[string][]byte) {
		m.Name, files[bundle.PriorFile] = "other", sampleLogits(m, 0)
		m.Classes = nil
	})
	dir := t.TempDir()
	settings := filepath.Join(dir, "config.yaml")
	text, err := json.Marshal(map[string]any{"model": other, "models": []string{filepath.Dir(mine)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, text, 0o644); err != nil {
		t.Fatal(err)
	}
	first, second, third := filepath.Join(dir, "1"), filepath.Join(dir, "2"), filepath.Join(dir, "3")
	sampleRun(t, "sample", "--config", settings, "--model", "mine", "--n", "1", "--seed", "1", "--steps", "2", "--out", first)
	like := filepath.Join(first, "sample-1-0000.png")
	sampleRun(t, "sample", "--config", settings, "--like", like, "--out", second)
	if !bytes.Equal(sampleBytes(t, like), sampleBytes(t, second, "sample-1-0000.png")) {
		t.Error("sampled from another model")
	}
	if _, messages := sampleRun(t, "sample", "--model", other, "--like", like, "--out", third); !strings.Contains(messages, "was made by another model (mine)") {
		t.Errorf("no warning of another model: %q", messages)
	}
}

// sampleLogits is a prior with the same logit for every token.
func sampleLogits(m *bundle.Manifest, logit float32) []byte {
	n, v := int64(m.Latent.Tokens()), int64(m.Vocabulary)
	return onnxfile.Graph{
		Name:    "flat",
		Inputs:  []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{onnxfile.Dynamic, n}}},
		Outputs: []onnxfile.Tensor{{Name: "logits", Type: onnxfile.Float32, Shape: []int64{onnxfile.Dynamic, n, v}}},
		Weights: []onnxfile.Weight{onnxfile.Floats("table", []int64{v, v}, slices.Repeat([]float32{logit}, int(v*v)))},
		Nodes:   []onnxfile.Node{{Op: "Gather", In: []string{"table", "tokens"}, Out: []string{"logits"}}},
	}.Marshal()
}

func TestSampleHistory(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	for _, kind := range []string{"gif", "apng"} {
		out := filepath.Join(dir, kind)
		sampleRun(t, "sample", "--model", model, "--seed", "3", "--n", "2", "--steps", "4", "--history", "--animation", kind, "--out", out)
		animation := "sample-3-run.gif"
		if kind == "apng" {
			animation = "sample-3-run.png"
		}
		want := []string{"grid.png", animation}
		for i := range 2 {
			want = append(want, fmt.Sprintf("sample-3-%04d.png", i))
			for step := range 5 {
				want = append(want, fmt.Sprintf("sample-3-%04d-step-%02d.png", i, step))
			}
		}
		slices.Sort(want)
		got := sampleNames(t, out)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: there are %v", kind, got)
		}
		last, err := picture.Load(filepath.Join(out, "sample-3-0001-step-04.png"))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := picture.Load(filepath.Join(out, "sample-3-0001.png"))
		if err != nil || !bytes.Equal(last.Pix, whole.Pix) {
			t.Errorf("the last step is not the result: %v", err)
		}
		if r := sampleRecord(t, filepath.Join(out, "sample-3-0001-step-02.png")); r.Step != 2 || r.Sample != 1 {
			t.Errorf("a step's settings are %+v", r)
		}
	}
	movie, err := gif.DecodeAll(bytes.NewReader(sampleBytes(t, dir, "gif", "sample-3-run.gif")))
	if err != nil || len(movie.Image) != 5 || movie.Config.Width != 2*32+4 {
		t.Errorf("the animation has %d frames of width %d, %v", len(movie.Image), movie.Config.Width, err)
	}
	if r := sampleRecord(t, filepath.Join(dir, "apng", "sample-3-run.png")); r.Samples != 2 {
		t.Errorf("the animation's settings are %+v", r)
	}
}

// Bad input gives an error of one sentence and leaves no files.
func TestSampleBadInput(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	foreign := filepath.Join(dir, "foreign.png")
	if err := picture.Save(foreign, image.NewRGBA(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	odd := filepath.Join(dir, "odd.png")
	if err := picture.Save(odd, image.NewRGBA(image.Rect(0, 0, 4, 4)), picture.Text{Key: sampler.RecordKey, Value: "steps: 3"}); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(settings, []byte("sampling:\n  temperature: hot\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	notANumber := sampleBundle(t, func(m *bundle.Manifest, files map[string][]byte) {
		m.Classes, files[bundle.PriorFile] = nil, sampleLogits(m, float32(math.NaN()))
	})
	half := sampleBundle(t, nil)
	if err := os.Truncate(filepath.Join(half, bundle.DecoderFile), 100); err != nil {
		t.Fatal(err)
	}
	cut := sampleBundle(t, nil)
	if err := os.Remove(filepath.Join(cut, bundle.PriorFile)); err != nil {
		t.Fatal(err)
	}
	shapes := sampleBundle(t, func(m *bundle.Manifest, files map[string][]byte) {
		files[bundle.PriorFile] = sampleLogits(m, 0)
		m.Classes, m.Vocabulary = nil, 17
	})
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{1, "no model nosuch", []string{"--model", "nosuch"}},
		{1, "decoder.onnx is not the file that model.yaml names", []string{"--model", half}},
		{1, "prior.onnx: no such file", []string{"--model", cut}},
		{1, "prior.onnx has the output logits", []string{"--model", shapes}},
		{1, "not a number", []string{"--model", notANumber}},
		{1, "device cuda can't be used", []string{"--model", model, "--device", "cuda"}},
		{1, "auto would take", []string{"--model", model, "--device", "cuda"}},
		{1, `there is no device "abacus"`, []string{"--model", model, "--device", "abacus"}},
		{2, "must be a whole number from 0 to 10000", []string{"--model", model, "--steps", "-1"}},
		{2, "from 0 to 10000", []string{"--model", model, "--steps", "1000000000"}},
		{2, "-0.5 must be 0 to", []string{"--model", model, "--temperature", "-0.5"}},
		{2, "unknown curve", []string{"--model", model, "--temperature", "1:0.5:wavy"}},
		{2, "2 must be 0 to 1", []string{"--model", model, "--proportion", "2"}},
		{2, "must be a whole number from 0 to 10000", []string{"--model", model, "--min-steps", "-1"}},
		{2, "must be on, off or model", []string{"--model", model, "--freeze", "maybe"}},
		{1, "the model has alpine,", []string{"--model", model, "--class", "city"}},
		{1, "--threads must be 0 to", []string{"--model", model, "--threads", "-1"}},
		{1, "--n must be 1 to", []string{"--model", model, "--n", "0"}},
		{1, "--animation must be gif or apng", []string{"--model", model, "--history", "--animation", "mp4"}},
		{1, "has no settings", []string{"--model", model, "--like", foreign}},
		{1, "has settings that cannot be read", []string{"--model", model, "--like", odd}},
		{1, "is not a PNG", []string{"--model", model, "--like", settings}},
		{1, "no such file", []string{"--model", model, "--like", filepath.Join(dir, "none.png")}},
		{1, ":2: sampling.temperature: schedule \"hot\"", []string{"--model", model, "--config", settings}},
		{2, `--seed: "-1" must be a whole number from 0`, []string{"--model", model, "--seed", "-1"}},
		{2, `--n must be a whole number, not "many"`, []string{"--model", model, "--n", "many"}},
		{2, "--n: 99999999999999999999 is out of range", []string{"--model", model, "--n", "99999999999999999999"}},
		{2, `--history must be true or false, not "maybe"`, []string{"--model", model, "--history=maybe"}},
		{2, "unknown flag", []string{"--model", model, "--stepz", "3"}},
	} {
		code, stdout, messages := run(t, append([]string{"sample", "--out", out, "--quiet"}, c.args...)...)
		sampleFault(t, c.args, c.code, c.says, code, stdout, messages)
		if _, err := os.Lstat(out); err == nil {
			t.Fatalf("sundae sample %s failed and left %v", strings.Join(c.args, " "), sampleNames(t, out))
		}
	}
	if code, _, messages := run(t, "sample", "--model", model); code != exitUsage || !strings.Contains(messages, `"out" not set`) {
		t.Errorf("without --out: %d, %s", code, messages)
	}
	if code, _, messages := run(t, "sample", "--model", model, "--out", foreign); code != exitBad || !strings.Contains(messages, "create the output folder") {
		t.Errorf("a file for a folder: %d, %s", code, messages)
	}
}

// sampleFault checks that a command failed with an exit code and an error of one
// sentence, and printed nothing.
func sampleFault(t *testing.T, args []string, wantCode int, says string, code int, out, messages string) {
	t.Helper()
	line := strings.TrimSpace(messages)
	if wantCode == exitUsage {
		line, _, _ = strings.Cut(line, "\nSee sundae")
	}
	if code != wantCode || !strings.Contains(line, says) || strings.Contains(line, "\n") || out != "" {
		t.Errorf("sundae ... %s: exit code %d, want %d and %q\nout: %s\nerr: %s", strings.Join(args, " "), code, wantCode, says, out, messages)
	}
}

// An interrupted run and a failing decoder leave no incomplete files, and earlier files
// stay.
func TestSampleLeavesNoIncompleteFiles(t *testing.T) {
	failing := sampleBundle(t, func(m *bundle.Manifest, files map[string][]byte) {
		side, h := int64(m.ImageSize), int64(m.Latent.Height)
		deep := int64(3 * m.Downsample * m.Downsample)
		files[bundle.DecoderFile] = onnxfile.Graph{
			Name:    "broken",
			Inputs:  []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{1, h, h}}},
			Outputs: []onnxfile.Tensor{{Name: "image", Type: onnxfile.Float32, Shape: []int64{1, 3, side, side}}},
			Weights: []onnxfile.Weight{
				{Tensor: onnxfile.Tensor{Name: "one", Type: onnxfile.Int64, Shape: []int64{1}}, Raw: []byte{1, 0, 0, 0, 0, 0, 0, 0}},
				onnxfile.Floats("w", []int64{deep, 1, 1, 1}, slices.Repeat([]float32{float32(math.NaN())}, int(deep))),
			},
			Nodes: []onnxfile.Node{
				{Op: "Cast", In: []string{"tokens"}, Out: []string{"ids"}, Ints: map[string]int{"to": int(onnxfile.Float32)}},
				{Op: "Unsqueeze", In: []string{"ids", "one"}, Out: []string{"plane"}}, // [1, 1, h, w]
				{Op: "Conv", In: []string{"plane", "w"}, Out: []string{"deep"}},
				{Op: "DepthToSpace", In: []string{"deep"}, Out: []string{"image"}, Ints: map[string]int{"blocksize": m.Downsample}},
			},
		}.Marshal()
	})
	out := t.TempDir()
	old := filepath.Join(out, "sample-1-0000.png")
	if err := os.WriteFile(old, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	unharmed := func(when string) {
		t.Helper()
		if names := sampleNames(t, out); len(names) != 1 || string(sampleBytes(t, old)) != "mine" {
			t.Errorf("%s there are %v", when, names)
		}
	}
	if code, _, messages := run(t, "sample", "--model", failing, "--seed", "1", "--history", "--out", out); code != exitBad {
		t.Errorf("a decoder that gives no numbers: %d, %s", code, messages)
	}
	unharmed("after a failure")

	stopped, stop := context.WithCancel(t.Context())
	stop()
	var stdout, stderr bytes.Buffer
	defaults := sampleBytes(t, "..", "..", "config.yaml")
	code := Main(stopped, []string{"sample", "--model", sampleBundle(t, nil), "--seed", "1", "--out", out}, strings.NewReader(""), &stdout, &stderr, defaults)
	if code != exitBad || stdout.Len() > 0 {
		t.Errorf("stopped: exit code %d: %s%s", code, &stdout, &stderr)
	}
	unharmed("when stopped")
}
