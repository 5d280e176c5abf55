package sampler

import "math"

// A prior that outputs logits is sampled here, one position at a time, by the same
// rule as graphs that sample inside: p = softmax(logits / tau), then the first token
// whose cumulative probability exceeds a uniform number (inverse CDF). Four images of
// 1024 tokens with 8192 codes need 33 million exponentials a step, so an exponential
// must be cheap: a few cycles here, five times as many in math.Exp.

// minTemperature bounds the temperature from below: there, the draw is the arg-max.
const minTemperature = 1e-4

// The vocabulary is split into blocks: their sums find the block of the drawn token,
// and only that block is searched.
const (
	blockSize = 128
	maxBlocks = 1 << 16 / blockSize
)

// Exponentials are computed as 2^y for y = (logit - largest) / (tau ln 2) <= 0, with
// y split into e + k/1024 + r. e goes into the result's exponent, 2^(k/1024)
// comes from a table, and 2^r is 1 + r ln 2 to within 6e-8 because r is at most 1/2048.
//
// Adding grid to y rounds it to 1/1024 without a conversion, because that is the
// value of the last bit of numbers of grid's size; e and k are in the low bits of the
// sum.
const (
	grid      = 1.5 * (1 << 13)
	tableSize = 1024
	lowest    = 126 // 2^-126 is the smallest exponential that does not become 0
	rangeBits = 17  // y >= -lowest, counted in 1/1024 from there, has so many bits
)

// floor holds the bits of the sum at the lowest y.
var floor = math.Float32bits(grid - lowest)

// table holds the bits of 2^(k/1024 - lowest): adding e + lowest to the exponent
// gives 2^(k/1024 + e).
var table = func() (t [tableSize]uint32) {
	for k := range t {
		t[k] = math.Float32bits(float32(math.Exp2(float64(k)/tableSize - lowest)))
	}
	return t
}()

// row holds the logits of one position at a temperature.
type row struct {
	logits []float32
	top    float32 // the largest logit
	scale  float32 // 1 / (tau ln 2)
}

func newRow(logits []float32, temperature float32) row {
	return row{logits, highest(logits), 1 / (max(temperature, minTemperature) * math.Ln2)}
}

// highest returns the largest of the logits that are numbers.
func highest(logits []float32) float32 {
	a, b, c, d := float32(math.Inf(-1)), float32(math.Inf(-1)), float32(math.Inf(-1)), float32(math.Inf(-1))
	for ; len(logits) >= 4; logits = logits[4:] { // four independent maxima, so that comparisons overlap
		if logits[0] > a {
			a = logits[0]
		}
		if logits[1] > b {
			b = logits[1]
		}
		if logits[2] > c {
			c = logits[2]
		}
		if logits[3] > d {
			d = logits[3]
		}
	}
	for _, v := range logits {
		if v > a {
			a = v
		}
	}
	return max(a, b, c, d)
}

// mass returns the exponential of one logit relative to the largest one. It is NaN if
// the logit, or the largest one, is not finite.
func (r row) mass(logit float32) float32 {
	y := (logit - r.top) * r.scale
	sum := y + grid
	at := math.Float32bits(sum) - floor
	if at>>rangeBits != 0 {
		if y != y {
			return y
		}
		return 0
	}
	return math.Float32frombits(table[at%tableSize]+at/tableSize<<23) * (1 + math.Ln2*(y-(sum-grid)))
}

// block returns the sum of the masses of one whole block: mass, unrolled by two.
func (r row) block(logits *[blockSize]float32) float32 {
	var even, odd float32
	for i := 0; i < blockSize-1; i += 2 {
		y, z := (logits[i]-r.top)*r.scale, (logits[i+1]-r.top)*r.scale
		sy, sz := y+grid, z+grid
		at, bt := math.Float32bits(sy)-floor, math.Float32bits(sz)-floor
		if (at|bt)>>rangeBits != 0 { // zero, or not a number
			even += r.mass(logits[i])
			odd += r.mass(logits[i+1])
			continue
		}
		even += math.Float32frombits(table[at%tableSize]+at/tableSize<<23) * (1 + math.Ln2*(y-(sy-grid)))
		odd += math.Float32frombits(table[bt%tableSize]+bt/tableSize<<23) * (1 + math.Ln2*(z-(sz-grid)))
	}
	return even + odd
}

// draw samples one token of softmax(logits / temperature) by a uniform number in
// [0, 1), and returns its probability. ok is false if a logit is not a number.
func draw(logits []float32, temperature, uniform float32) (token int, probability float32, ok bool) {
	r := newRow(logits, temperature)
	var sums [maxBlocks]float32
	var total float32
	blocks := (len(logits) + blockSize - 1) / blockSize
	for i := range blocks {
		sums[i] = r.blockAt(i)
		total += sums[i]
	}
	if !(total > 0) {
		return 0, 0, false
	}
	target := uniform * total
	// Both searches skip what has no mass, and take the last entry with mass if
	// rounding leaves target above the sum.
	var before, upTo float32
	var from int
	for i, sum := range sums[:blocks] {
		if sum == 0 {
			continue
		}
		from, before = i*blockSize, upTo
		if upTo += sum; upTo > target {
			break
		}
	}
	upTo = before
	for i, logit := range logits[from:min(from+blockSize, len(logits))] {
		mass := r.mass(logit)
		if mass == 0 {
			continue
		}
		token, probability = from+i, mass/total
		if upTo += mass; upTo > target {
			break
		}
	}
	return token, probability, true
}

// blockAt returns the sum of the masses of block i. The last block may be short.
func (r row) blockAt(i int) float32 {
	logits := r.logits[i*blockSize:]
	if len(logits) >= blockSize {
		return r.block((*[blockSize]float32)(logits))
	}
	var sum float32
	for _, logit := range logits {
		sum += r.mass(logit)
	}
	return sum
}
