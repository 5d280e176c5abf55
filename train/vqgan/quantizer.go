package vqgan

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"

	"sundae/train/engine"
)

// The codebook's variables. Unless Codebook.Training says gradient, the codes are the
// ratio of two moving averages (van den Oord et al., 1711.00937, appendix A.1).
const (
	codebookScope = "codebook"
	codebookPath  = "/codebook/weight"    // [V, E] the codes
	countPath     = "/codebook/ema_count" // [V] how often each was chosen in a batch
	sumPath       = "/codebook/ema_sum"   // [V, E] the sum of the vectors it was chosen for
)

// codes is the codebook [V, E]. Codes that are trained by gradients start uniform in ±1/V or,
// those of a Gumbel quantizer, from N(0, 1).
func (c Config) codes(store *model.Store, g *Graph) *model.Variable {
	if c.Quantizer == Gumbel && c.Codebook.Training == byGradient {
		return c.randomCodes(store, codebookPath).SetTrainable(true)
	}
	if c.Codebook.Training == byGradient {
		engine.Uniform(store.Scope("/"+codebookScope), g, "weight", 1/float64(c.Vocabulary), c.Vocabulary, c.Embedding)
		return store.GetVariable(codebookPath).SetTrainable(true)
	}
	return c.randomCodes(store, codebookPath)
}

// randomCodes is the variable of the codes, or of their sums, which are at first the same:
// drawn from N(0, 1).
func (c Config) randomCodes(store *model.Store, path string) *model.Variable {
	scope, name := model.SplitPath(path)
	draw := func(values []float32) { engine.Draw(store, codebookPath, 1, values) }
	return engine.Weight(store.Scope(scope), name, draw, c.Vocabulary, c.Embedding).SetTrainable(false)
}

// quantized is the result of quantising a batch of encoder outputs.
type quantized struct {
	ids     *Node // [B, N] int32, the nearest codes
	vectors *Node // [B, N, E], those codes
	counts  *Node // [V], how often each code was chosen
	sums    *Node // [V, E], the sum of the encoder outputs it was chosen for
}

// quantize looks up codes [V, E] for vectors z [B, N, E], given their indices, int32 [B, N].
// The result has a gradient with respect to the codes, but none with respect to z.
func quantize(z, codes, ids *Node) quantized {
	z = StopGradient(z)
	v, e := codes.Shape().Dim(0), codes.Shape().Dim(1)
	oneHot := OneHot(ids, v, z.DType()) // [B, N, V]
	return quantized{
		ids:     ids,
		vectors: MatMul(oneHot, codes),
		counts:  ReduceSum(oneHot, 0, 1),
		sums:    MatMul(TransposeAllDims(Reshape(oneHot, -1, v), 1, 0), Reshape(z, -1, e)),
	}
}

// straightThrough has the value of quantized, and passes its gradient on to z
// unchanged (1711.00937, section 3.2). Both are [B, N, E].
func straightThrough(z, quantized *Node) *Node {
	return Add(z, StopGradient(Sub(quantized, z)))
}

// nearest is the index of the code [V, E] closest to each vector of z [B, N, E]:
// int32 [B, N].
func nearest(z, codes *Node) *Node { return ArgMin(distances(z, codes), -1, dtypes.Int32) }

// distances are the squared distances of each vector of z [B, N, E] to each of the
// codes [V, E], less the squared length of the vector itself, which does not depend
// on the code: [B, N, V].
func distances(z, codes *Node) *Node {
	dots := MatMul(z, TransposeAllDims(codes, 1, 0))                           // [B, N, V]
	norms := Reshape(ReduceSum(Square(codes), -1), 1, 1, codes.Shape().Dim(0)) // [1, 1, V]
	return Sub(norms, MulScalar(dots, 2))
}

// toRows turns latents [B, E, h, w] into [B, h·w, E], one row per token in raster order.
func toRows(z *Node) *Node {
	b, e, h, w := z.Shape().Dim(0), z.Shape().Dim(1), z.Shape().Dim(2), z.Shape().Dim(3)
	return TransposeAllDims(Reshape(z, b, e, h*w), 0, 2, 1) // [B, h·w, E]
}

