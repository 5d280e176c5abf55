package vqgan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/progress"
	"sundae/train/dataset"
	"sundae/train/engine"
	"sundae/train/vqgan/lpips"
)

// Options says what to train on and where to write.
type Options struct {
	Backend  compute.Backend
	Set      dataset.Set
	Size     int // side of the images
	Seed     uint64
	Out      string // folder of the checkpoint, metrics and sheets
	Resume   bool
	Reporter *progress.Reporter
	From     *Pretrained // a VQ-GAN to start from; nil trains a new one
	Folder   string      // where relative paths of the recipe start; "" is the working directory
}

// Report is the state of a run at its last evaluation, measured on held-out crops
// with the EMA weights.
type Report struct {
	Step              int
	Earlier           int     // steps beyond Step of the VQ-GAN that this one started from
	Continued         bool    // started from a VQ-GAN, all of which is trained
	L1                float64 // mean absolute error, for values in [0, 1]
	PSNR              float64 // dB
	Perplexity        float64 // of the codes' frequencies
	CodeUsage         float64 // share of the codes used at all
	TokenAugmentation bool    // a prior resamples tokens for the fine-tuning
	Hours             float64 // training time, over all resumed parts and the VQ-GAN before
}

// run is a training in progress.
type run struct {
	Options
	store      *model.Store
	perceptual *lpips.Network // nil without a perceptual loss
	metrics    *engine.Metrics
	skipped    dataset.Skipped
	bar        *progress.Bar
	report     Report
}

// Train trains a VQ-GAN, or resumes it: first the whole network for c.Steps, then the
// decoder alone for c.Finetune.Steps. If ctx is cancelled it saves a checkpoint and
// returns an error that matches context.Canceled.
func Train(ctx context.Context, c Config, o Options) (Report, error) {
	if err := c.Validate(o.Size); err != nil {
		return Report{}, err
	}
	c = c.forPictures(o.Size)
	perceptual, err := c.openPerceptual(o.Folder)
	if err != nil {
		return Report{}, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return Report{}, fmt.Errorf("create the run's folder: %w", err)
	}
	store := engine.NewStore(o.Seed)
	report, err := c.restore(store, o)
	if err != nil || report.Step >= c.totalSteps() {
		return report, err
	}
	if report.TokenAugmentation && (o.From == nil || o.From.Augment == nil) {
		return report, fmt.Errorf("the run in %s augments tokens with a model's prior: pass that model with --from again", o.Out)
	}
	if report.Continued {
		c = c.continued()
	}
	if c.Quantizer == Gumbel && report.Step < c.Steps && c.Codebook.Training != byGradient {
		return report, fmt.Errorf("vqgan.quantizer %s trains its codes by gradients: set vqgan.codebook.training to %s", Gumbel, byGradient)
	}
	if perceptual == nil {
		o.Reporter.Printf("vqgan: training without the perceptual loss (LPIPS), which photographs need: " +
			"set vqgan.loss.perceptual.vgg and .heads in the recipe to the files vgg16-397923af.pth of torchvision and vgg.pth of LPIPS")
	}
	metrics, err := engine.OpenMetrics(o.Out, "vqgan", report.Step,
		"loss", "l1", "psnr", "commitment", "adversarial", "discriminator", "heldout_l1", "heldout_psnr", "perplexity", "code_usage", "rate")
	if err != nil {
		return report, err
	}
	bar := o.Reporter.Bar("vqgan", int64(c.totalSteps()), "steps")
	bar.Skip(int64(report.Step))
	defer bar.Done()

	r := &run{Options: o, store: store, perceptual: perceptual, metrics: metrics, bar: bar, report: report}
	if r.report.Step < c.Steps {
		err = r.train(ctx, c, c.Steps)
	}
	if err == nil && r.report.Step < c.totalSteps() {
		err = r.train(ctx, c.finetuning(), c.totalSteps())
	}
	if n := r.skipped.Len(); n > 0 && err == nil {
		o.Reporter.Printf("%d pictures could not be read and were skipped", n)
	}
	return r.report, err
}

