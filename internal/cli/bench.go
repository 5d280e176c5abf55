package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sundae/internal/bundle"
)

func newBench(a *app) *cobra.Command {
	var m modelFlags
	var f benchFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast a model samples here",
		Long: `Measure how fast a model samples on this machine: the time of a denoising step,
of decoding and of whole samples, by batch, with the memory that it took. Beside
it stands the speed of plain matrix products in the same library, on the same
device, and the part of it that the model's own products reach: how far from the
limit the model runs.

Samples are never frozen here, so that every step has the whole batch.`,
		Example: `  sundae bench --model runs/tiny/bundle
  sundae bench --model runs/tiny/bundle --batch 1 --steps 8 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			began := time.Now()
			if err := f.check(); err != nil {
				return err
			}
			b, rt, o, err := m.open(a, cmd)
			if err != nil {
				return err
			}
			report, err := measure(cmd.Context(), a.talk, b, rt, o, f, began)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(a.out)
				e.SetIndent("", "  ")
				return e.Encode(report)
			}
			return report.print(a.out)
		},
	}
	m.add(cmd)
	cmd.Flags().IntSliceVar(&f.batches, "batch", []int{1, 4, 16}, "`samples` at once, one or more numbers")
	cmd.Flags().IntVar(&f.steps, "steps", 0, "steps of a sample (0: as the model recommends)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of a table")
	return cmd
}

// benchFlags are what is measured.
type benchFlags struct {
	batches []int
	steps   int
}

func (f benchFlags) check() error {
	if len(f.batches) == 0 {
		return usagef("--batch needs a number")
	}
	for _, n := range f.batches {
		if n < 1 {
			return usagef("--batch must be 1 or more, not %d", n)
		}
	}
	if f.steps < 0 {
		return usagef("--steps must not be negative, and is %d", f.steps)
	}
	return nil
}

// benchReport is what was measured. Times are in milliseconds, memory in MiB.
type benchReport struct {
	Model  string        `json:"model"`
	Image  int           `json:"image_size"`
	Latent bundle.Latent `json:"-"`
	Tokens int           `json:"tokens"`
	Codes  int           `json:"vocabulary"`
	Steps  int           `json:"steps"`

	Device  string   `json:"device"`
	Why     []string `json:"why_no_other,omitempty"` // why the devices before it were not taken
	Library string   `json:"onnxruntime"`
	CPU     string   `json:"cpu"`
	Cores   int      `json:"cores"`
	Threads int      `json:"threads"`

	First   float64      `json:"first_picture_ms"`           // from the command's start to the first step's picture
	Shown   float64      `json:"sample_every_step_shown_ms"` // one sample with every step decoded
	Batches []benchBatch `json:"batches"`
	Product benchProduct `json:"matrix_product"`
	Prior   benchShare   `json:"prior,omitzero"`
	Decoder benchShare   `json:"decoder,omitzero"`
}

// benchBatch is one batch's times.
type benchBatch struct {
	Batch   int     `json:"batch"`
	Step    float64 `json:"step_ms"`   // the median step
	Go      float64 `json:"go_share"`  // the part of it outside the model, 0 to 1
	Decode  float64 `json:"decode_ms"` // for each picture
	Sample  float64 `json:"sample_ms"` // the whole batch, from noise to pictures
	Tokens  float64 `json:"tokens_per_second"`
	Samples float64 `json:"samples_per_second"`
	Peak    float64 `json:"peak_mib"` // the most memory of the process so far
}

// benchProduct is the speed of plain matrix products.
type benchProduct struct {
	Side  int     `json:"side"`
	Speed float64 `json:"gflops"` // 10^9 additions and multiplications a second
}

// benchShare is the part of that speed that a model reaches.
type benchShare struct {
	Work  float64 `json:"gflop"` // in the products and convolutions of one step, or one picture
	Speed float64 `json:"gflops"`
	Share float64 `json:"share"`
}

// print writes the report as a table.
func (r benchReport) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d×%d pixels, %d×%d tokens of %d codes, %d steps\n",
		r.Model, r.Image, r.Image, r.Latent.Height, r.Latent.Width, r.Codes, r.Steps)
	fmt.Fprintf(w, "%s, %d threads, %s with %d cores, ONNX Runtime %s\n", r.Device, r.Threads, r.CPU, r.Cores, r.Library)
	if len(r.Why) > 0 {
		fmt.Fprintf(w, "others: %s\n", strings.Join(r.Why, "; "))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "batch\tstep ms\tdecode ms\tsample s\ttokens/s\tsamples/s\tpeak MiB\t")
	for _, b := range r.Batches {
		fmt.Fprintf(t, "%d\t%.1f\t%.1f\t%.2f\t%.0f\t%.3g\t%.0f\t\n", b.Batch, b.Step, b.Decode, b.Sample/1000, b.Tokens, b.Samples, b.Peak)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "first picture\t%.2f s after the command\n", r.First/1000)
	fmt.Fprintf(t, "every step shown\t%.2f s a sample\n", r.Shown/1000)
	fmt.Fprintf(t, "outside the model\t%.2f %% of a step\n", 100*r.Batches[0].Go)
	fmt.Fprintf(t, "matrix products\t%.1f GFLOP/s (%d×%d)\n", r.Product.Speed, r.Product.Side, r.Product.Side)
	for _, part := range []struct {
		name, unit string
		benchShare
	}{{"prior", "step", r.Prior}, {"decoder", "picture", r.Decoder}} {
		if part.Work == 0 { // it could not be counted
			continue
		}
		fmt.Fprintf(t, "%s\t%.3g GFLOP a %s, %.1f GFLOP/s, %.0f %% of the matrix products\n", part.name, part.Work, part.unit, part.Speed, 100*part.Share)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// share compares a number of operations in some time with the speed of plain
// products.
func (p benchProduct) share(flops int64, ms float64) benchShare {
	gflop := float64(flops) / 1e9
	speed := gflop / (ms / 1000)
	return benchShare{gflop, speed, speed / p.Speed}
}
