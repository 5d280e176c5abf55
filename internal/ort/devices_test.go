package ort_test

import (
	"context"
	"image"
	"image/color"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sundae/decoder"
	"sundae/internal/bundle/bundletest"
	"sundae/internal/ort"
	"sundae/internal/ort/orttest"
	"sundae/internal/picture"
	"sundae/sampler"
	"sundae/sampler/schedule"
)

// Every usable device computes what the CPU computes: steps with inputs that change, in
// two batch sizes, with a mask, after an interrupted run; decoding and encoding.
//
// SUNDAE_TEST_DEVICES names devices that must be usable, separated by commas: without
// it the test passes on a machine that has none.
func TestDevicesAgreeWithCPU(t *testing.T) {
	rt := orttest.Runtime(t)
	var required []string
	if list := os.Getenv("SUNDAE_TEST_DEVICES"); list != "" {
		required = strings.Split(list, ",")
	}
	for _, d := range rt.Devices() {
		switch {
		case !d.OK && slices.Contains(required, d.Device):
			t.Errorf("%s is required: %s", d.Device, d.Reason)
		case d.OK && d.Device != ort.CPU:
			t.Run(d.Device, func(t *testing.T) {
				cpu, device := openModel(t, rt, ort.Options{Device: ort.CPU}), openModel(t, rt, ort.Options{Device: d.Device})
				t.Run("prior", func(t *testing.T) { comparePriors(t, cpu.prior, device.prior) })
				t.Run("decoder", func(t *testing.T) { compareDecoders(t, cpu, device) })
			})
		}
	}
}

// In float16 a model draws nearly the same tokens and images.
func TestFloat16AgreesWithFloat32(t *testing.T) {
	rt := orttest.Runtime(t)
	full := openModel(t, rt, ort.Options{Device: ort.CPU, Precision: ort.Float32})
	half := openModel(t, rt, ort.Options{Device: ort.CPU, Precision: ort.Float16})
	t.Run("prior", func(t *testing.T) { comparePriors(t, full.prior, half.prior) })
	t.Run("decoder", func(t *testing.T) { compareDecoders(t, full, half) })
}

type model struct {
	prior  *sampler.Prior
	images *decoder.Decoder
}

func openModel(t *testing.T, rt *ort.Runtime, o ort.Options) model {
	t.Helper()
	open, b := rt.Opener(o), bundletest.Bundle(t)
	prior, err := sampler.Open(b, open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(prior.Close)
	images, err := decoder.Open(b, open)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(images.Close)
	return model{prior, images}
}

// minAgreement is the share of tokens that a device must draw as the CPU does. Where
// two tokens are nearly as probable, rounding decides.
const minAgreement = 0.995

// comparePriors takes every step on both devices from the CPU's tokens, so that one
// token drawn differently does not change the steps after it.
func comparePriors(t *testing.T, cpu, device *sampler.Prior) {
	settings := schedule.Settings{
		Steps: 5, Temperature: schedule.Schedule{Start: 1, End: 0.3, Curve: schedule.Linear}, Proportion: schedule.Schedule{Start: 0.8},
		Renoise: schedule.Schedule{Start: 0.3, Curve: schedule.Linear}, Seed: 11, Class: len(cpu.Classes),
	}
	base := make([]uint16, cpu.Latent.Tokens())
	mask := &sampler.Mask{Height: cpu.Latent.Height, Width: cpu.Latent.Width, Masked: make([]bool, len(base))}
	for k := range base {
		base[k], mask.Masked[k] = uint16(k%cpu.Vocabulary), k%3 != 0
	}
	for _, n := range []int{1, 3, 1} {
		for _, from := range []sampler.Origin{sampler.Noise{}, sampler.Inpainting{Tokens: slices.Repeat([][]uint16{base}, n), Mask: mask}} {
			want, err := cpu.Start(sampler.Start{N: n, Settings: settings, From: from})
			if err != nil {
				t.Fatal(err)
			}
			if err := want.Finish(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			interrupt(t, device, n, settings)
			same, all := 0, 0
			var taken []sampler.Frame
			for step := range want.Len() - 1 {
				taken = append(taken, want.At(step))
				run, err := device.Start(sampler.Start{N: n, Settings: settings, From: sampler.Frames{Taken: taken, Start: from}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := run.Step(t.Context()); err != nil {
					t.Fatal(err)
				}
				for i, tokens := range run.Tokens() {
					for k, id := range tokens {
						if all++; id == want.At(step + 1).Tokens[i][k] {
							same++
						}
						if _, inpaint := from.(sampler.Inpainting); inpaint && !mask.Masked[k] && id != base[k] {
							t.Fatalf("step %d changed token %d, which is not masked", step+1, k)
						}
					}
				}
			}
			if share := float64(same) / float64(all); share < minAgreement {
				t.Errorf("%d samples from %T: %.4f of %d tokens agree with the CPU's", n, from, share, all)
			}
		}
	}
}

// interrupt cancels steps at random moments. What follows must not notice.
func interrupt(t *testing.T, prior *sampler.Prior, n int, settings schedule.Settings) {
	t.Helper()
	settings.Seed++
	run, err := prior.Start(sampler.Start{N: n, Settings: settings, From: sampler.Noise{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		_, err := run.Step(ctx)
		cancel()
		if err != nil && ctx.Err() == nil {
			t.Fatalf("cancelled after %v: %v", after, err)
		}
	}
}

// minPSNR is how close, in dB, a device's images must be to the CPU's.
const minPSNR = 45

func compareDecoders(t *testing.T, cpu, device model) {
	tokens := make([][]uint16, 3)
	for i := range tokens {
		tokens[i] = make([]uint16, cpu.prior.Latent.Tokens())
		for k := range tokens[i] {
			tokens[i][k] = uint16((k*7 + i*5) % cpu.prior.Vocabulary)
		}
	}
	for _, grids := range [][][]uint16{tokens[:1], tokens[1:], tokens[2:]} {
		want, err := cpu.images.DecodeAll(t.Context(), grids)
		if err != nil {
			t.Fatal(err)
		}
		got, err := device.images.DecodeAll(t.Context(), grids)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			psnr, err := picture.PSNR(want[i], got[i])
			if err != nil || psnr < minPSNR {
				t.Errorf("image %d of %d: %.1f dB from the CPU's, %v", i, len(grids), psnr, err)
			}
		}
	}
	for shift := range 2 {
		img := gradient(cpu.images.Size(), shift)
		want, err := cpu.images.Encode(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		got, err := device.images.Encode(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want, got) {
			t.Errorf("image %d is encoded as\n%v, the CPU gives\n%v", shift, got, want)
		}
	}
}

func gradient(side, shift int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.SetRGBA(x, y, color.RGBA{uint8(x * 255 / side), uint8(y * 255 / side), uint8(shift * 200), 255})
		}
	}
	return img
}
