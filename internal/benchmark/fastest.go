package benchmark

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"sundae/decoder"
	"sundae/internal/bundle"
	"sundae/internal/inference"
	"sundae/internal/ort"
	"sundae/internal/picture"
	"sundae/internal/progress"
	"sundae/sampler"
)

// Timing is how fast a model runs on a device, for a batch of one.
type Timing struct {
	Device string  `json:"device"`
	Step   float64 `json:"step_ms"` // 0 for a model without a prior
	Decode float64 `json:"decode_ms"`
	Fault  string  `json:"fault,omitempty"` // why the device is not used for this model; "" if it may be
}

// Fastest returns the device among those that ort.Auto chooses from on which a step
// and a decode of the model take the least time, and the timings of all of them, with
// the threads and the precision of o. It
// measures every device the first time, which is reported on reporter, and keeps the
// timings in the file cache. A device whose results differ from the CPU's is not
// used. Where there is only the CPU, nothing is measured.
func Fastest(ctx context.Context, b *bundle.Bundle, rt *ort.Runtime, o ort.Options, cache string, reporter *progress.Reporter) (device string, timings []Timing, err error) {
	devices, _ := rt.AutoDevices()
	if len(devices) == 1 {
		return devices[0].Device, nil, nil
	}
	timings, err = timeDevices(ctx, b, rt, devices, o, cache, reporter)
	if err != nil {
		return "", nil, err
	}
	return fastest(timings), timings, nil
}

// fastest returns the device with the least time for a step and a decode.
func fastest(timings []Timing) string {
	usable := slices.DeleteFunc(slices.Clone(timings), func(t Timing) bool { return t.Fault != "" })
	if len(usable) == 0 {
		return ort.CPU
	}
	return slices.MinFunc(usable, func(a, b Timing) int { return cmp.Compare(a.Step+a.Decode, b.Step+b.Decode) }).Device
}

// timeDevices returns the timings of devices, from the cache where it has them.
func timeDevices(ctx context.Context, b *bundle.Bundle, rt *ort.Runtime, devices []ort.Device, o ort.Options, cache string, reporter *progress.Reporter) ([]Timing, error) {
	known := readTimings(cache)
	var timings []Timing
	var reference *results // of the CPU, made when a device is compared
	measured := false
	for _, d := range devices {
		key := timingKey(b, rt, d, o)
		if t, ok := known[key]; ok {
			timings = append(timings, t)
			continue
		}
		if reference == nil {
			r, err := measure(ctx, b, rt, ort.CPU, o, reporter)
			if err != nil {
				return nil, fmt.Errorf("measure the model on %s: %w", ort.CPU, err)
			}
			reference = &r
		}
		t := reference.timing
		if d.Device != ort.CPU {
			r, err := measure(ctx, b, rt, d.Device, o, reporter)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if t = r.timing; err == nil {
				err = r.compare(*reference)
			}
			if err != nil {
				t.Fault = err.Error()
			}
		}
		t.Device = d.Device
		timings = append(timings, t)
		known[key], measured = t, true
	}
	if measured {
		if err := writeTimings(cache, known); err != nil {
			reporter.Printf("the timings of the devices will be measured again next time: %v", err)
		}
	}
	return timings, nil
}

// results are what one device computes, and how fast.
type results struct {
	timing Timing
	tokens []uint16 // after the first step; none without a prior
	image  *image.RGBA
}

// timingRounds is how often a step and a decode are measured, after one that
// allocates.
const timingRounds = 3

