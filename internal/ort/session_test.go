package ort

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sundae/internal/inference"
	"sundae/internal/onnxfile"
	"sundae/internal/ort/install"
)

// Several runtimes of one process share the library; another version is an error.
func TestLoadAgain(t *testing.T) {
	load(t)
	again := load(t)
	lib, err := install.Find("")
	if err != nil {
		t.Fatal(err)
	}
	if again.Version() != lib.Version && lib.Version != "" {
		t.Errorf("loaded %s, found %s", again.Version(), lib.Version)
	}
	lib.Version = "1.24.0"
	if _, err := Load(lib); err == nil || !strings.Contains(err.Error(), "already loaded version "+again.Version()) {
		t.Errorf("another version: %v", err)
	}
}

// What people read names the devices as the code does, in its order.
func TestDocumentedDevices(t *testing.T) {
	for _, path := range []string{"README.md", "../../config.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), DeviceList()) {
			t.Errorf("%s does not list %q", path, DeviceList())
		}
	}
}

func load(t testing.TB) *Runtime {
	t.Helper()
	lib, err := install.Ensure(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := Load(lib)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func open(t testing.TB, file onnxfile.Model, o Options) *Session {
	t.Helper()
	s, err := load(t).Open(file, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func bind(t testing.TB, s *Session, batch int) *binding {
	t.Helper()
	b, err := s.bind(batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func data[T inference.Element](t testing.TB, b inference.Binding, name string) []T {
	t.Helper()
	d, err := inference.View[T](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryTypeAndBatch(t *testing.T) {
	s := open(t, mixed(), Options{Device: CPU})
	if got := s.Inputs()[0].String(); got != "ids int32 [?,3]" {
		t.Errorf("the first input is %q", got)
	}
	for _, batch := range []int{1, 3, 8} {
		b := bind(t, s, batch)
		ids, x := data[int32](t, b, "ids"), data[float32](t, b, "x")
		long, flags, bytes := data[int64](t, b, "long"), data[bool](t, b, "flags"), data[uint8](t, b, "bytes")
		if len(ids) != 3*batch || len(long) != batch {
			t.Fatalf("batch %d: %d ids, %d longs", batch, len(ids), len(long))
		}
		for round := range 2 { // the memory is used again
			for i := range ids {
				ids[i], x[i], flags[i], bytes[i] = int32(i+round), float32(i+round), i%2 == round, uint8(200+i)
			}
			for i := range long {
				long[i] = int64(i+round) << 40
			}
			if err := b.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			weights := []float32{0.5, 1, 2}
			for i := range ids {
				if got := data[int32](t, b, "doubled")[i]; got != 2*ids[i] {
					t.Errorf("batch %d: doubled[%d] = %d", batch, i, got)
				}
				if got := data[float32](t, b, "scaled")[i]; got != x[i]*weights[i%3] {
					t.Errorf("batch %d: scaled[%d] = %g", batch, i, got)
				}
				if got := data[bool](t, b, "flags_out")[i]; got == flags[i] {
					t.Errorf("batch %d: flags[%d] = %v", batch, i, got)
				}
			}
			if got := data[int64](t, b, "long_out"); !slices.Equal(got, long) {
				t.Errorf("batch %d: long %v", batch, got)
			}
			if got := data[uint8](t, b, "bytes_out"); !slices.Equal(got, bytes) {
				t.Errorf("batch %d: bytes %v", batch, got)
			}
		}
	}
}

func TestBindErrors(t *testing.T) {
	s := open(t, mixed(), Options{Device: CPU})
	if _, err := s.Bind(0, nil); err == nil {
		t.Error("a batch of 0 was accepted")
	}
	if _, err := s.Bind(2, map[string][]int64{"ids": {2, 4}}); err == nil || !strings.Contains(err.Error(), "ids int32 [?,3]") {
		t.Errorf("a wrong shape: %v", err)
	}
	b := bind(t, s, 1)
	if _, err := inference.View[int64](b, "ids"); err == nil || err.Error() != "ids is a []int32, not a []int64" {
		t.Errorf("int32 as int64: %v", err)
	}
	if _, err := inference.View[int64](b, "no"); err == nil || !strings.Contains(err.Error(), `no input or output "no"`) {
		t.Errorf("a missing tensor: %v", err)
	}
	fixed := open(t, probeModel(), Options{Device: CPU})
	if _, err := fixed.Bind(2, nil); err == nil || !strings.Contains(err.Error(), "batches of 1 only") {
		t.Errorf("a fixed batch: %v", err)
	}
}

func TestAutoWorksEverywhere(t *testing.T) {
	rt := load(t)
	s, err := rt.Open(mixed(), Options{Device: Auto, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	usable, skipped := rt.AutoDevices()
	if usable[0].Device != s.Device() {
		t.Errorf("auto took %s, the first usable device is %s; skipped are %q", s.Device(), usable[0].Device, skipped)
	}
	if usable[len(usable)-1].Device != CPU {
		t.Errorf("the CPU is not the last of %v", usable)
	}
}

func TestUnusableDevice(t *testing.T) {
	rt := load(t)
	usable, _ := rt.AutoDevices()
	for _, d := range rt.Devices() {
		if d.OK != (d.Reason == "") {
			t.Errorf("%+v", d)
		}
		if d.OK {
			continue
		}
		_, err := rt.Open(mixed(), Options{Device: d.Device})
		if err == nil || !strings.Contains(err.Error(), d.Reason) || !strings.Contains(err.Error(), "auto would take "+usable[0].Device) {
			t.Errorf("%s: %v", d.Device, err)
		}
	}
	for device, want := range map[string]string{
		"abacus": `no device "abacus": use ` + DeviceList(), "cuda:x": "a number from 0", "cuda:-1": "a number from 0", "cpu:1": "a number from 0",
	} {
		if _, err := rt.Open(mixed(), Options{Device: device}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", device, err, want)
		}
	}
	if _, err := rt.Opener(Options{})(onnxfile.Model{Graph: []byte("not a model")}); err == nil {
		t.Error("a text was opened as a model")
	}
}

func TestRunStopsWhenCancelled(t *testing.T) {
	s := open(t, products(64, 3), Options{Device: CPU})
	b := bind(t, s, 1)
	x, y := data[float32](t, b, "x"), data[float32](t, b, "y")
	for i := range 64 {
		x[i*64+i] = 2 // x = 2 I, so that y = 16 I
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Run(done); !errors.Is(err, context.Canceled) {
		t.Errorf("run with a cancelled context: %v", err)
	}
	// No matter when a run is interrupted, the next one is complete.
	for i := range 200 {
		b.last = interruptAfter + 1
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Duration(i) * time.Microsecond)
			cancel()
		}()
		if err := b.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
		clear(y)
		if err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if y[0] != 16 || y[1] != 0 || y[65] != 16 {
			t.Fatalf("after a cancelled run: %v", y[:2])
		}
	}
}

// A cancelled run ends early, also the first one: of a chain of products that takes seconds in all, the
// runtime finishes only the one it has begun.
func TestRunIsInterrupted(t *testing.T) {
	s := open(t, products(1024, 60), Options{Device: CPU})
	b := bind(t, s, 1)
	ctx, cancel := context.WithCancel(t.Context())
	y := data[float32](t, b, "y")
	y[0] = -1
	x := data[float32](t, b, "x")
	for i := range x {
		x[i] = 1.0 / 1024
	}
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := b.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("run: %v", err)
	}
	if y[0] != -1 {
		t.Error("the run was not interrupted")
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	s := open(t, mixed(), Options{Device: CPU})
	b := bind(t, s, 4)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if got := testing.AllocsPerRun(100, func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("%g allocations a run", got)
	}
}

func BenchmarkRun(b *testing.B) {
	binding := bind(b, open(b, mixed(), Options{Device: CPU}), 4)
	b.ReportAllocs()
	for b.Loop() {
		if err := binding.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
