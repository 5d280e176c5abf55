package tui

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/charmbracelet/x/exp/teatest/v2"

	"sundae/sampler/schedule"
	"sundae/tui/graphics"
)

// BenchmarkReaction measures the time from a key press to its effect in what is written to the terminal, while the
// model samples and decodes as fast as it can. The aim is below 50 ms, of which up to 17 are Bubble Tea's, which
// writes 60 times per second.
func BenchmarkReaction(b *testing.B) {
	for _, size := range [][2]int{{80, 24}, {250, 70}} {
		b.Run(map[int]string{80: "80x24", 250: "250x70"}[size[0]], func(b *testing.B) {
			o := options(b)
			o.Settings.Steps = schedule.MaxSteps
			screen := alternate(nowhere{})
			a := newApp(b.Context(), o, graphics.NewDriver(o.Terminal), screen)
			tm := teatest.NewTestModel(b, watched{a}, teatest.WithInitialTermSize(size[0], size[1]))
			s := &user{nil, tm}
			var took []time.Duration
			var out bytes.Buffer
			for b.Loop() {
				began := time.Now()
				s.press("p") // asks for a preset's name
				for out.Reset(); !bytes.Contains(out.Bytes(), []byte("preset name")); {
					_, _ = io.Copy(&out, tm.Output())
					if time.Since(began) > 10*time.Second {
						b.Fatal("the app does not answer")
					}
					time.Sleep(200 * time.Microsecond)
				}
				took = append(took, time.Since(began))
				s.press("esc")
				time.Sleep(3 * time.Second / 60) // until it is off the screen: two keys in one frame change nothing
				_, _ = io.Copy(io.Discard, tm.Output())
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms/99%")
			b.ReportMetric(0, "ns/op")
			_ = tm.Quit()
			tm.WaitFinished(b, teatest.WithFinalTimeout(20*time.Second))
			a.close()
			screen.End()
		})
	}
}
