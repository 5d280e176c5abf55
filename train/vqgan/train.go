package vqgan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/progress"
	"sundae/train/dataset"
	"sundae/train/engine"
)

// Checkpoint is the name of the run's checkpoint in its folder.
const Checkpoint = "vqgan.safetensors"

// Options says what to train on and where to keep the run.
type Options struct {
	Backend compute.Backend
	Set     dataset.Set
	Size    int // the pictures' side
	Seed    uint64
	Out     string // folder of the checkpoint, metrics and sheets
	Resume  bool
	Talk    *progress.Talk
}

// Report is how the run stands at its last report, measured on held-out crops
// with the averaged weights.
type Report struct {
	Step       int
	L1         float64 // mean absolute error, of a range of 1
	PSNR       float64 // dB
	Perplexity float64 // of the codes' use
	Live       float64 // share of the codes used at all
	Hours      float64 // time trained, over all resumed parts
}

// Train runs or resumes the VQ-GAN's training. On a cancelled context it saves
// and returns an error that matches context.Canceled.
func Train(ctx context.Context, c Config, o Options) (Report, error) {
	if err := c.Validate(o.Size); err != nil {
		return Report{}, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return Report{}, fmt.Errorf("make the run's folder: %w", err)
	}
	store := engine.NewStore(o.Seed)
	report, err := c.restore(store, o)
	if err != nil || report.Step >= c.TotalSteps() {
		return report, err
	}
	training, held := o.Set.Split(c.HeldOut)
	metrics, err := engine.OpenMetrics(o.Out, "vqgan", report.Step,
		"loss", "l1", "psnr", "commitment", "adversarial", "discriminator", "heldout_l1", "heldout_psnr", "perplexity", "live", "rate")
	if err != nil {
		return report, err
	}
	var skipped dataset.Skipped
	crops := &feed{config: c, size: o.Size, seed: o.Seed, files: training.Files, skipped: &skipped, warn: o.Talk.Printf}
	judge, err := c.newJudge(o.Backend, store, crops, held)
	if err != nil {
		return report, err
	}
	var steps [phases]trainStep
	for p := range steps {
		if steps[p], err = c.newStep(o.Backend, store, phase(p)); err != nil {
			return report, err
		}
	}

	ctx, stop := context.WithCancel(ctx)
	batches, wait := crops.stream(ctx, report.Step, c.TotalSteps())
	defer func() { stop(); wait() }()
	bar := o.Talk.Bar("vqgan", int64(c.TotalSteps()), "steps")
	bar.Skip(int64(report.Step))
	defer bar.Done()
	started, before := time.Now(), report.Hours
	var mean running
	for step := report.Step; step < c.TotalSteps(); step++ {
		batch, ok := <-batches
		if !ok && ctx.Err() == nil {
			return report, wait() // a picture was at fault
		}
		if ctx.Err() != nil {
			if err := c.save(store, o, report); err != nil {
				return report, err
			}
			return report, fmt.Errorf("stopped at step %d of %d, saved; go on with --resume: %w", step, c.TotalSteps(), ctx.Err())
		}
		if step == c.Codebook.Start {
			if err := c.startCodebook(o.Backend, store, crops, step); err != nil {
				return report, err
			}
		}
		rate := c.rateAt(step)
		now, err := steps[c.phaseAt(step)](tensor(batch, c.Batch, c.Crop), rate, engine.AverageDecay(step+1, c.Average))
		if err != nil {
			return report, err
		}
		if math.IsNaN(now.Loss) || math.IsInf(now.Loss, 0) {
			return report, fmt.Errorf("the loss is %v at step %d: lower vqgan.learning_rate and --resume from the last checkpoint", now.Loss, step)
		}
		if c.restartsAt(step) {
			if err := c.restartDeadCodes(store, now.vectors, o.Seed, step); err != nil {
				return report, err
			}
		}
		now.vectors.FinalizeAll()
		mean.add(now)
		report.Step = step + 1
		report.Hours = before + time.Since(started).Hours()
		bar.Add(1)
		bar.Note("loss %.3f  PSNR %.1f dB  %.1f pictures/s", mean.Loss(), mean.PSNR(), float64(c.Batch)*float64(mean.n)/mean.since().Seconds())
		if report.Step%c.Every != 0 && report.Step != c.Steps && report.Step != c.TotalSteps() {
			continue
		}
		if err := judge.report(&report); err != nil {
			return report, err
		}
		metrics.Add(report.Step, mean.Loss(), mean.L1(), mean.PSNR(), now.Commitment, now.Adversarial, now.Discriminator,
			report.L1, report.PSNR, report.Perplexity, report.Live, rate)
		mean = running{}
		o.Talk.Printf("vqgan step %d: held-out L1 %.4f, PSNR %.2f dB; %.0f%% of codes live, perplexity %.0f",
			report.Step, report.L1, report.PSNR, 100*report.Live, report.Perplexity)
		if err := errors.Join(
			c.save(store, o, report), metrics.Write(),
			metrics.Plot("vqgan-psnr.png", "PSNR, dB", "psnr", "heldout_psnr"),
			metrics.Plot("vqgan-loss.png", "training loss", "loss"),
			metrics.Plot("vqgan-codes.png", "codebook perplexity", "perplexity"),
			judge.sheet(filepath.Join(o.Out, fmt.Sprintf("vqgan-%06d.png", report.Step))),
		); err != nil {
			return report, err
		}
	}
	if n := skipped.Len(); n > 0 {
		o.Talk.Printf("%d pictures could not be read and were skipped", n)
	}
	return report, nil
}

