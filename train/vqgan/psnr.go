package vqgan

import "math"

// psnr is the peak signal-to-noise ratio in dB of a mean squared error over
// pictures that span [-1, 1].
func psnr(mse float64) float64 { return 10 * math.Log10(4/max(mse, 1e-12)) }
