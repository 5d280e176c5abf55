package sampler

// Random numbers are counter-based: each is a hash of (seed, sample, step, stream,
// position), so that a sample's tokens do not depend on its batch or on the numbers
// drawn before.

// stream separates the uses of random numbers within one step.
type stream uint64

const (
	noiseStream   stream = iota + 1 // the tokens of z_0, and those that re-noising puts in
	drawStream                      // the inverse CDF
	updateStream                    // which tokens are updated at a proportion below 1
	renoiseStream                   // which tokens are replaced by noise
	classStream                     // the class of a sample of any class
)

// uniforms fills out with numbers in [0, 1) of 24 bits, the precision of float32.
func uniforms(out []float32, seed uint64, sample, step int, s stream) {
	key := mix(mix(mix(mix(seed)^uint64(s))^uint64(sample)) ^ uint64(step))
	for i := range out {
		out[i] = float32(mix(key+uint64(i)*golden)>>40) / (1 << 24)
	}
}

// golden is 2^64 divided by the golden ratio, the increment of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// mix is SplitMix64's finalizer (Steele et al., 2014): a bijection in which every
// input bit flips about half of the output bits.
func mix(z uint64) uint64 {
	z += golden
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
