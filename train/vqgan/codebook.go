package vqgan

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
)

// startCodebook places the codes: k-means over what the encoder makes of the
// crops of the steps before.
func (c Config) startCodebook(backend compute.Backend, store *model.Store, f *feed, step int) error {
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) *Node {
		scope.Store().SetTraining(bytes.Graph(), true)
		return rows(c.Encode(scope.In(generatorScope).In("encoder"), pixels(bytes)))
	})
	if err != nil {
		return fmt.Errorf("build the encoder: %w", err)
	}
	defer exec.Finalize()
	var vectors []float32
	// Eight vectors a code place its centre well enough to start from.
	for back := 1; len(vectors) < 8*c.Vocabulary*c.Embedding && back <= max(step, 1); back++ {
		crops, err := f.crops(max(step-back, 0))
		if err != nil {
			return err
		}
		in := tensor(crops, c.Batch, c.Crop)
		out, err := exec.Exec(in)
		in.FinalizeAll()
		if err != nil {
			return fmt.Errorf("run the encoder: %w", err)
		}
		vectors = append(vectors, tensors.MustCopyFlatData[float32](out[0])...)
		out[0].FinalizeAll()
	}
	rng := engine.Keyed(f.seed, "codebook")
	// Ten rounds, or as many as some ten seconds allow.
	rounds := max(1, min(10, 40_000_000_000/(len(vectors)*c.Vocabulary)))
	codes := kMeans(vectors, c.Vocabulary, c.Embedding, rounds, rng)
	uses := make([]float32, c.Vocabulary)
	even := float32(c.Batch*(c.Crop/c.Factor())*(c.Crop/c.Factor())) / float32(c.Vocabulary)
	sums := make([]float32, len(codes))
	for i := range uses {
		uses[i] = even
	}
	for i := range sums {
		sums[i] = codes[i] * even
	}
	return c.setCodebook(store, uses, codes, sums)
}

// kMeans returns k centres of vectors [n, dim] after rounds of Lloyd's
// algorithm. A centre that loses all its vectors moves to one drawn anew.
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
					nearest[i] = closest(centres, vectors[i*dim:][:dim])
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

// closest is the index of the centre nearest to v.
func closest(centres, v []float32) int {
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

// restartsAt says whether dead codes are looked for after a step: never before
// there are codes, nor in the last tenth, when the decoder settles on them.
func (c Config) restartsAt(step int) bool {
	return c.Codebook.Restart > 0 && step > c.Codebook.Start && step%c.Codebook.Restart == 0 && step < c.Steps*9/10
}

// restartDeadCodes gives each code that is hardly chosen the place of a vector
// that the encoder just made, so that the whole vocabulary stays in use.
func (c Config) restartDeadCodes(store *model.Store, vectors *tensors.Tensor, seed uint64, step int) error {
	use, codes, sum := store.GetVariable(usePath).MustValue(), store.GetVariable(codebookPath).MustValue(), store.GetVariable(sumPath).MustValue()
	rng := engine.Keyed(seed, fmt.Sprintf("restart/%d", step))
	z := tensors.MustCopyFlatData[float32](vectors)
	m := len(z) / c.Embedding
	uses := tensors.MustCopyFlatData[float32](use)
	var total float32
	for _, u := range uses {
		total += u
	}
	even := total / float32(c.Vocabulary)
	book, sums := tensors.MustCopyFlatData[float32](codes), tensors.MustCopyFlatData[float32](sum)
	restarted := 0
	for code, u := range uses {
		if u >= float32(c.Codebook.Dead)*even {
			continue
		}
		restarted++
		// Two codes may get the same vector: a little noise tells them apart.
		vector := z[rng.IntN(m)*c.Embedding:][:c.Embedding]
		for e, value := range vector {
			value += float32(rng.NormFloat64() * 0.01)
			book[code*c.Embedding+e] = value
			sums[code*c.Embedding+e] = value * even
		}
		uses[code] = even
	}
	if restarted == 0 {
		return nil
	}
	return c.setCodebook(store, uses, book, sums)
}

// setCodebook sets the codes [V, E] and the averages they come from.
func (c Config) setCodebook(store *model.Store, uses, codes, sums []float32) error {
	for path, value := range map[string]*tensors.Tensor{
		usePath:      tensors.FromFlatDataAndDimensions(uses, c.Vocabulary),
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
