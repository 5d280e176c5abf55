package vqgan

import (
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestDrawCodes compares with formulas by hand: the largest of logits and noise is drawn, the
// gradient at the logits is that of the softmax, and the gradient at the codes that of the
// choice.
func TestDrawCodes(t *testing.T) {
	logits, noise := [][][]float64{{{0.2, 1, -0.5}, {0, 0.3, 0.1}}}, [][][]float64{{{0.1, -0.6, 1.9}, {0.4, -0.2, 0.2}}}
	codes, direction := [][]float64{{1, 2}, {-1, 0.5}, {0.3, -2}}, [][][]float64{{{0.7, -0.1}, {1.5, 0.4}}}
	const temperature = 0.5
	chosen := []int{2, 0}

	var vectors, gradient, codeGradient, kl []float64
	codeGradient = make([]float64, 6)
	for n, l := range logits[0] {
		vectors = append(vectors, codes[chosen[n]]...)
		soft, p, sum, sumP := make([]float64, 3), make([]float64, 3), 0.0, 0.0
		for i := range l {
			soft[i], p[i] = math.Exp((l[i]+noise[0][n][i])/temperature), math.Exp(l[i])
			sum, sumP = sum+soft[i], sumP+p[i]
		}
		mean, divergence, along := 0.0, 0.0, make([]float64, 3)
		for i := range l {
			soft[i], p[i] = soft[i]/sum, p[i]/sumP
			along[i] = codes[i][0]*direction[0][n][0] + codes[i][1]*direction[0][n][1]
			mean += soft[i] * along[i]
			divergence += p[i] * math.Log(3*p[i])
		}
		for i := range l {
			gradient = append(gradient, soft[i]*(along[i]-mean)/temperature)
		}
		for e, d := range direction[0][n] {
			codeGradient[2*chosen[n]+e] += d
		}
		kl = append(kl, divergence)
	}

	exec, err := NewExec(open(t, "onnx:cpu"), func(logits, noise, codes, direction *Node) []*Node {
		q, kl := drawCodes(logits, noise, Scalar(logits.Graph(), logits.DType(), temperature), codes)
		g := Gradient(ReduceAllSum(Mul(q.vectors, direction)), logits, codes)
		return []*Node{q.vectors, g[0], g[1], kl, q.counts}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Call(single(logits), single(noise), single([][][]float64{codes})[0], single(direction))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{vectors, gradient, codeGradient, {(kl[0] + kl[1]) / 2}, {1, 0, 1}} {
		var floats []float32
		for _, v := range want {
			floats = append(floats, float32(v))
		}
		equal(t, []string{"vectors", "gradient at the logits", "gradient at the codes", "divergence", "counts"}[i], tensors.MustCopyFlatData[float32](out[i]), floats, 1e-5)
	}
}

// single converts to float32.
func single(values [][][]float64) [][][]float32 {
	out := make([][][]float32, len(values))
	for i, rows := range values {
		out[i] = make([][]float32, len(rows))
		for j, row := range rows {
			for _, v := range row {
				out[i][j] = append(out[i][j], float32(v))
			}
		}
	}
	return out
}

func TestGumbelTemperature(t *testing.T) {
	g := GumbelTraining{Temperature: []float64{1, 0.25}}
	for step, want := range map[int]float64{0: 1, 50: 0.625, 100: 0.25} {
		if got := g.temperatureAt(step, 101); math.Abs(got-want) > 1e-12 {
			t.Errorf("the temperature of step %d is %g, want %g", step, got, want)
		}
	}
	if got := (GumbelTraining{}).temperatureAt(3, 10); got != 1 {
		t.Errorf("without settings the temperature is %g", got)
	}
	for _, bad := range []GumbelTraining{{KL: -1}, {Temperature: []float64{1}}, {Temperature: []float64{1, 0}}} {
		if err := bad.validate(); err == nil || !strings.Contains(err.Error(), "vqgan.gumbel.") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestTrainGumbelQuantizer: training moves the codes and the logits, the same way each time.
func TestTrainGumbelQuantizer(t *testing.T) {
	c := checkpoints()["gumbel-f4"]
	c.Codebook, c.Loss.Codebook, c.Steps, c.Every = Codebook{Training: byGradient}, 0.25, 2, 2
	c.Gumbel = GumbelTraining{Temperature: []float64{1, 0.5}}
	pictures := folder(t, 6, 32)
	var runs [2]map[string][]float32
	for i := range runs {
		steps := c
		steps.Steps = max(1, 2*i) // the first run ends one step earlier
		_, store := train(t, steps, options(t, pictures))
		runs[i] = map[string][]float32{}
		for _, path := range []string{"/codebook/weight", "/model/encoder/logits/weight"} {
			runs[i][path] = values(store, path)
		}
	}
	for path, before := range runs[0] {
		if after := runs[1][path]; slices.Equal(before, after) || slices.ContainsFunc(after, func(v float32) bool { return v-v != 0 }) {
			t.Errorf("%s is not trained by the second step", path)
		}
	}
	if a, b := c.gumbelAt(3, 7), c.gumbelAt(3, 7); !a.noise.Equal(b.noise) || a.noise.Equal(c.gumbelAt(3, 8).noise) {
		t.Error("the noise is not that of seed and step alone")
	}
}