// train is the training loop, up to a step.
func (r *run) train(ctx context.Context, c Config, end int) error {
	// Data.
	training, heldOut := r.Set.Split(c.HeldOut)
	data := &loader{config: c, size: r.Size, seed: r.Seed, files: training.Files, skipped: &r.skipped, warn: r.Reporter.Printf}
	evaluator, err := c.newEvaluator(r.Backend, r.store, data, heldOut)
	if err != nil {
		return err
	}
	augment, err := c.newAugmenter(r)
	if err != nil {
		return err
	}
	loading, stop := context.WithCancel(ctx)
	batches, wait := data.stream(loading, r.report.Step, end)
	defer func() { stop(); wait() }()

	// Model and optimizer: one graph per phase, compiled when it is first used.
	var steps [phases]trainStep
	for p := range steps {
		if steps[p], err = c.newStep(r.Backend, r.store, r.perceptual, phase(p), augment != nil); err != nil {
			return err
		}
	}

	started, hoursBefore := time.Now(), r.report.Hours
	var mean runningMean
	for step := r.report.Step; step < end; step++ {
		batch, ok := <-batches
		if ctx.Err() != nil {
			return r.stop(ctx, c)
		}
		if !ok {
			return wait() // an image could not be used
		}
		if step == c.Codebook.Start && c.Codebook.Training != byGradient {
			if err := c.startCodebook(r.Backend, r.store, data, step); err != nil {
				return err
			}
		}
		crops := imageTensor(batch, c.Batch, c.Crop) // [B, S, S, 3]
		var tokens []int32
		var augmented bool
		if augment != nil {
			if tokens, augmented, err = augment(crops, step); ctx.Err() != nil {
				return r.stop(ctx, c)
			} else if err != nil {
				return err
			}
		}

		// Forward, backward, update.
		rate, phase := c.rateAt(step), c.phaseAt(step)
		var gumbel *gumbelDraw
		if c.samplesCodes(phase) {
			gumbel = c.gumbelAt(r.Seed, step)
		}
		now, err := steps[phase](crops, tokens, augmented, gumbel, rate, engine.EMADecay(step+1, c.EMA))
		if err != nil {
			return err
		}
		if math.IsNaN(now.Loss) || math.IsInf(now.Loss, 0) {
			return fmt.Errorf("the loss is %v at step %d: lower vqgan.learning_rate and --resume from the last checkpoint", now.Loss, step)
		}
		if c.restartsAt(step) {
			if err := c.restartDeadCodes(r.store, now.vectors, r.Seed, step); err != nil {
				return err
			}
		}
		now.vectors.FinalizeAll()

		// Log; evaluate and save every c.Every steps.
		mean.add(now)
		r.report.Step = step + 1
		r.report.Hours = hoursBefore + time.Since(started).Hours()
		r.bar.Add(1)
		r.bar.Note("loss %.3f  PSNR %.1f dB  %.1f pictures/s", mean.Loss(), mean.PSNR(), float64(c.Batch)*mean.stepsPerSecond())
		if r.report.Step%c.Every == 0 || r.report.Step == end {
			if err := r.evaluate(c, evaluator, mean, now, rate); err != nil {
				return err
			}
			mean = runningMean{}
		}
	}
	return nil
}

// stop saves the run after its context has been cancelled.
func (r *run) stop(ctx context.Context, c Config) error {
	if err := c.save(r.store, r.Options, r.report); err != nil {
		return err
	}
	return fmt.Errorf("stopped at step %d of %d and saved: continue with --resume: %w", r.report.Step, c.totalSteps(), ctx.Err())
}

// evaluate measures the EMA weights and writes checkpoint, metrics, plots and sheet.
func (r *run) evaluate(c Config, e *evaluator, mean runningMean, now stepResult, rate float64) error {
	if err := e.evaluate(&r.report); err != nil {
		return err
	}
	s := r.report
	r.metrics.Add(s.Step, mean.Loss(), mean.L1(), mean.PSNR(), now.Commitment, now.Adversarial, now.Discriminator,
		s.L1, s.PSNR, s.Perplexity, s.CodeUsage, rate)
	r.Reporter.Printf("vqgan step %d: held-out L1 %.4f, PSNR %.2f dB; %.0f%% of codes used, perplexity %.0f",
		s.Step, s.L1, s.PSNR, 100*s.CodeUsage, s.Perplexity)
	return errors.Join(
		c.save(r.store, r.Options, s), r.metrics.Write(),
		r.metrics.Plot("vqgan-psnr.png", "PSNR, dB", "psnr", "heldout_psnr"),
		r.metrics.Plot("vqgan-loss.png", "training loss", "loss"),
		r.metrics.Plot("vqgan-codes.png", "codebook perplexity", "perplexity"),
		e.sheet(filepath.Join(r.Out, fmt.Sprintf("vqgan-%06d.png", s.Step))),
	)
}

// openPerceptual reads the weights of the perceptual loss, nil without one.
func (c Config) openPerceptual(folder string) (*lpips.Network, error) {
	p := c.Loss.Perceptual
	if p == nil {
		return nil, nil
	}
	at := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(folder, path)
	}
	network, err := lpips.Open(at(p.VGG), at(p.Heads))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("vqgan.loss.perceptual: %w; supply the file (train/README.md, \"Perceptual loss\") or remove perceptual from the recipe", err)
	}
	if err != nil {
		return nil, fmt.Errorf("vqgan.loss.perceptual: %w", err)
	}
	return network, nil
}

// rateAt is the learning rate of a step (0-based): warm-up and schedule, for the whole
// network and again for the fine-tuning.
func (c Config) rateAt(step int) float64 {
	if step >= c.Steps {
		return c.Schedule.Rate(step-c.Steps, c.Warmup, c.Finetune.Steps, c.Finetune.LearningRate)
	}
	return c.Schedule.Rate(step, c.Warmup, c.Steps, c.LearningRate)
}

// runningMean averages the steps since the last evaluation.
type runningMean struct {
	n            int
	loss, l1, db float64
	first        time.Time // when the first step ended
}

func (m *runningMean) add(s stepResult) {
	if m.n == 0 {
		m.first = time.Now()
	}
	m.n++
	m.loss += s.Loss
	m.l1 += s.L1
	m.db += s.PSNR
}

func (m *runningMean) Loss() float64 { return m.loss / float64(m.n) }
func (m *runningMean) L1() float64   { return m.l1 / float64(m.n) }
func (m *runningMean) PSNR() float64 { return m.db / float64(m.n) }

func (m *runningMean) stepsPerSecond() float64 {
	return float64(m.n) / max(time.Since(m.first), time.Millisecond).Seconds()
}
