package prior

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"

	"sundae/internal/progress"
	"sundae/train/engine"
)

// Options says what to train on and where to keep the run.
type Options struct {
	Backend  compute.Backend
	Latents  Latents
	Per      int // latents of one picture that follow each other
	Seed     uint64
	Out      string // folder of the checkpoint, metrics and sample sheets
	Resume   bool
	Reporter *progress.Reporter
	From     *Pretrained // weights to start from; nil starts from random ones
	// Sheet, if not nil, draws a sheet of samples [n, h·w] to a PNG.
	Sheet func(path string, samples [][]int32) error
}

// Report says how far a run has come, as of its last report.
type Report struct {
	Step    int
	Earlier int        // steps of the pretrained prior that the run started from
	Loss    float64    // training loss since the report before, nats per token
	HeldOut [5]float64 // held-out loss at the corruption rates of Levels, nats per token
	Hours   float64    // time trained, with all earlier parts and the pretrained prior's
	Speed   float64    // tokens per second since the report before; each of the T steps counts
}

// String gives the losses in one line.
func (r Report) String() string {
	h := r.HeldOut
	return fmt.Sprintf("loss %.3f; held-out at corruption 0.1 to 0.9: %.3f %.3f %.3f %.3f %.3f", r.Loss, h[0], h[1], h[2], h[3], h[4])
}

// Levels are the corruption rates of the held-out loss.
var Levels = [5]float64{0.1, 0.3, 0.5, 0.7, 0.9}

// Train trains the prior, or resumes a run. When the context is cancelled it saves a
// checkpoint and returns an error that matches context.Canceled.
func Train(ctx context.Context, c Config, o Options) (Report, error) {
	grid := o.Latents.Grid
	if err := errors.Join(c.Validate(grid), o.Latents.Check()); err != nil {
		return Report{}, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return Report{}, fmt.Errorf("make the run's folder: %w", err)
	}

	// The weights: random, pretrained, or those of the checkpoint.
	store := engine.NewStore(o.Seed)
	report, err := c.restore(store, o)
	if err != nil || report.Step >= c.Steps {
		return report, err
	}
	if c.Distillation > 0 && store.GetVariable("/"+teacherScope+"/token_embedding/weight") == nil {
		return report, errors.New("prior.distillation distils a pretrained prior; pass --from, with an --out that holds no run")
	}

	// The data, the training step and the evaluation.
	training, held := o.Latents.split(c.HeldOut, max(1, o.Per))
	data := &batches{config: c, latents: o.Latents, items: training, seed: o.Seed}
	step, err := c.newStep(o.Backend, store, grid, c.workers(o.Backend))
	if err != nil {
		return report, err
	}
	evaluator, err := c.newEvaluator(o.Backend, store, o.Latents, held, o.Seed)
	if err != nil {
		return report, err
	}
	metrics, err := engine.OpenMetrics(o.Out, "prior", report.Step, metricNames...)
	if err != nil {
		return report, err
	}

	bar := o.Reporter.Bar("prior", int64(c.Steps), "steps")
	bar.Skip(int64(report.Step))
	defer bar.Done()
	started, before := time.Now(), report.Hours
	var sum stepReport // since the last report, over n steps
	var n float64
	since := time.Now()
	for at := report.Step; at < c.Steps; at++ {
		if ctx.Err() != nil {
			if err := c.save(store, o, report); err != nil {
				return report, err
			}
			return report, fmt.Errorf("stopped at step %d of %d and saved a checkpoint; --resume continues: %w", at, c.Steps, ctx.Err())
		}

		// One step: forward, backward, clip, update the weights and their average.
		rate := c.Schedule.Rate(at, c.Warmup, c.Steps, c.LearningRate)
		now, err := step(data.at(at), rate, engine.EMADecay(at+1, c.EMA))
		if err != nil {
			return report, err
		}
		if math.IsNaN(now.Loss) || math.IsInf(now.Loss, 0) {
			return report, fmt.Errorf("the loss is %v at step %d: lower prior.learning_rate and --resume from the last checkpoint", now.Loss, at)
		}
		sum.Loss, sum.First, sum.Last, n = sum.Loss+now.Loss, sum.First+now.First, sum.Last+now.Last, n+1
		report.Step = at + 1
		report.Hours = before + time.Since(started).Hours()
		report.Speed = n * float64(c.Batch*grid.Tokens()*c.Unroll) / time.Since(since).Seconds()
		bar.Add(1)
		bar.Note("loss %.3f  %.0f tokens/s", sum.Loss/n, report.Speed)
		if report.Step%c.Every != 0 && report.Step != c.Steps {
			continue
		}

		// Every so often: evaluate, log, save a checkpoint, draw samples.
		report.Loss = sum.Loss / n
		if report.HeldOut, err = evaluator.losses(); err != nil {
			return report, err
		}
		h := report.HeldOut
		metrics.Add(report.Step, report.Loss, sum.First/n, sum.Last/n, now.Norm, h[0], h[1], h[2], h[3], h[4], report.Speed, rate)
		o.Reporter.Printf("prior step %d: %v; %.0f tokens/s", report.Step, report, report.Speed)
		if err := errors.Join(c.save(store, o, report), metrics.Write(), plot(metrics)); err != nil {
			return report, err
		}
		if o.Sheet != nil {
			samples, err := evaluator.samples()
			if err != nil {
				return report, err
			}
			if err := o.Sheet(filepath.Join(o.Out, fmt.Sprintf("prior-%06d.png", report.Step)), samples); err != nil {
				return report, err
			}
		}
		sum, n, since = stepReport{}, 0, time.Now()
	}
	return report, nil
}

var metricNames = []string{
	"loss", "first", "last", "norm", "heldout_0.1", "heldout_0.3", "heldout_0.5", "heldout_0.7", "heldout_0.9", "tokens_per_second", "rate",
}

func plot(m *engine.Metrics) error {
	return errors.Join(
		m.Plot("prior-loss.png", "training loss, nats per token", "loss", "first", "last"),
		m.Plot("prior-heldout.png", "held-out loss by corruption rate, nats per token", "heldout_0.1", "heldout_0.3", "heldout_0.5", "heldout_0.7", "heldout_0.9"),
	)
}
