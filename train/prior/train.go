package prior

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
	"sundae/train/engine"
)

// Checkpoint is the name of the run's checkpoint in its folder.
const Checkpoint = "prior.safetensors"

// Options says what to train on and where to keep the run.
type Options struct {
	Backend compute.Backend
	Latents Latents
	Per     int // latents of one picture that follow each other
	Seed    uint64
	Out     string // folder of the checkpoint, metrics and sheets
	Resume  bool
	Talk    *progress.Talk
	From    *File // a prior to begin as; nil begins anew
	// Sheet, if not nil, draws a sheet of samples [n, h·w] to a PNG.
	Sheet func(path string, samples [][]int32) error
}

// Report is how the run stands at its last report.
type Report struct {
	Step    int
	Earlier int        // steps of the prior that this one began as
	Loss    float64    // training loss since the report before, nats a token
	HeldOut [5]float64 // held-out loss at the corruption levels of Levels
	Hours   float64    // time trained, over all resumed parts and before
	Speed   float64    // tokens a second since the report before; each of the T steps counts
}

// Levels are the shares of corrupted tokens at which the held-out loss is taken.
var Levels = [5]float64{0.1, 0.3, 0.5, 0.7, 0.9}

// Train runs or resumes the prior's training. On a cancelled context it saves
// and returns an error that matches context.Canceled.
func Train(ctx context.Context, c Config, o Options) (Report, error) {
	grid := o.Latents.Grid
	if err := errors.Join(c.Validate(grid), o.Latents.Check()); err != nil {
		return Report{}, err
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return Report{}, fmt.Errorf("make the run's folder: %w", err)
	}
	store := engine.NewStore(o.Seed)
	report, err := c.restore(store, o)
	if err != nil || report.Step >= c.Steps {
		return report, err
	}
	if c.Guidance > 0 && store.GetVariable("/"+teacherScope+"/tokens/weight") == nil {
		return report, errors.New("prior.guidance is learnt from a prior that is there: begin as one with --from, in a folder without a run")
	}
	training, held := o.Latents.split(c.HeldOut, max(1, o.Per))
	metrics, err := engine.OpenMetrics(o.Out, "prior", report.Step,
		"loss", "first", "last", "norm", "heldout_0.1", "heldout_0.3", "heldout_0.5", "heldout_0.7", "heldout_0.9", "tokens_per_second", "rate")
	if err != nil {
		return report, err
	}
	step, err := c.newStep(o.Backend, store, grid, c.workers(o.Backend))
	if err != nil {
		return report, err
	}
	judge, err := c.newJudge(o.Backend, store, o.Latents, held, o.Seed)
	if err != nil {
		return report, err
	}

	bar := o.Talk.Bar("prior", int64(c.Steps), "steps")
	bar.Skip(int64(report.Step))
	defer bar.Done()
	started, before, since := time.Now(), report.Hours, time.Now()
	var sum stepReport
	var n float64
	for at := report.Step; at < c.Steps; at++ {
		if ctx.Err() != nil {
			if err := c.save(store, o, report); err != nil {
				return report, err
			}
			return report, fmt.Errorf("stopped at step %d of %d, saved; go on with --resume: %w", at, c.Steps, ctx.Err())
		}
		rate := engine.LearningRate(at, c.Warmup, c.Steps, c.LearningRate, 0.05)
		now, err := step(c.batch(o.Latents, training, o.Seed, at), rate, engine.AverageDecay(at+1, c.Average))
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
		report.Loss = sum.Loss / n
		if report.HeldOut, err = judge.losses(); err != nil {
			return report, err
		}
		metrics.Add(report.Step, report.Loss, sum.First/n, sum.Last/n, now.Norm,
			report.HeldOut[0], report.HeldOut[1], report.HeldOut[2], report.HeldOut[3], report.HeldOut[4], report.Speed, rate)
		o.Talk.Printf("prior step %d: loss %.3f; held-out at corruption 0.1 to 0.9: %.3f %.3f %.3f %.3f %.3f; %.0f tokens/s", report.Step,
			report.Loss, report.HeldOut[0], report.HeldOut[1], report.HeldOut[2], report.HeldOut[3], report.HeldOut[4], report.Speed)
		if err := errors.Join(
			c.save(store, o, report), metrics.Write(),
			metrics.Plot("prior-loss.png", "training loss, nats a token", "loss", "first", "last"),
			metrics.Plot("prior-heldout.png", "held-out loss by corruption, nats a token", "heldout_0.1", "heldout_0.3", "heldout_0.5", "heldout_0.7", "heldout_0.9"),
		); err != nil {
			return report, err
		}
		if o.Sheet != nil {
			samples, err := judge.samples()
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

// save writes the checkpoint: every variable, and where the run stands.
func (c Config) save(store *model.Store, o Options, r Report) error {
	state, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return engine.Save(filepath.Join(o.Out, Checkpoint), store, map[string]string{
		"format": "sundae prior", "step": strconv.Itoa(r.Step), "report": string(state), "network": c.network(o.Latents.Grid),
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
	return c.load(path, store, o.Latents.Grid)
}

func (c Config) load(path string, store *model.Store, grid Grid) (Report, error) {
	meta, err := engine.Load(path, store)
	if err != nil {
		return Report{}, err
	}
	if network := c.network(grid); meta["network"] != network {
		return Report{}, fmt.Errorf("%s was trained with another network (%s) than the recipe's (%s)", path, meta["network"], network)
	}
	var r Report
	if err := json.Unmarshal([]byte(meta["report"]), &r); err != nil {
		return Report{}, fmt.Errorf("read where %s stands: %w", path, err)
	}
	return r, nil
}

// network names everything that shapes the weights.
func (c Config) network(g Grid) string {
	name := fmt.Sprintf("places depth %v shortening %d resample %s dim %d heads %d×%d mlp %g grid %d×%d vocabulary %d classes %d",
		c.Depth, c.Shortening, c.Resample, c.Dim, c.Heads, c.HeadDim, c.MLP, g.Height, g.Width, g.Vocabulary, g.Classes)
	if c.Neighbours > 0 {
		name += fmt.Sprintf(" neighbours %d", c.Neighbours)
	}
	return name
}
