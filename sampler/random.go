package sampler

// Random numbers are counter-based: each is a hash of where it is used, so that
// a sample's tokens depend on (seed, sample, step) and on nothing else, neither
// on the batch it shares nor on what was drawn before.

// stream tells the uses of one step apart.
type stream uint64

const (
	noiseStream   stream = iota + 1 // the tokens of z_0, and those that re-noising puts in
	drawStream                      // the inverse of the cumulative distribution
	updateStream                    // which tokens are updated at a proportion below 1
	renoiseStream                   // which tokens are replaced by noise
	classStream                     // the class of a sample of any class
)

// uniforms fills out with numbers in [0, 1) of 24 bits, all that float32 holds.
func uniforms(out []float32, seed uint64, sample, step int, s stream) {
	key := mix(mix(mix(mix(seed)^uint64(s))^uint64(sample)) ^ uint64(step))
	for i := range out {
		out[i] = float32(mix(key+uint64(i)*golden)>>40) / (1 << 24)
	}
}

// golden is 2^64 over the golden ratio, SplitMix64's increment.
const golden = 0x9e3779b97f4a7c15

// mix is SplitMix64's finalizer (Steele et al., 2014): a bijection in which every
// input bit turns about half of the output's.
func mix(z uint64) uint64 {
	z += golden
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