// toGrid is the inverse of toRows for latents of h×w.
func toGrid(rows *Node, h, w int) *Node {
	b, e := rows.Shape().Dim(0), rows.Shape().Dim(2)
	return Reshape(TransposeAllDims(rows, 0, 2, 1), b, e, h, w) // [B, E, h, w]
}

// updateCodebook adds to the graph one EMA update of the codebook
// (1711.00937, appendix A.1), with γ = Codebook.Decay, n_i vectors z_ij for code i:
//
//	N_i = γ·N_i + (1-γ)·n_i
//	m_i = γ·m_i + (1-γ)·Σ_j z_ij
//	e_i = m_i / N_i
func (c Config) updateCodebook(store *model.Store, q quantized) {
	g := q.ids.Graph()
	count := store.VariableWithShape(countPath, shapes.Make(dtypes.Float32, c.Vocabulary), initializer.One).SetTrainable(false)
	codes := c.codes(store, g)
	sum := c.randomCodes(store, sumPath)
	ema := func(v *model.Variable, now *Node) *Node {
		next := Add(MulScalar(v.NodeValue(g), c.Codebook.Decay), MulScalar(now, 1-c.Codebook.Decay))
		v.SetNodeValue(next)
		return next
	}
	counts := ema(count, q.counts)
	sums := ema(sum, q.sums)
	codes.SetNodeValue(Div(sums, Reshape(MaxScalar(counts, 1e-5), -1, 1)))
}

// vectorsPerCode is how many encoder outputs the k-means start uses for each code.
const vectorsPerCode = 8

// startCodebook initialises the codes with the k-means centres of the encoder's
// outputs for the crops of the steps before.
func (c Config) startCodebook(backend compute.Backend, store *model.Store, l *loader, step int) error {
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) *Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		return toRows(c.Encode(scope.In(generatorScope).In("encoder"), toFloat(bytes)))
	})
	if err != nil {
		return fmt.Errorf("build the encoder: %w", err)
	}
	defer exec.Finalize()
	var vectors []float32
	for back := 1; len(vectors) < vectorsPerCode*c.Vocabulary*c.Embedding && back <= max(step, 1); back++ {
		crops, err := l.crops(max(step-back, 0))
		if err != nil {
			return err
		}
		in := imageTensor(crops, c.Batch, c.Crop)
		out, err := exec.Exec(in)
		in.FinalizeAll()
		if err != nil {
			return fmt.Errorf("run the encoder: %w", err)
		}
		vectors = append(vectors, tensors.MustCopyFlatData[float32](out[0])...)
		out[0].FinalizeAll()
	}
	rng := engine.Keyed(l.seed, "codebook")
	// Ten rounds, or as many as take about ten seconds.
	rounds := max(1, min(10, 40_000_000_000/(len(vectors)*c.Vocabulary)))
	return c.setEvenCodebook(store, kMeans(vectors, c.Vocabulary, c.Embedding, rounds, rng))
}

// setEvenCodebook sets the codes [V, E], and the averages as if every code had been chosen
// equally often.
func (c Config) setEvenCodebook(store *model.Store, codes []float32) error {
	even := float32(c.Batch*(c.Crop/c.Factor())*(c.Crop/c.Factor())) / float32(c.Vocabulary)
	counts, sums := make([]float32, c.Vocabulary), make([]float32, len(codes))
	for i := range counts {
		counts[i] = even
	}
	for i := range sums {
		sums[i] = codes[i] * even
	}
	return c.setCodebook(store, counts, codes, sums)
}

