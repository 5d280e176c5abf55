package sampler

import "testing"

// From noise, "any" is one class per sample, in any batch and in any branch. Where an
// image is given, the model gets no class.
func TestAnyClass(t *testing.T) {
	p := open(t)
	classes := len(p.Classes)
	s := settings()
	s.Class = classes
	begin := func(start Start) *Run {
		t.Helper()
		r, err := p.Start(start)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	run := begin(Start{N: 64, Settings: s, From: Noise{}})
	branch, err := run.Branch(0, s)
	if err != nil {
		t.Fatal(err)
	}
	later := begin(Start{N: 1, First: 5, Settings: s, From: Noise{}})
	resumed := begin(Start{N: 64, Settings: s, From: Frames{Taken: []Frame{run.At(0)}, Start: Noise{}}})
	seen := map[int]int{}
	for i := range 64 {
		class := run.class(i)
		seen[class]++
		if class != branch.class(i) || class != resumed.class(i) || i == 5 && class != later.class(0) {
			t.Errorf("sample %d is of class %d, %d and %d", i, class, branch.class(i), resumed.class(i))
		}
	}
	if len(seen) != classes || seen[classes] > 0 {
		t.Errorf("64 samples of %d classes: %v", classes, seen)
	}

	base := make([]uint16, p.Latent.Tokens())
	given := begin(Start{N: 1, Settings: s, From: Tokens{base}})
	again := begin(Start{N: 1, Settings: s, From: Frames{Taken: []Frame{given.At(0)}, Start: Tokens{base}}})
	if given.class(0) != classes || again.class(0) != classes {
		t.Errorf("a picture is of class %d, and of %d later", given.class(0), again.class(0))
	}

	// A model without a class id for "any" gets one of its classes, the same at every step.
	p.noAny = true
	images := make(Tokens, 64)
	for i := range images {
		images[i] = base
	}
	drawn := begin(Start{N: 64, Settings: s, From: images})
	for i := range images {
		if class := drawn.class(i); class >= classes || class != run.class(i) {
			t.Errorf("picture %d is of class %d, of %d without a picture", i, class, run.class(i))
		}
	}
	p.noAny = false
	s.Class = 1
	if r := begin(Start{N: 9, Settings: s, From: Noise{}}); r.class(8) != 1 {
		t.Errorf("a sample of class 1 is of %d", r.class(8))
	}
}
