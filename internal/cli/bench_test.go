package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/benchmark"
	"sundae/internal/bundle"
)

func TestBench(t *testing.T) {
	dir := sampleBundle(t, nil)
	code, out, errs := run(t, "bench", "--model", dir, "--device", "cpu", "--batch", "4,1", "--steps", "3", "--json", "--quiet")
	if code != exitOK || errs != "" {
		t.Fatalf("code %d, %s", code, errs)
	}
	var r benchmark.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if r.Device != "cpu" || r.Steps != 3 || r.Tokens != 64 || len(r.Batches) != 2 || r.Batches[0].Size != 1 || r.Batches[1].Size != 4 {
		t.Errorf("%+v", r)
	}
	for _, b := range r.Batches {
		if b.Step <= 0 || b.Decode <= 0 || b.Sample < 3*b.Step/2 || b.Tokens <= 0 || b.Samples <= 0 || b.PeakMemory <= 0 || b.Overhead <= 0 || b.Overhead >= 1 {
			t.Errorf("%+v", b)
		}
	}
	if r.FirstImage <= 0 || r.EveryStep <= 0 || r.MatrixProduct.GFLOPS <= 0 || r.Prior.GFLOP <= 0 || r.Prior.Share <= 0 || r.Decoder.GFLOP <= 0 {
		t.Errorf("%+v", r)
	}
	code, out, errs = run(t, "bench", "--model", dir, "--device", "cpu", "--batch", "2", "--steps", "1")
	if code != exitOK {
		t.Fatalf("code %d, %s", code, errs)
	}
	for _, want := range []string{"32×32 pixels, 8×8 tokens, vocabulary 16, 1 steps", "tokens/s", "first image", "matrix products", "GFLOP per image"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestBenchErrors(t *testing.T) {
	dir := sampleBundle(t, nil)
	half := sampleBundle(t, nil)
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