// kMeans returns k centres of vectors [n, dim] after rounds of Lloyd's algorithm.
// A centre without vectors moves to a random vector.
func kMeans(vectors []float32, k, dim, rounds int, rng *rand.Rand) []float32 {
	n := len(vectors) / dim
	centres := make([]float32, k*dim)
	for i := range k {
		copy(centres[i*dim:], vectors[rng.IntN(n)*dim:][:dim])
	}
	for range rounds {
		nearest := make([]int, n)
		var workers sync.WaitGroup
		share := (n + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
		for from := 0; from < n; from += share {
			workers.Go(func() {
				for i := from; i < min(from+share, n); i++ {
					nearest[i] = nearestCentre(centres, vectors[i*dim:][:dim])
				}
			})
		}
		workers.Wait()
		sums, counts := make([]float32, k*dim), make([]float32, k)
		for i, best := range nearest {
			counts[best]++
			for e, x := range vectors[i*dim:][:dim] {
				sums[best*dim+e] += x
			}
		}
		for i, count := range counts {
			if count == 0 {
				copy(centres[i*dim:], vectors[rng.IntN(n)*dim:][:dim])
				continue
			}
			for e := range dim {
				centres[i*dim+e] = sums[i*dim+e] / count
			}
		}
	}
	return centres
}

// nearestCentre is the index of the centre nearest to v.
func nearestCentre(centres, v []float32) int {
	dim := len(v)
	best, least := 0, float32(0)
	for i := range len(centres) / dim {
		var d float32
		for e, x := range centres[i*dim:][:dim] {
			d += (x - v[e]) * (x - v[e])
		}
		if i == 0 || d < least {
			best, least = i, d
		}
	}
	return best
}

// restartsAt reports whether dead codes are restarted after a step: not before the
// codebook has started, and not in the last tenth of the training, when the decoder
// settles on the codes.
func (c Config) restartsAt(step int) bool {
	return c.Codebook.Restart > 0 && step > c.Codebook.Start && step%c.Codebook.Restart == 0 && step < c.Steps*9/10
}

// restartDeadCodes moves each code that is hardly chosen to a random vector of the
// batch, encoder outputs [B, N, E], so that the whole vocabulary stays in use. A code
// is dead if its average count is below Codebook.Dead times the mean.
func (c Config) restartDeadCodes(store *model.Store, vectors *tensors.Tensor, seed uint64, step int) error {
	rng := engine.Keyed(seed, fmt.Sprintf("restart/%d", step))
	z := tensors.MustCopyFlatData[float32](vectors)
	counts := tensors.MustCopyFlatData[float32](store.GetVariable(countPath).MustValue())
	codes := tensors.MustCopyFlatData[float32](store.GetVariable(codebookPath).MustValue())
	sums := tensors.MustCopyFlatData[float32](store.GetVariable(sumPath).MustValue())
	var total float32
	for _, count := range counts {
		total += count
	}
	mean := total / float32(c.Vocabulary)
	restarted := 0
	for code, count := range counts {
		if count >= float32(c.Codebook.Dead)*mean {
			continue
		}
		restarted++
		vector := z[rng.IntN(len(z)/c.Embedding)*c.Embedding:][:c.Embedding]
		for e, value := range vector {
			value += float32(rng.NormFloat64() * 0.01) // two codes may get the same vector
			codes[code*c.Embedding+e] = value
			sums[code*c.Embedding+e] = value * mean
		}
		counts[code] = mean
	}
	if restarted == 0 {
		return nil
	}
	return c.setCodebook(store, counts, codes, sums)
}

// setCodebook sets the codes [V, E] and the averages [V] and [V, E] behind them.
func (c Config) setCodebook(store *model.Store, counts, codes, sums []float32) error {
	for path, value := range map[string]*tensors.Tensor{
		countPath:    tensors.FromFlatDataAndDimensions(counts, c.Vocabulary),
		codebookPath: tensors.FromFlatDataAndDimensions(codes, c.Vocabulary, c.Embedding),
		sumPath:      tensors.FromFlatDataAndDimensions(sums, c.Vocabulary, c.Embedding),
	} {
		var err error
		if v := store.GetVariable(path); v != nil {
			err = v.SetValue(value)
		} else {
			_, err = store.CreateVariable(path, value)
		}
		if err != nil {
			return fmt.Errorf("set the codebook: %w", err)
		}
	}
	return nil
}
