package vqgan

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"power of two":    func(c *Config) { c.Stem = 3 },
		"does not divi":   func(c *Config) { c.Groups = 3 },
		"multiple of f":   func(c *Config) { c.Crop = 12 },
		"vocabulary":      func(c *Config) { c.Vocabulary = 1 << 17 },
		"at least 1":      func(c *Config) { c.Batch = 0 },
		"loss.seams must": func(c *Config) { c.Loss.Seams = -1 },
		"loss.seams needs": func(c *Config) {
			c.Loss.Seams, c.Loss.Scales, c.Crop, c.Stem, c.Multipliers, c.DecoderBlocks = 1, 1, 8, 8, []int{1}, nil
		},
		"loss.seams needs crops": func(c *Config) {
			c.Loss.Seams, c.Stem, c.Multipliers, c.DecoderBlocks, c.Finetune.Crop = 1, 8, []int{1}, nil, 8
		},
		"finetune.crop and batch must":      func(c *Config) { c.Finetune.Crop = -16 },
		"finetune.crop 4":                   func(c *Config) { c.Finetune.Crop = 4 },
		"finetune.token_augmentation must":  func(c *Config) { c.Finetune.TokenAugmentation = -1 },
		"finetune.token_augmentation needs": func(c *Config) { c.Finetune.TokenAugmentation = 1 },
		"finetune.weight must":              func(c *Config) { c.Finetune.Weight = -1 },
		"finetune needs a learning rate":    func(c *Config) { c.Finetune.Steps = 1 },
		"finetune needs a discriminator: set": func(c *Config) {
			c.Finetune = Finetune{Steps: 1, LearningRate: 1e-3, Weight: 1}
			c.Discriminator.Start = 0
		},
		"network":                    func(c *Config) { c.Network = "vqgan" },
		"2 numbers":                  func(c *Config) { c.DecoderBlocks = []int{2} },
		"each at least 1":            func(c *Config) { c.DecoderBlocks = []int{0, 1} },
		"numbers, one per level":     func(c *Config) { c.DecoderBottleneck = []int{2} },
		"into 4 groups":              func(c *Config) { c.DecoderBottleneck = []int{1, 3} },
		"perceptual needs the files": func(c *Config) { c.Loss.Perceptual = &Perceptual{VGG: "vgg16.pth"} },
		"weight must be above 0": func(c *Config) {
			c.Loss.Perceptual = &Perceptual{VGG: "vgg16.pth", Heads: "vgg.pth", Weight: new(float64)}
		},
		"at least 16 pixels, not 8": func(c *Config) {
			c.Loss.Perceptual = &Perceptual{VGG: "vgg16.pth", Heads: "vgg.pth"}
			c.Crop, c.Discriminator.Start = 8, 0
		},
		"ema or gradient":             func(c *Config) { c.Codebook.Training = "adam" },
		"needs vqgan.loss.codebook":   func(c *Config) { c.Codebook = Codebook{Training: byGradient} },
		"needs codes trained by grad": func(c *Config) { c.Loss.Codebook = 0.25 },
		"start and restart of 0":      func(c *Config) { c.Codebook.Training, c.Loss.Codebook = byGradient, 0.25 },
		"loss.codebook must":          func(c *Config) { c.Loss.Codebook = -1 },
		"betas must be two":           func(c *Config) { c.Betas = []float64{0.9} },
		"vqgan.schedule must":         func(c *Config) { c.Schedule = "linear" },
		"ema at least 0 and below 1":  func(c *Config) { c.EMA = 1 },
		"optimizer":                   func(c *Config) { c.Optimizer = "sgd" },
		"contrast":                    func(c *Config) { c.Discriminator.Contrast = -1 },
		"0 with network: patch":       func(c *Config) { c.Discriminator.Network = patchGAN },
		"must be patchgan":            func(c *Config) { c.Discriminator.Network = "stylegan" },
		"crops of at least 24": func(c *Config) {
			c.Discriminator = Discriminator{Network: patchGAN, Channels: 4, Layers: 3}
		},
	} {
		c := small()
		change(&c)
		if err := c.Validate(32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// TestSwitchedOff: warm-up, clipping and averages of 0 are allowed, as are a discriminator
// and a codebook from the first step on.
func TestSwitchedOff(t *testing.T) {
	c := published()
	c.Discriminator.Start = 0
	if err := c.Validate(32); err != nil {
		t.Error(err)
	}
	if got := c.phaseAt(0); got != adversarial {
		t.Errorf("the first step is in phase %d", got)
	}
	for _, step := range []int{0, 1, c.Steps - 1} {
		if got := c.rateAt(step); got != c.LearningRate {
			t.Errorf("the learning rate of step %d is %g", step, got)
		}
	}
}

// TestValidateTaming: the published network takes its own settings and no others.
func TestValidateTaming(t *testing.T) {
	valid := small()
	valid.Network, valid.Channels, valid.ZChannels, valid.AttentionResolutions = Taming, 32, 8, []int{16}
	valid.Stem, valid.StemChannels, valid.Groups, valid.Attention, valid.LinearShortcut, valid.SphereCodes = 0, 0, 0, false, false, false
	valid.DecoderBlocks, valid.Loss.Seams = nil, 0
	if err := valid.Validate(32); err != nil {
		t.Fatal(err)
	}
	if f := valid.Factor(); f != 2 {
		t.Errorf("f is %d", f)
	}
	for want, change := range map[string]func(*Config){
		"vqgan.network must be taming":       func(c *Config) { c.Network = "vqgan" },
		"are not for vqgan.network: taming":  func(c *Config) { c.Stem = 2 },
		"need vqgan.network: taming":         func(c *Config) { *c = small(); c.ZChannels = 8 },
		"vqgan.channels must be a multiple":  func(c *Config) { c.Channels = 48 },
		"vqgan.z_channels must be at least":  func(c *Config) { c.ZChannels = 0 },
		"must be euclidean or gumbel":        func(c *Config) { c.Quantizer = "ema" },
		"the same z_channels (8) and embedd": func(c *Config) { c.Quantizer = Gumbel },
	} {
		c := valid
		change(&c)
		if err := c.Validate(32); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
