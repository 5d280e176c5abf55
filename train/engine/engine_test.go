package engine

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

func stored(t *testing.T) (string, *model.Store) {
	t.Helper()
	store := model.NewStore()
	for path, value := range map[string]*tensors.Tensor{
		"/a/weight": tensors.FromFlatDataAndDimensions([]float32{1, -2, 3.5, 4}, 2, 2),
		"/b":        tensors.FromFlatDataAndDimensions([]int32{7, 8, 9}, 3),
		"/scalar":   tensors.FromScalar(float32(0.25)),
	} {
		if _, err := store.CreateVariable(path, value); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := Save(path, store, map[string]string{"step": "12"}); err != nil {
		t.Fatal(err)
	}
	return path, store
}

// In a process of its own, for where plugins are looked for is read when one starts, and
// this machine may have some.
func TestMissingPlugin(t *testing.T) {
	const inner = "SUNDAE_TEST_MISSING_PLUGIN"
	if os.Getenv(inner) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestMissingPlugin$")
		child.Env = append(os.Environ(), inner+"=1", "PJRT_PLUGIN_LIBRARY_PATH="+t.TempDir())
		if out, err := child.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return
	}
	_, err := Open("xla:cuda", "")
	if err == nil || !strings.Contains(err.Error(), "needs pjrt_c_api_cuda_plugin.so") {
		t.Errorf("%v", err)
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	path, store := stored(t)
	back := model.NewStore()
	meta, err := Load(path, back)
	if err != nil || meta["step"] != "12" {
		t.Fatalf("metadata %v, %v", meta, err)
	}
	for v := range store.IterVariables() {
		other := back.GetVariable(v.Path())
		if other == nil || !v.MustValue().Equal(other.MustValue()) {
			t.Errorf("%s did not come back", v.Path())
		}
	}
}

func TestBrokenCheckpoints(t *testing.T) {
	path, store := stored(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(whole); cut += 7 {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, model.NewStore()); err == nil {
			t.Fatalf("a checkpoint cut to %d of %d bytes was read", cut, len(whole))
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none"), model.NewStore()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing checkpoint: %v", err)
	}
	// A save that fails leaves the checkpoint that was there.
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(path, "below-a-file"), store, nil); err == nil {
		t.Error("saving below a file worked")
	}
	if _, err := Load(path, model.NewStore()); err != nil {
		t.Errorf("the earlier checkpoint is gone: %v", err)
	}
}

// A run's checkpoint of another version says what to do.
func TestOldRunFile(t *testing.T) {
	_, store := stored(t)
	file := RunFile{Path: filepath.Join(t.TempDir(), "run.safetensors"), Format: "sundae prior", Network: "small"}
	if err := file.Save(store, 12, 12); err != nil {
		t.Fatal(err)
	}
	step := 0
	if err := file.Load(model.NewStore(), &step); err != nil || step != 12 {
		t.Errorf("step %d, %v", step, err)
	}
	file.Format = "sundae prior 2"
	if err := file.Load(model.NewStore(), &step); err == nil || !strings.Contains(err.Error(), "train again") {
		t.Errorf("a checkpoint of another version: %v", err)
	}
}

// A full disk is one that writes fail on: /dev/full is one for everybody.
func TestFullDisk(t *testing.T) {
	_, store := stored(t)
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full on this system")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	if err := write(full, store, nil); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("writing to a full disk: %v", err)
	}
}

func TestConstantRate(t *testing.T) {
	for _, step := range []int{0, 1, 50, 99, 1000} {
		if got := ConstantRate.Rate(step, 0, 100, 3e-5); got != 3e-5 {
			t.Errorf("step %d has the rate %g", step, got)
		}
	}
	if got := ConstantRate.Rate(4, 10, 100, 2); got != 1 {
		t.Errorf("half-way through the warm-up to 2 the rate is %g", got)
	}
	if got := Schedule("").Rate(100, 0, 100, 2); math.Abs(got-0.1) > 1e-12 {
		t.Errorf("without a schedule a rate of 2 ends at %g", got)
	}
}

func TestLearningRate(t *testing.T) {
	if got := LearningRate(9, 10, 100, 2, 0.1); got != 2 {
		t.Errorf("end of the warm-up: %g", got)
	}
	if got := LearningRate(100, 10, 100, 2, 0.1); math.Abs(got-0.2) > 1e-12 {
		t.Errorf("end of the run: %g", got)
	}
	for step := 10; step < 99; step++ {
		if LearningRate(step+1, 10, 100, 2, 0.1) > LearningRate(step, 10, 100, 2, 0.1) {
			t.Errorf("the rate rises at step %d", step)
		}
	}
}

func TestMetricsResume(t *testing.T) {
	dir := t.TempDir()
	m, err := OpenMetrics(dir, "run", 0, "loss", "rate")
	if err != nil {
		t.Fatal(err)
	}
	for step := 10; step <= 40; step += 10 {
		m.Add(step, float64(step)/2, 1)
	}
	if err := errors.Join(m.Write(), m.Plot("loss.png", "loss", "loss")); err != nil {
		t.Fatal(err)
	}
	again, err := OpenMetrics(dir, "run", 20, "loss", "rate")
	if err != nil {
		t.Fatal(err)
	}
	again.Add(30, 99, 1)
	if err := again.Write(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "run.csv"))
	if want := "step,loss,rate\n10,5,1\n20,10,1\n30,99,1\n"; string(text) != want {
		t.Errorf("metrics:\n%s", text)
	}
}