// measure takes steps, if there is a prior, and decodes one fixed grid of tokens.
func measure(ctx context.Context, b *bundle.Bundle, rt *ort.Runtime, device string, o ort.Options, reporter *progress.Reporter) (results, error) {
	defer reporter.Wait("measuring the model on " + device)()
	o.Device = device
	open := rt.Opener(o)
	r := results{timing: Timing{Device: device}}
	if b.Manifest.HasPrior() {
		if err := r.measureSteps(ctx, b, open); err != nil {
			return results{}, err
		}
	}
	images, err := decoder.Open(b, open)
	if err != nil {
		return results{}, err
	}
	defer images.Close()
	noise := make([]uint16, b.Manifest.Latent.Tokens()) // the same on every device
	rng := rand.New(rand.NewPCG(0, 0))
	for i := range noise {
		noise[i] = uint16(rng.IntN(b.Manifest.Vocabulary))
	}
	var decodes []time.Duration
	for range timingRounds + 1 {
		began := time.Now()
		if r.image, err = images.Decode(ctx, noise); err != nil {
			return results{}, err
		}
		decodes = append(decodes, time.Since(began))
	}
	r.timing.Decode = milliseconds(median(decodes[1:]))
	return r, nil
}

// measureSteps takes steps from noise that is the same on every device.
func (r *results) measureSteps(ctx context.Context, b *bundle.Bundle, open inference.Opener) error {
	settings, err := sampler.Recommended(b.Manifest)
	if err != nil {
		return err
	}
	settings.Freeze, settings.Steps = false, timingRounds+1
	prior, err := sampler.Open(b, open)
	if err != nil {
		return err
	}
	defer prior.Close()
	run, err := prior.Start(sampler.Start{N: 1, Settings: settings, From: sampler.Noise{}})
	if err != nil {
		return err
	}
	var steps []time.Duration
	if err := run.Finish(ctx, func(s sampler.Stats) error {
		steps = append(steps, s.Took)
		return nil
	}); err != nil {
		return err
	}
	r.tokens, r.timing.Step = run.At(1).Tokens[0], milliseconds(median(steps[1:]))
	return nil
}

// What a device's results must have in common with the CPU's. Rounding decides where
// two tokens are nearly as probable, so a few may differ.
const (
	minTokenAgreement = 0.97
	minImagePSNR      = 35 // dB
)

// compare returns how the results of a device differ from the CPU's, nil if they are
// the same up to rounding.
func (r results) compare(cpu results) error {
	same := 0
	for k, id := range r.tokens {
		if id == cpu.tokens[k] {
			same++
		}
	}
	if n := float64(len(cpu.tokens)); float64(same) < minTokenAgreement*n {
		return fmt.Errorf("it draws wrong tokens: %.0f%% agree with the CPU's", 100*float64(same)/n)
	}
	psnr, err := picture.PSNR(cpu.image, r.image)
	if err != nil {
		return err
	}
	if psnr < minImagePSNR {
		return fmt.Errorf("it decodes wrong images: %.1f dB from the CPU's", psnr)
	}
	return nil
}

// timingKey identifies a model on a device: other weights, another driver or another
// version of ONNX Runtime are measured again.
func timingKey(b *bundle.Bundle, rt *ort.Runtime, d ort.Device, o ort.Options) string {
	h := sha256.New()
	card := ort.Card{}
	if d.Card != nil {
		card = *d.Card
	}
	for _, part := range []string{
		b.Manifest.Files[bundle.PriorFile].SHA256, b.Manifest.Files[bundle.DecoderFile].SHA256,
		rt.Version(), d.Device, card.Name, card.Driver, cpuName(), fmt.Sprint(o.Threads), o.Precision,
	} {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TimingCache returns the file that keeps timings: sundae/devices.json in the user's
// cache folder, "" if there is none.
func TimingCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "sundae", "devices.json")
}

// maxCache bounds the cache file; a larger one is not ours.
const maxCache = 1 << 20

// readTimings returns the timings of a cache, none if it can't be read.
func readTimings(path string) map[string]Timing {
	known := map[string]Timing{}
	if info, err := os.Stat(path); err != nil || info.Size() > maxCache {
		return known
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &known) != nil {
		return map[string]Timing{}
	}
	return known
}

func writeTimings(path string, known map[string]Timing) error {
	if path == "" {
		return errors.New("there is no cache folder (set XDG_CACHE_HOME)")
	}
	text, err := json.MarshalIndent(known, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return renameio.WriteFile(path, text, 0o644)
}
