package sampler

import (
	"testing"

	"sundae/internal/bundle"
	"sundae/sampler/schedule"
)

// A model whose maker recommends nothing has settings that work.
func TestRecommended(t *testing.T) {
	s, err := Recommended(bundle.Manifest{Name: "bare", Classes: []string{"a"}})
	if err != nil || s.Validate(1) != nil || s.Class != 1 || s.Freeze != schedule.FreezeOn || s.Proportion.Start != 0.5 {
		t.Errorf("%+v, %v", s, err)
	}
	twelve, zero := 12, 0
	few, err := Recommended(bundle.Manifest{Name: "few", Sampling: schedule.Patch{Steps: &twelve, MinSteps: &zero}})
	if err != nil || few.Steps != 12 || few.Proportion.Start != 1 || few.MinSteps != 0 {
		t.Errorf("%+v, %v", few, err)
	}
}
