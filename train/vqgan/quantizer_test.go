package vqgan

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// codebook returns a store with the given codes [V, E] and averages.
func codebook(t *testing.T, c Config, counts, codes, sums []float32) *model.Store {
	t.Helper()
	store := engine.NewStore(1)
	if err := c.setCodebook(store, counts, codes, sums); err != nil {
		t.Fatal(err)
	}
	return store
}

// values returns the variable at path.
func values(store *model.Store, path string) []float32 {
	return tensors.MustCopyFlatData[float32](store.GetVariable(path).MustValue())
}

// TestStraightThrough: the gradient at the encoder's output z is the gradient at the
// decoder's input z_q, for any decoder.
func TestStraightThrough(t *testing.T) {
	exec, err := NewExec(open(t, "onnx:cpu"), func(z, codes *Node) []*Node {
		vectors := quantize(z, codes, nearest(z, codes)).vectors
		zq := straightThrough(z, vectors)
		direction := Sin(IotaFull(z.Graph(), z.Shape()))
		loss := ReduceAllSum(Mul(Mul(zq, Square(zq)), direction)) // 3·z_q²·direction is its gradient
		gradient := Gradient(loss, z, zq)
		return []*Node{zq, vectors, gradient[0], gradient[1]}
	})
	if err != nil {
		t.Fatal(err)
	}
	z := tensors.FromFlatDataAndDimensions([]float32{0.9, 0.2, -0.7, 1.4, 0.1, -1.2}, 1, 3, 2)
	out, err := exec.Call(z, [][]float32{{1, 0}, {-1, 1}, {0, -1}})
	if err != nil {
		t.Fatal(err)
	}
	flat := func(i int) []float32 { return tensors.MustCopyFlatData[float32](out[i]) }
	equal(t, "the nearest codes", flat(1), []float32{1, 0, -1, 1, 0, -1}, 0)
	equal(t, "z_q", flat(0), flat(1), 1e-6)
	equal(t, "dloss/dz", flat(2), flat(3), 1e-6)
	if most := flat(3)[2]; math.Abs(float64(most)-3*math.Sin(2)) > 1e-5 {
		t.Errorf("dloss/dz_q is %v", flat(3))
	}
}

// TestCodebookEMA compares one update with the formula of van den Oord et al. 2017,
// appendix A.1.
func TestCodebookEMA(t *testing.T) {
	const decay = 0.9
	c := Config{Vocabulary: 3, Embedding: 2, Codebook: Codebook{Decay: decay}}
	counts, codes := []float32{2, 4, 1}, []float32{1, 0, -1, 1, 0, -1}
	sums := []float32{2, 0, -4, 4, 0, -1}
	store := codebook(t, c, counts, codes, sums)
	exec, err := model.NewExec(open(t, "onnx:cpu"), store, func(scope *model.Scope, z *Node) *Node {
		scope.Store().SetTraining(z.Graph(), true)
		codes := c.codes(scope.Store(), z.Graph()).NodeValue(z.Graph())
		q := quantize(z, codes, nearest(z, codes))
		c.updateCodebook(scope.Store(), q)
		return q.ids
	})
	if err != nil {
		t.Fatal(err)
	}
	z := []float32{0.9, 0.2, 0.8, -0.3, 1.2, 0.1, -0.7, 1.4} // three of code 0, one of code 1, none of code 2
	if _, err := exec.Exec(tensors.FromFlatDataAndDimensions(z, 2, 2, 2)); err != nil {
		t.Fatal(err)
	}
	n := []float32{3, 1, 0}
	m := []float32{0.9 + 0.8 + 1.2, 0.2 - 0.3 + 0.1, -0.7, 1.4, 0, 0}
	wantCounts, wantSums, wantCodes := make([]float32, 3), make([]float32, 6), make([]float32, 6)
	for i := range wantCounts {
		wantCounts[i] = decay*counts[i] + (1-decay)*n[i]
	}
	for i := range wantSums {
		wantSums[i] = decay*sums[i] + (1-decay)*m[i]
		wantCodes[i] = wantSums[i] / wantCounts[i/2]
	}
	equal(t, "N", values(store, countPath), wantCounts, 1e-6)
	equal(t, "m", values(store, sumPath), wantSums, 1e-6)
	equal(t, "e", values(store, codebookPath), wantCodes, 1e-6)
}

// TestRestartDeadCodes: a code with a small count moves to a vector of the batch, with
// the mean count; the others stay.
func TestRestartDeadCodes(t *testing.T) {
	c := Config{Vocabulary: 4, Embedding: 2, Steps: 100, Codebook: Codebook{Dead: 0.1, Start: 10, Restart: 5}}
	counts := []float32{5, 0.1, 2.9, 0} // the mean is 2
	codes := []float32{1, 1, 2, 2, 3, 3, 4, 4}
	sums := []float32{5, 5, 0.2, 0.2, 8.7, 8.7, 0, 0}
	vectors := []float32{-10, 10, 20, -20, -30, 30}
	store := codebook(t, c, counts, codes, sums)
	if err := c.restartDeadCodes(store, tensors.FromFlatDataAndDimensions(vectors, 1, 3, 2), 1, 15); err != nil {
		t.Fatal(err)
	}
	equal(t, "counts", values(store, countPath), []float32{5, 2, 2.9, 2}, 1e-6)
	got, gotSums := values(store, codebookPath), values(store, sumPath)
	for _, alive := range []int{0, 2} {
		equal(t, "a code in use", got[2*alive:][:2], codes[2*alive:][:2], 0)
		equal(t, "a sum in use", gotSums[2*alive:][:2], sums[2*alive:][:2], 0)
	}
	for _, dead := range []int{1, 3} {
		code := got[2*dead:][:2]
		nearest := nearestCentre(vectors, code)
		equal(t, "a restarted code", code, vectors[2*nearest:][:2], 0.05)
		equal(t, "a restarted sum", gotSums[2*dead:][:2], []float32{2 * code[0], 2 * code[1]}, 1e-6)
	}
	var at []int
	for step := range c.Steps {
		if c.restartsAt(step) {
			at = append(at, step)
		}
	}
	if at[0] != 15 || at[len(at)-1] != 85 {
		t.Errorf("restarts at steps %v", at)
	}
}

func TestKMeansFindsClusters(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	centres := [][]float32{{0, 0}, {10, 0}, {0, 10}, {10, 10}}
	var vectors []float32
	for range 400 {
		c := centres[rng.IntN(4)]
		vectors = append(vectors, c[0]+float32(rng.NormFloat64()*0.2), c[1]+float32(rng.NormFloat64()*0.2))
	}
	found := kMeans(vectors, 8, 2, 20, rng)
	for _, c := range centres {
		best := nearestCentre(found, c)
		if d := math.Hypot(float64(found[2*best]-c[0]), float64(found[2*best+1]-c[1])); d > 0.5 {
			t.Errorf("no centre near %v: the closest is %g away", c, d)
		}
	}
}
