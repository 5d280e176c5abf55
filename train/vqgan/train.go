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
	From    *Files // a VQ-GAN to sharpen further; nil begins anew
}

// Report is how the run stands at its last report, measured on held-out crops
// with the averaged weights.
type Report struct {
	Step       int
	Earlier    int     // steps beyond Step of the VQ-GAN that this one began as
	L1         float64 // mean absolute error, of a range of 1
	PSNR       float64 // dB
	Perplexity float64 // of the codes' use
	Live       float64 // share of the codes used at all
	Redrawn    bool    // the prior that came with the one it began as draws tokens anew
	Hours      float64 // time trained, over all resumed parts and before
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
	if report.Redrawn && (o.From == nil || o.From.Redraw == nil) {
		return report, fmt.Errorf("%s learns from what a model's prior draws: name that model again with --from", o.Out)
	}
	metrics, err := engine.OpenMetrics(o.Out, "vqgan", report.Step,
		"loss", "l1", "psnr", "commitment", "adversarial", "discriminator", "heldout_l1", "heldout_psnr", "perplexity", "live", "rate")
	if err != nil {
		return report, err
	}
	var skipped dataset.Skipped
	bar := o.Talk.Bar("vqgan", int64(c.TotalSteps()), "steps")
	bar.Skip(int64(report.Step))
	defer bar.Done()
	t := trainer{Options: o, store: store, metrics: metrics, skipped: &skipped, bar: bar, started: time.Now(), before: report.Hours, report: report}
	if t.report.Step < c.Steps {
		err = t.stretch(ctx, c, c.Steps)
	}
	if err == nil && t.report.Step < c.TotalSteps() {
		err = t.stretch(ctx, c.sharpening(), c.TotalSteps())
	}
	if n := skipped.Len(); n > 0 && err == nil {
		o.Talk.Printf("%d pictures could not be read and were skipped", n)
	}
	return t.report, err
}

// trainer is a training under way.
type trainer struct {
	Options
	store   *model.Store
	metrics *engine.Metrics
	skipped *dataset.Skipped
	bar     *progress.Bar
	started time.Time
	before  float64 // hours trained by then
	report  Report
}

// stretch trains on crops of one size, up to a step.
func (t *trainer) stretch(ctx context.Context, c Config, end int) error {
	training, held := t.Set.Split(c.HeldOut)
	pictures := &feed{config: c, size: t.Size, seed: t.Seed, files: training.Files, skipped: t.skipped, warn: t.Talk.Printf}
	judge, err := c.newJudge(t.Backend, t.store, pictures, held)
	if err != nil {
		return err
	}
	redraw, err := c.newRedraw(t)
	if err != nil {
		return err
	}
	var steps [phases]trainStep
	for p := range steps {
		if steps[p], err = c.newStep(t.Backend, t.store, phase(p), redraw != nil); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	batches, wait := pictures.stream(ctx, t.report.Step, end)
	defer func() { stop(); wait() }()
	var mean running
	for step := t.report.Step; step < end; step++ {
		batch, ok := <-batches
		if !ok && ctx.Err() == nil {
			return wait() // a picture was at fault
		}
		if ctx.Err() != nil {
			return t.stop(ctx, c)
		}
		if step == c.Codebook.Start {
			if err := c.startCodebook(t.Backend, t.store, pictures, step); err != nil {
				return err
			}
		}
		crops := tensor(batch, c.Batch, c.Crop)
		var tokens []int32
		var anew bool
		if redraw != nil {
			if tokens, anew, err = redraw(crops, step); ctx.Err() != nil {
				return t.stop(ctx, c)
			} else if err != nil {
				return err
			}
		}
		rate := c.rateAt(step)
		now, err := steps[c.phaseAt(step)](crops, tokens, anew, rate, engine.EMADecay(step+1, c.Average))
		if err != nil {
			return err
		}
		if math.IsNaN(now.Loss) || math.IsInf(now.Loss, 0) {
			return fmt.Errorf("the loss is %v at step %d: lower vqgan.learning_rate and --resume from the last checkpoint", now.Loss, step)
		}
		if c.restartsAt(step) {
			if err := c.restartDeadCodes(t.store, now.vectors, t.Seed, step); err != nil {
				return err
			}
		}
		now.vectors.FinalizeAll()
		mean.add(now)
		t.report.Step = step + 1
		t.report.Hours = t.before + time.Since(t.started).Hours()
		t.bar.Add(1)
		t.bar.Note("loss %.3f  PSNR %.1f dB  %.1f pictures/s", mean.Loss(), mean.PSNR(), float64(c.Batch)*float64(mean.n)/mean.since().Seconds())
		if t.report.Step%c.Every != 0 && t.report.Step != end {
			continue
		}
		if err := t.keep(c, judge, mean, now, rate); err != nil {
			return err
		}
		mean = running{}
	}
	return nil
}

// stop saves the run where a cancelled context has met it.
func (t *trainer) stop(ctx context.Context, c Config) error {
	if err := c.save(t.store, t.Options, t.report); err != nil {
		return err
	}
	return fmt.Errorf("stopped at step %d of %d, saved; go on with --resume: %w", t.report.Step, c.TotalSteps(), ctx.Err())
}

// keep judges the averaged weights and writes everything down.
func (t *trainer) keep(c Config, judge *judge, mean running, now stepReport, rate float64) error {
	r := &t.report
	if err := judge.report(r); err != nil {
		return err
	}
	t.metrics.Add(r.Step, mean.Loss(), mean.L1(), mean.PSNR(), now.Commitment, now.Adversarial, now.Discriminator,
		r.L1, r.PSNR, r.Perplexity, r.Live, rate)
	t.Talk.Printf("vqgan step %d: held-out L1 %.4f, PSNR %.2f dB; %.0f%% of codes live, perplexity %.0f",
		r.Step, r.L1, r.PSNR, 100*r.Live, r.Perplexity)
	return errors.Join(
		c.save(t.store, t.Options, *r), t.metrics.Write(),
		t.metrics.Plot("vqgan-psnr.png", "PSNR, dB", "psnr", "heldout_psnr"),
		t.metrics.Plot("vqgan-loss.png", "training loss", "loss"),
		t.metrics.Plot("vqgan-codes.png", "codebook perplexity", "perplexity"),
		judge.sheet(filepath.Join(t.Out, fmt.Sprintf("vqgan-%06d.png", r.Step))),
	)
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
		if o.From != nil {
			return c.begin(store, o)
		}
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
	name := fmt.Sprintf("outline %d stem %d/%d channels %d×%v blocks %d attention %t groups %d embedding %d vocabulary %d",
		outlineSide, c.Stem, c.StemChannels, c.Channels, c.Multipliers, c.Blocks, c.Attention, c.Groups, c.Embedding, c.Vocabulary)
	if len(c.DecoderBlocks) > 0 {
		name += fmt.Sprintf(" decoder blocks %v", c.DecoderBlocks)
	}
	if len(c.DecoderBottleneck) > 0 {
		name += fmt.Sprintf(" decoder bottleneck %v", c.DecoderBottleneck)
	}
	return name
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
