package onnx

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// start loads the library, installed if need be.
func start(t testing.TB) {
	t.Helper()
	lib, err := Ensure(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := Start(lib); err != nil {
		t.Fatal(err)
	}
	if err := Start(lib); err != nil {
		t.Fatalf("starting again: %v", err)
	}
	if Loaded() != lib.Version && lib.Version != "" {
		t.Fatalf("loaded %s, found %s", Loaded(), lib.Version)
	}
}

func open(t testing.TB, model []byte, o Options) *Session {
	t.Helper()
	start(t)
	s, err := Open(model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func bind(t testing.TB, s *Session, batch int) *Binding {
	t.Helper()
	b, err := s.Bind(batch, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func data[T Element](t testing.TB, b *Binding, name string) []T {
	t.Helper()
	d, err := Data[T](b, name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryTypeAndBatch(t *testing.T) {
	s := open(t, mixed(), Options{Device: CPU})
	if got := s.Inputs[0].String(); got != "ids int32 [?,3]" {
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
		t.Error("a batch of 0 was taken")
	}
	if _, err := s.Bind(2, map[string][]int64{"ids": {2, 4}}); err == nil || !strings.Contains(err.Error(), "ids int32 [?,3]") {
		t.Errorf("a wrong shape: %v", err)
	}
	b := bind(t, s, 1)
	if _, err := Data[int64](b, "ids"); err == nil {
		t.Error("int32 was handed out as int64")
	}
	if _, err := Data[int64](b, "no"); err == nil {
		t.Error("a tensor that isn't there was handed out")
	}
	fixed := open(t, probeModel, Options{Device: CPU})
	if _, err := fixed.Bind(2, nil); err == nil || !strings.Contains(err.Error(), "batches of 1 only") {
		t.Errorf("a fixed batch: %v", err)
	}
}

func TestAutoWorksEverywhere(t *testing.T) {
	s := open(t, mixed(), Options{Device: Auto, Threads: 1})
	if s.Device == Auto || s.Device == "" {
		t.Fatalf("auto is on %q", s.Device)
	}
	if want := slices.Index(choices, s.Device); len(s.Why) != want {
		t.Errorf("on %s, with reasons %q", s.Device, s.Why)
	}
	if got := Best(); got != s.Device {
		t.Errorf("auto took %s, Best says %s", s.Device, got)
	}
}

func TestDeviceThatIsNotThere(t *testing.T) {
	start(t)
	for _, d := range Devices() {
		if d.OK != (d.Why == "") {
			t.Errorf("%+v", d)
		}
		if d.OK {
			continue
		}
		_, err := Open(mixed(), Options{Device: d.Name})
		if err == nil || !strings.Contains(err.Error(), d.Why) || !strings.Contains(err.Error(), "auto would take "+Best()) {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
	if _, err := Open(mixed(), Options{Device: "abacus"}); err == nil || !strings.Contains(err.Error(), `no device "abacus"`) {
		t.Errorf("an unknown device: %v", err)
	}
	if _, err := Open([]byte("not a model"), Options{}); err == nil {
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
	// Whenever the cancelling falls into a run that may be interrupted, the next one is whole.
	for i := range 200 {
		b.last = patience + 1
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

// A run that is cancelled in the middle ends there: of a chain of products that
// takes seconds in all, the runtime does the one it is at.
func TestRunIsInterrupted(t *testing.T) {
	s := open(t, products(1024, 60), Options{Device: CPU})
	b := bind(t, s, 1)
	b.last = patience + 1
	ctx, cancel := context.WithCancel(t.Context())
	var y []float32 = data[float32](t, b, "y")
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
		t.Error("the run went on to its end")
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

func FuzzDescribe(f *testing.F) {
	f.Add(probeModel)
	f.Add(mixed())
	f.Add(products(4, 2)[:40])
	f.Add([]byte("\x3a\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, graph, err := heavy(file); err == nil {
			weightShapes(graph, map[string][]int64{})
		}
		inputs, outputs, err := Describe(file)
		if err != nil {
			return
		}
		for _, tensor := range slices.Concat(inputs, outputs) {
			if len(tensor.Shape) > maxRank {
				t.Errorf("%v has %d axes", tensor, len(tensor.Shape))
			}
			for _, d := range tensor.Shape {
				if d < 1 && d != Dynamic {
					t.Errorf("%v has an axis of %d", tensor, d)
				}
			}
		}
	})
}
