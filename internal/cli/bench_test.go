package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/bundle/bundletest"
)

// benchBundle writes the test bundle into a folder.
func benchBundle(t *testing.T) string {
	t.Helper()
	b := bundletest.Bundle(t)
	models := map[string][]byte{}
	for _, name := range []string{bundle.PriorFile, bundle.DecoderFile, bundle.EncoderFile} {
		models[name] = b.Model(name)
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := bundle.Write(dir, b.Manifest, models); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBench(t *testing.T) {
	dir := benchBundle(t)
	code, out, errs := run(t, "bench", "--model", dir, "--device", "cpu", "--batch", "4,1", "--steps", "3", "--json", "--quiet")
	if code != exitOK || errs != "" {
		t.Fatalf("code %d, %s", code, errs)
	}
	var r benchReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if r.Device != "cpu" || r.Steps != 3 || r.Tokens != 64 || len(r.Batches) != 2 || r.Batches[0].Batch != 1 || r.Batches[1].Batch != 4 {
		t.Errorf("%+v", r)
	}
	for _, b := range r.Batches {
		if b.Step <= 0 || b.Decode <= 0 || b.Sample < 3*b.Step/2 || b.Tokens <= 0 || b.Samples <= 0 || b.Peak <= 0 || b.Go <= 0 || b.Go >= 1 {
			t.Errorf("%+v", b)
		}
	}
	if r.First <= 0 || r.Shown <= 0 || r.Product.Speed <= 0 || r.Prior.Work <= 0 || r.Prior.Share <= 0 || r.Decoder.Work <= 0 {
		t.Errorf("%+v", r)
	}
	code, out, errs = run(t, "bench", "--model", dir, "--device", "cpu", "--batch", "2", "--steps", "1")
	if code != exitOK {
		t.Fatalf("code %d, %s", code, errs)
	}
	for _, want := range []string{"32×32 pixels, 8×8 tokens of 16 codes, 1 steps", "tokens/s", "first picture", "matrix products", "GFLOP a picture"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestBenchErrors(t *testing.T) {
	dir := benchBundle(t)
	half := benchBundle(t)
	if err := os.Truncate(filepath.Join(half, bundle.PriorFile), 1000); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		err  string
	}{
		{[]string{"--batch", "0"}, exitUsage, "--batch must be 1 or more, not 0"},
		{[]string{"--steps", "-1"}, exitUsage, "--steps must not be negative"},
		{[]string{"--model", dir, "--steps", "20000"}, exitBad, "steps must be 1 to 10000"},
		{[]string{"--model", dir, "--device", "abacus"}, exitBad, `no device "abacus"`},
		{[]string{"--model", half}, exitBad, "prior.onnx is not the file that model.yaml names"},
	} {
		code, out, errs := run(t, append([]string{"bench", "--quiet"}, c.args...)...)
		if code != c.code || out != "" || !strings.Contains(errs, c.err) {
			t.Errorf("bench %v: code %d, %s%s", c.args, code, out, errs)
		}
	}
}
