package session

import (
	"image"
	"slices"
	"strings"
	"testing"

	"sundae/internal/bundle"
	"sundae/internal/config"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

var classes = []string{"alpine", "dunes", "ocean", "forest", "canyon", "meadow", "arctic", "night"}

func parse(t *testing.T, text string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func settings(t *testing.T) schedule.Settings {
	t.Helper()
	return schedule.Settings{Steps: 8, Temperature: parse(t, "1:0.6:cosine"), Proportion: parse(t, "1"), Freeze: schedule.FreezeOff, Seed: 7, Class: 8}
}

// started is a stage whose lanes of two samples have their first frame. The model has two tokens.
func started(t *testing.T) *Stage {
	t.Helper()
	s := NewStage(bundle.Manifest{Classes: classes}, settings(t), 2)
	begin(&s, s.Restart())
	return &s
}

func frame(step int) sampler.Frame {
	return sampler.Frame{Tokens: [][]uint16{{uint16(step), 1}, {uint16(step), 2}}}
}

// begin does what the loop does with a new run.
func begin(s *Stage, starts []sampler.Start) {
	s.Run++
	var frames [][]sampler.Frame
	for _, start := range starts {
		if from, ok := start.From.(sampler.Frames); ok {
			frames = append(frames, from.Taken)
		} else {
			frames = append(frames, []sampler.Frame{frame(0)})
		}
	}
	s.Started(frames)
}

// step takes steps of a lane, up to and including a step.
func step(s *Stage, lane, to int) {
	for t := s.Lanes[lane].Last() + 1; t <= to; t++ {
		l := &s.Lanes[lane]
		s.Stepped(lane, frame(t), sampler.Stats{Step: t, Temperature: l.Settings.Temperature.At(t, l.Settings.Steps), Proportion: 1}, false)
	}
}

// The step shown follows the run unless the user looks at an earlier one.
func TestScrub(t *testing.T) {
	s := started(t)
	step(s, 0, 3)
	if s.Shown != 3 || s.Newest() != 3 {
		t.Fatalf("step %d of %d is shown", s.Shown, s.Newest())
	}
	s.Scrub(1)
	step(s, 0, 4)
	if s.Shown != 1 {
		t.Errorf("step %d replaced the step shown", s.Shown)
	}
	s.Scrub(99)
	step(s, 0, 5)
	if s.Shown != 5 {
		t.Errorf("step %d is shown, want the newest", s.Shown)
	}
	s.Scrub(-3)
	s.Play(true)
	step(s, 0, 6)
	if s.Shown != 6 {
		t.Errorf("step %d is shown after running on, want the newest", s.Shown)
	}
}

// The sampler says when a run has ended, and when changed settings revive it.
func TestEnded(t *testing.T) {
	s := started(t)
	step(s, 0, 8)
	if s.Done {
		t.Error("the stage decided by itself that the run is done")
	}
	s.Ended()
	if !s.Done || s.Playing {
		t.Error("a run that has ended continues")
	}
	s.Revived(true)
	if s.Done || !s.Playing {
		t.Error("a resumed run does not continue")
	}
	s.Ended()
	s.Restart()
	if s.Done || !s.Playing || s.Shown != 0 || len(s.Lanes[0].Stats) > 0 {
		t.Errorf("after a restart the stage is %+v", s)
	}
}

// A branch keeps the history up to its step, and copies made before do not change.
func TestBranch(t *testing.T) {
	s := started(t)
	step(s, 0, 2)
	s.Stepped(0, frame(3), sampler.Stats{Step: 3, Temperature: 2}, true)
	step(s, 0, 6)
	s.Stepped(0, frame(7), sampler.Stats{Step: 7, Temperature: 3}, true)
	before, ok := s.Shot(0, 1)
	if !ok || before.Step != 7 {
		t.Fatalf("the shot is of step %d", before.Step)
	}
	s.Scrub(4)
	at, all := s.Branch()
	if at != 4 || len(all) != 1 {
		t.Fatalf("branches from step %d with %d settings", at, len(all))
	}
	s.Started([][]sampler.Frame{s.Lanes[0].Frames[:5]})
	l := &s.Lanes[0]
	if len(l.Frames) != 5 || len(l.Stats) != 4 || !slices.Equal(l.Marks, []int{3, 5}) {
		t.Errorf("the branch has %d frames, %d stats, marks %v", len(l.Frames), len(l.Stats), l.Marks)
	}
	s.Stepped(0, frame(50), sampler.Stats{Step: 5, Temperature: 9}, false)
	if before.Lane.Stats[4].Temperature == 9 || before.At(5).Tokens()[0] != 5 || !slices.Equal(before.Lane.Marks, []int{3, 7}) {
		t.Error("the branch wrote into the history of the run before")
	}
}

// Lanes are added beside the selected one, and removed; at most four.
func TestCompareAndDrop(t *testing.T) {
	s := started(t)
	if err := s.Compare(); err != nil {
		t.Fatal(err)
	}
	next := s.Selected().Settings
	next.Steps = 6
	if err := s.Set(next); err != nil {
		t.Fatal(err)
	}
	if s.Lane != 1 || s.Lanes[0].Label != "steps 8" || s.Lanes[1].Label != "steps 6" {
		t.Errorf("lane %d is selected, the labels are %q and %q", s.Lane, s.Lanes[0].Label, s.Lanes[1].Label)
	}
	begin(s, s.Restart())
	step(s, 0, 8)
	step(s, 1, 6)
	if short, ok := s.Shot(1, 0); !ok || short.Step != 6 || s.Shown != 8 || s.Steps() != 8 {
		t.Errorf("at step %d of %d the shorter lane is at step %d", s.Shown, s.Steps(), short.Step)
	}
	for range 2 {
		if err := s.Compare(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Compare(); err == nil || len(s.Lanes) != maxLanes {
		t.Errorf("%d lanes: %v", len(s.Lanes), err)
	}
	if s.SamplesShown() != 2 {
		t.Errorf("%d samples of each lane are on screen", s.SamplesShown())
	}
	s.Select(1)
	if s.Lane != 0 {
		t.Errorf("lane %d follows the last one", s.Lane)
	}
	s.Select(-1)
	for range 5 {
		s.Drop()
	}
	if len(s.Lanes) != 1 || s.Lane != 0 || s.Lanes[0].Label != same {
		t.Errorf("%d lanes are left, lane %d is selected", len(s.Lanes), s.Lane)
	}
	next.Steps = 0
	if err := s.Set(next); err == nil || s.Selected().Settings.Steps == 0 {
		t.Errorf("no steps are accepted: %v", err)
	}
}

// Picking a lane keeps its history, the step shown, and whether it runs.
func TestPick(t *testing.T) {
	s := started(t)
	if err := s.Sweep("seed 1 to 2 in 2"); err != nil {
		t.Fatal(err)
	}
	begin(s, s.Restart())
	step(s, 0, 4)
	step(s, 1, 4)
	s.Select(1)
	s.Play(false)
	s.Scrub(2)
	starts := s.Pick()
	if len(starts) != 1 || starts[0].Settings.Seed != 2 || starts[0].N != 2 {
		t.Fatalf("picking starts %+v", starts)
	}
	if from, ok := starts[0].From.(sampler.Frames); !ok || len(from.Taken) != 5 {
		t.Errorf("it does not continue after 4 steps")
	}
	begin(s, starts)
	if s.Playing || len(s.Lanes) != 1 || s.Lanes[0].Last() != 4 || s.Shown != 2 {
		t.Errorf("%d lanes, of which the first is at step %d, with step %d shown", len(s.Lanes), s.Lanes[0].Last(), s.Shown)
	}
	fresh := NewStage(bundle.Manifest{}, settings(t), 2)
	if starts := fresh.Pick(); len(starts) != 1 || starts[0].From != (sampler.Noise{}) {
		t.Errorf("a lane without frames starts from %+v", starts)
	}
}

// An inpainting starts every variant from the image's tokens.
func TestInpaint(t *testing.T) {
	s := started(t)
	mask := &sampler.Mask{Height: 1, Width: 2, Masked: []bool{true, false}}
	img, pixels := image.NewRGBA(image.Rect(0, 0, 2, 1)), &image.Gray{Pix: []uint8{255, 0}, Stride: 2, Rect: image.Rect(0, 0, 2, 1)}
	img.Pix[4], img.Pix[7] = 200, 255
	s.Inpaint(NewBase("an image", []uint16{3, 4}, img, pixels, mask, sampler.Any), 3)
	starts := s.Restart()
	from, ok := starts[0].From.(sampler.Inpainting)
	if !ok || starts[0].N != 3 || len(from.Tokens) != 3 || !slices.Equal(from.Tokens[2], []uint16{3, 4}) || from.Mask != mask {
		t.Fatalf("the variants start from %+v", starts)
	}
	made := image.NewRGBA(img.Rect)
	if out := s.Base.Composite(made, 0); out.Pix[4] != 200 {
		t.Errorf("the composite is %v", out.Pix)
	}
}

// Entries are in the order in which they were made; the same sample is not kept twice; the oldest go first.
func TestGalleryOrder(t *testing.T) {
	s, g := started(t), &Gallery{}
	step(s, 0, 8)
	s.Ended()
	if added := g.Keep(s, s.Newest()); len(added) != 2 || added[0].Run != s.Run || added[1].Number != 2 {
		t.Fatalf("kept %+v", added)
	}
	if g.Entries[0].Label != "1: seed 7" || g.Entries[1].Label != "2: seed 7 #2" || g.Entries[0].Run != 0 {
		t.Errorf("the labels are %q and %q", g.Entries[0].Label, g.Entries[1].Label)
	}
	if again := g.Keep(s, s.Newest()); len(again) != 0 {
		t.Errorf("%d samples are kept twice", len(again))
	}
	if noise := g.Keep(s, 0); len(noise) != 0 {
		t.Errorf("%d samples of noise are kept", len(noise))
	}
	g.Keep(s, 3)
	if label := g.Entries[2].Label; label != "3: seed 7, step 3" {
		t.Errorf("the label of a step is %q", label)
	}
	g.SetThumb(2, image.NewRGBA(image.Rect(0, 0, 1, 1)))
	if g.Entries[1].Thumb == nil || g.Entries[0].Thumb != nil {
		t.Error("the thumbnail is in the wrong place")
	}
	g.Move(2)
	begin(s, s.Revisit(g.Current()))
	if s.Playing || s.Lanes[0].Last() != 8 || s.Shown != 3 {
		t.Errorf("returned to step %d of %d, running: %v", s.Shown, s.Lanes[0].Last(), s.Playing)
	}
	g.Move(-1)
	g.Remove()
	if len(g.Entries) != 3 || g.Entries[g.Selected].Number != 3 {
		t.Errorf("entry %d is selected after removing the second", g.Entries[g.Selected].Number)
	}
	for seed := range uint64(60) {
		s.SetSeed(100 + seed)
		g.Keep(s, 5)
	}
	if len(g.Entries) != maxEntries || g.Entries[maxEntries-1].Number != 124 || !strings.HasPrefix(g.Entries[0].Label, "29: ") {
		t.Errorf("%d entries, from %q to %d", len(g.Entries), g.Entries[0].Label, g.Entries[maxEntries-1].Number)
	}
	g.Move(1000)
	if g.First() != maxEntries-PageSize {
		t.Errorf("the last page starts at %d", g.First())
	}
}

// What a sweep makes, as the labels under its images.
func TestSweep(t *testing.T) {
	for text, want := range map[string]string{
		"temperature end 0.4 to 1.0 in 4":  "temp end 0.4|temp end 0.6|temp end 0.8|temp end 1",
		"Temperature  start 2 to 1 in 3":   "temp start 2|temp start 1.5|temp start 1",
		"renoise end 0 to 0.5 in 2":        "renoise 0|renoise 0:0.5:linear",
		"proportion start 0.25 to 1 in 2":  "prop 0.25|prop 1",
		"proportion end 0.25 to 0.75 in 2": "prop end 0.25|prop end 0.75",
		"steps 4 to 16":                    "steps 4|steps 8|steps 12|steps 16",
		"seed 1 to 3 in 3":                 "seed 1|seed 2|seed 3",
		"class 0 to 2 in 3":                "alpine|dunes|ocean",
		"temperature curve":                "temp 1:0.6:linear|temp 1:0.6:cosine|temp 1:0.6:exponential|temp 1:0.6:harmonic",
	} {
		s := started(t)
		if err := s.Sweep(text); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var labels []string
		for _, l := range s.Lanes {
			labels = append(labels, l.Label)
		}
		if got := strings.Join(labels, "|"); got != want {
			t.Errorf("%s gives\n%s, want\n%s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "temperature", "temperature end", "temperature end 0.4", "temperature end 0.4 to much", "temperature end 0 to NaN",
		"steps 1 to 9 in 5", "steps -1 to 9", "steps 0 to 3", "proportion start 1 to 2", "proportion curve", "colour 1 to 2",
	} {
		s := started(t)
		if err := s.Sweep(text); err == nil || len(s.Lanes) != 1 {
			t.Errorf("%q gives %d lanes", text, len(s.Lanes))
		}
	}
}

// Any text is an error or gives two to four lanes.
func FuzzSweep(f *testing.F) {
	for _, text := range []string{"temperature end 0.4 to 1.0 in 4", "temperature curve", "seed 1e9 to 2 in 3", "steps 1 to 2 in 99"} {
		f.Add(text)
	}
	from := schedule.Settings{Steps: 8, Temperature: schedule.Schedule{Start: 1, End: 0.5, Curve: schedule.Exponential}}
	f.Fuzz(func(t *testing.T, text string) {
		lanes, err := parseSweep(from, text)
		if err == nil && (len(lanes) < 2 || len(lanes) > maxLanes) {
			t.Errorf("%q gives %d lanes", text, len(lanes))
		}
	})
}

// Keyframes that differ in their ends alone are labelled by these.
func TestLabelsOfKeyframes(t *testing.T) {
	a, b := settings(t), settings(t)
	a.Temperature, b.Temperature = parse(t, "0:1,0.5:0.9,1:0.6"), parse(t, "0:1,0.5:0.9,1:0.2")
	if got := differences([]schedule.Settings{a, b}, classes); !slices.Equal(got, []string{"temp end 0.6", "temp end 0.2"}) {
		t.Errorf("other ends: %q", got)
	}
	b.Temperature = parse(t, "0:1,0.5:0.3,1:0.6")
	if got := differences([]schedule.Settings{a, b}, classes); got[1] != "temp 0:1,0.5:0.3,1:0.6" {
		t.Errorf("another shape: %q", got)
	}
}

// Settings survive being saved as a preset and used again; what a preset leaves out stays.
func TestPresets(t *testing.T) {
	recommended := schedule.Default(len(classes))
	recommended.Temperature = parse(t, "1:0.7:cosine")
	model := bundle.Manifest{Classes: classes, Sampling: schedule.PatchOf(recommended, classes)}
	own := settings(t)
	own.Class, own.MinSteps = 2, 4
	from, to := NewStage(model, own, 3), NewStage(model, recommended, 1)
	if err := to.UsePreset(from.Preset()); err != nil || to.Samples != 3 || !to.Selected().Settings.Equal(own) {
		t.Errorf("%+v comes back as %+v with %d samples: %v", own, to.Selected().Settings, to.Samples, err)
	}
	byModel, freeze, zero := schedule.Recommended, schedule.FreezeRecommended, 0
	err := to.UsePreset(config.Sampling{Patch: schedule.Patch{Temperature: &byModel, Steps: &zero, Freeze: &freeze}})
	if s := to.Selected().Settings; err != nil || s.Temperature.String() != "1:0.7:cosine" || s.Steps != 24 || s.Freeze != schedule.FreezeOn || s.Seed != 7 {
		t.Errorf("the model's own choice comes out as %+v: %v", s, err)
	}
	unknown := "moon"
	if err := to.UsePreset(config.Sampling{Patch: schedule.Patch{Class: &unknown}}); err == nil || !strings.Contains(err.Error(), "moon") {
		t.Errorf("class moon: %v", err)
	}
}

// A record holds the values that the steps had, however the settings were changed meanwhile.
func TestRecordOfChangedRun(t *testing.T) {
	s := started(t)
	step(s, 0, 4)
	next := s.Selected().Settings
	next.Temperature = parse(t, "0.25")
	if err := s.Set(next); err != nil {
		t.Fatal(err)
	}
	step(s, 0, 6)
	s.Lanes[0].Marks = []int{5}
	shot, _ := s.Shot(0, 1)
	texts := shot.Texts(s.Model)
	record, err := sampler.ParseRecord(texts[0].Value)
	if err != nil || record.Sample != 1 || record.Step != 6 {
		t.Fatalf("the record is of sample %d, step %d: %v", record.Sample, record.Step, err)
	}
	was := settings(t).Temperature
	for step, want := range map[int]float64{1: 1, 4: was.At(4, 8), 5: 0.25, 8: 0.25} {
		if got := record.Temperature.At(step, 8); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("the record has temperature %g at step %d, it was %g", got, step, want)
		}
	}
	if len(texts) != 2 || !strings.Contains(texts[1].Value, "on: 5") {
		t.Errorf("the comment is %+v", texts[1:])
	}
}