// rateAt is the learning rate of a step (0-based): warm-up and cosine, once for
// the whole net and once more for the sharpening.
func (c Config) rateAt(step int) float64 {
	if step >= c.Steps {
		return engine.LearningRate(step-c.Steps, c.Warmup, c.Sharpen.Steps, c.Sharpen.LearningRate, 0.05)
	}
	return engine.LearningRate(step, c.Warmup, c.Steps, c.LearningRate, 0.05)
}

// save writes the checkpoint: every variable, and where the run stands.
func (c Config) save(store *model.Store, o Options, r Report) error {
	state, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return engine.Save(filepath.Join(o.Out, Checkpoint), store, map[string]string{
		"format": "sundae vqgan", "step": strconv.Itoa(r.Step), "report": string(state), "network": c.network(),
	})
}

// restore loads the run's checkpoint if there is one; without --resume, one that
// is there is an error, so that no run is overwritten by accident.
func (c Config) restore(store *model.Store, o Options) (Report, error) {
	path := filepath.Join(o.Out, Checkpoint)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return Report{}, nil
	}
	if !o.Resume {
		return Report{}, fmt.Errorf("%s already holds a run: go on with --resume, or choose another --out", o.Out)
	}
	return c.load(path, store)
}

func (c Config) load(path string, store *model.Store) (Report, error) {
	meta, err := engine.Load(path, store)
	if err != nil {
		return Report{}, err
	}
	if meta["network"] != c.network() {
		return Report{}, fmt.Errorf("%s was trained with another network (%s) than the recipe's (%s)", path, meta["network"], c.network())
	}
	var r Report
	if err := json.Unmarshal([]byte(meta["report"]), &r); err != nil {
		return Report{}, fmt.Errorf("read where %s stands: %w", path, err)
	}
	return r, nil
}

// network names everything that shapes the weights.
func (c Config) network() string {
	return fmt.Sprintf("outline %d stem %d/%d channels %d×%v blocks %d attention %t groups %d embedding %d vocabulary %d",
		outlineSide, c.Stem, c.StemChannels, c.Channels, c.Multipliers, c.Blocks, c.Attention, c.Groups, c.Embedding, c.Vocabulary)
}

// running is the mean of the steps since the last report.
type running struct {
	n             int
	loss, l1, db  float64
	firstStepDone time.Time
}

func (r *running) add(s stepReport) {
	if r.n == 0 {
		r.firstStepDone = time.Now()
	}
	r.n++
	r.loss += s.Loss
	r.l1 += s.L1
	r.db += s.PSNR
}

func (r *running) Loss() float64        { return r.loss / float64(r.n) }
func (r *running) L1() float64          { return r.l1 / float64(r.n) }
func (r *running) PSNR() float64        { return r.db / float64(r.n) }
func (r *running) since() time.Duration { return max(time.Since(r.firstStepDone), time.Millisecond) }
