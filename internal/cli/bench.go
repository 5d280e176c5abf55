package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"sundae/internal/benchmark"
)

func newBench(a *app) *cobra.Command {
	var m modelFlags
	var o benchmark.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast a model samples on this machine",
		Long: `Measure how fast a model samples on this machine: the time of a denoising step,
of decoding and of whole samples for each batch size, and the memory used. For
comparison it also measures plain matrix products in the same library on the same
device, and says how much of their speed the model reaches.

Samples are not frozen during the benchmark, so every step has the whole batch.`,
		Example: `  sundae bench --model runs/tiny/bundle
  sundae bench --model runs/tiny/bundle --batch 1 --steps 8 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Began = time.Now()
			if err := checkBench(o); err != nil {
				return err
			}
			b, err := m.bundleWithPrior(a)
			if err != nil {
				return err
			}
			rt, model, err := m.runtime(cmd.Context(), a, b)
			if err != nil {
				return err
			}
			networks, err := a.open(cmd.Context(), b, rt.Opener(model))
			if err != nil {
				return err
			}
			defer networks.Close()
			o.Model, o.Prior, o.Images, o.Opened = model, networks.prior, networks.pictures, time.Now()
			report, err := benchmark.Run(cmd.Context(), b, rt, o, a.reporter)
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(a.out)
				e.SetIndent("", "  ")
				return e.Encode(report)
			}
			return printReport(a.out, report)
		},
	}
	m.add(cmd)
	cmd.Flags().IntSliceVar(&o.Batches, "batch", []int{1, 4, 16}, "batch sizes in `samples`, separated by commas")
	cmd.Flags().IntVar(&o.Steps, "steps", 0, "denoising steps of a sample; 0: as the model recommends")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of a table")
	return cmd
}

func checkBench(o benchmark.Options) error {
	if len(o.Batches) == 0 {
		return usagef("--batch needs at least one number")
	}
	for _, n := range o.Batches {
		if n < 1 {
			return usagef("--batch must be 1 or more, not %d", n)
		}
	}
	if o.Steps < 0 {
		return usagef("--steps must not be negative, not %d", o.Steps)
	}
	return nil
}

// printReport writes a benchmark as a table.
func printReport(w io.Writer, r benchmark.Report) error {
	fmt.Fprintf(w, "%s: %d×%d pixels, %d×%d tokens, vocabulary %d, %d steps\n",
		r.Model, r.ImageSize, r.ImageSize, r.Latent.Height, r.Latent.Width, r.Vocabulary, r.Steps)
	fmt.Fprintf(w, "%s, %d threads, %s with %d cores, ONNX Runtime %s\n", r.Device, r.Threads, r.CPU, r.Cores, r.Library)
	if len(r.Skipped) > 0 {
		fmt.Fprintf(w, "skipped devices: %s\n", strings.Join(r.Skipped, "; "))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "batch\tstep ms\tdecode ms\tsample s\ttokens/s\tsamples/s\tpeak MiB\t")
	for _, b := range r.Batches {
		fmt.Fprintf(t, "%d\t%.1f\t%.1f\t%.2f\t%.0f\t%.3g\t%.0f\t\n", b.Size, b.Step, b.Decode, b.Sample/1000, b.Tokens, b.Samples, b.PeakMemory)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "open\t%.2f s after the start of the command\n", r.Opened/1000)
	fmt.Fprintf(t, "first image\t%.2f s after the start of the command\n", r.FirstImage/1000)
	fmt.Fprintf(t, "every step decoded\t%.2f s per sample\n", r.EveryStep/1000)
	fmt.Fprintf(t, "overhead\t%.2f %% of a step is spent outside the network\n", 100*r.Batches[0].Overhead)
	fmt.Fprintf(t, "matrix products\t%.1f GFLOP/s (%d×%d)\n", r.MatrixProduct.GFLOPS, r.MatrixProduct.Size, r.MatrixProduct.Size)
	for _, network := range []struct {
		name, unit string
		benchmark.Network
	}{{"prior", "step", r.Prior}, {"decoder", "image", r.Decoder}} {
		if network.GFLOP == 0 { // its operations could not be counted
			continue
		}
		fmt.Fprintf(t, "%s\t%.3g GFLOP per %s, %.1f GFLOP/s, %.0f %% of the matrix products\n",
			network.name, network.GFLOP, network.unit, network.GFLOPS, 100*network.Share)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}
