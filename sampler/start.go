package sampler

import (
	"errors"
	"fmt"
	"slices"

	"sundae/sampler/schedule"
)

// Start describes a new run.
type Start struct {
	N        int // samples, 1 or more
	First    int // number of the first sample: sample i uses the random numbers of First+i
	Settings schedule.Settings
	From     Origin
}

// Origin is what a run starts from: [Noise], [Tokens], [Inpainting] or [Frames].
type Origin interface {
	// frames returns the frames that the run starts with, frame 0 first.
	frames(p *Prior, s Start) ([]Frame, error)
	// mask returns the tokens that may change, nil for all of them.
	mask() *Mask
	// hasImage reports whether tokens of an image are part of the start.
	hasImage() bool
}

// Noise starts every token from the uniform distribution over the vocabulary: z_0.
type Noise struct{}

// Tokens starts from the tokens of images, one row of [h·w] for each sample. All of
// them may change.
type Tokens [][]uint16

// Inpainting starts from the tokens of images, of which the masked ones are noise.
// Only these change.
type Inpainting struct {
	Tokens Tokens
	Mask   *Mask
}

// Frames continues after steps taken before, frame 0 first. Start is what that run
// started from. No sample is frozen at first.
type Frames struct {
	Taken []Frame
	Start Origin
}

func (Noise) mask() *Mask        { return nil }
func (Tokens) mask() *Mask       { return nil }
func (i Inpainting) mask() *Mask { return i.Mask }
func (f Frames) mask() *Mask     { return f.Start.mask() }

func (Noise) hasImage() bool      { return false }
func (Tokens) hasImage() bool     { return true }
func (Inpainting) hasImage() bool { return true }
func (f Frames) hasImage() bool   { return f.Start.hasImage() }

func (Noise) frames(p *Prior, s Start) ([]Frame, error) {
	start := Frame{Tokens: make([][]uint16, s.N)}
	uniform := make([]float32, p.Latent.Tokens())
	for i := range start.Tokens {
		start.Tokens[i] = make([]uint16, len(uniform))
		uniforms(uniform, s.Settings.Seed, s.First+i, 0, noiseStream)
		for k, u := range uniform {
			start.Tokens[i][k] = p.noise(u)
		}
	}
	return []Frame{start}, nil
}

func (t Tokens) frames(p *Prior, s Start) ([]Frame, error) {
	if err := p.checkRows(t, s.N); err != nil {
		return nil, fmt.Errorf("start from tokens: %w", err)
	}
	start := Frame{Tokens: make([][]uint16, s.N)}
	for i, row := range t {
		start.Tokens[i] = slices.Clone(row)
	}
	return []Frame{start}, nil
}

func (i Inpainting) frames(p *Prior, s Start) ([]Frame, error) {
	if i.Mask == nil {
		return nil, errors.New("inpaint: there is no mask")
	}
	start, err := i.Tokens.frames(p, s)
	if err != nil {
		return nil, err
	}
	noise, err := Noise{}.frames(p, s)
	if err != nil {
		return nil, err
	}
	for sample, row := range start[0].Tokens {
		for k, masked := range i.Mask.Masked {
			if masked {
				row[k] = noise[0].Tokens[sample][k]
			}
		}
	}
	return start, nil
}

func (f Frames) frames(p *Prior, s Start) ([]Frame, error) {
	if len(f.Taken) == 0 {
		return nil, errors.New("continue a run: it has no frames")
	}
	for step, frame := range f.Taken {
		if step > 0 && len(frame.Confidence) != s.N {
			return nil, fmt.Errorf("continue a run: step %d has the confidence of %d samples, not of %d", step, len(frame.Confidence), s.N)
		}
		if err := p.checkRows(frame.Tokens, s.N); err != nil {
			return nil, fmt.Errorf("continue a run: step %d: %w", step, err)
		}
	}
	return slices.Clone(f.Taken), nil
}

// checkRows reports rows that are not n samples of this model's tokens.
func (p *Prior) checkRows(rows [][]uint16, n int) error {
	if len(rows) != n {
		return fmt.Errorf("%d rows of tokens for %d samples", len(rows), n)
	}
	for i, tokens := range rows {
		if len(tokens) != p.Latent.Tokens() {
			return fmt.Errorf("sample %d has %d tokens, the model has %d", i, len(tokens), p.Latent.Tokens())
		}
		if id := slices.Max(tokens); int(id) >= p.Vocabulary {
			return fmt.Errorf("sample %d has token %d, the vocabulary has %d", i, id, p.Vocabulary)
		}
	}
	return nil
}

// noise is the token of a uniform number in [0, 1): every token has the same
// probability.
func (p *Prior) noise(u float32) uint16 {
	return uint16(min(int(u*float32(p.Vocabulary)), p.Vocabulary-1))
}
