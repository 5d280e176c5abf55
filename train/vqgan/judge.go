package vqgan

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/picture"
	"sundae/train/dataset"
	"sundae/train/engine"
)

// judge measures a run on held-out crops that stay the same all run long, with
// the averaged weights: those are the ones that will be exported.
type judge struct {
	config   Config
	exec     map[bool]*model.Exec // with and without the codebook
	crops    []uint8              // [n, S, S, 3], n a multiple of the batch
	remade   [][]uint8            // the reconstructions of the last report
	pictures int
}

// sheetPictures is how many crops a sheet shows, originals over reconstructions.
const sheetPictures = 8

// newJudge cuts two crops, the middle and the lower left corner, from every
// held-out picture, or takes it whole.
func (c Config) newJudge(backend compute.Backend, store *model.Store, f *feed, held dataset.Set) (*judge, error) {
	j := &judge{config: c}
	frame := c.Crop * c.Crop * 3
	for _, file := range held.Files {
		p, err := dataset.Load(file.Path, f.size)
		if err != nil {
			if f.skipped.Add(file.Path, err) {
				f.warn("skipped %v", err)
			}
			continue
		}
		w, h := p.Rect.Dx(), p.Rect.Dy()
		if min(w, h) < c.Crop {
			return nil, fmt.Errorf("picture %s is %d×%d, smaller than the crop of %d: set vqgan.crop lower or take it out", file.Path, w, h, c.Crop)
		}
		crops := []image.Point{{0, h - c.Crop}}
		if middle := (image.Point{(w - c.Crop) / 2, (h - c.Crop) / 2}); middle != crops[0] {
			crops = append(crops, middle)
		}
		for _, at := range crops {
			crop := make([]uint8, frame)
			dataset.Pixels(crop, p, at.X, at.Y, c.Crop, c.Crop, false)
			j.crops = append(j.crops, crop...)
		}
	}
	// The graph's batch is fixed: repeat the last crops to fill it.
	for len(j.crops) > 0 && len(j.crops)%(c.Batch*frame) != 0 {
		j.crops = append(j.crops, j.crops[len(j.crops)-frame:]...)
	}
	j.exec = map[bool]*model.Exec{}
	for _, quantize := range []bool{false, true} {
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) []*Node {
			// Training mode keeps the averages parameters; otherwise they would be
			// frozen into the graph as the constants they are now.
			scope.Store().SetTraining(bytes.Graph(), true)
			x := pixels(bytes)
			p := c.reconstruct(scope.Store().Scope(engine.EMARoot+"/"+generatorScope), x, quantize)
			y := ClipScalar(p.x, -1, 1)
			diff := Sub(y, x)
			out := ConvertDType(Round(MulScalar(OnePlus(y), 127.5)), dtypes.Uint8)
			results := []*Node{ReduceMean(Abs(diff), 1, 2, 3), ReduceMean(Square(diff), 1, 2, 3), TransposeAllDims(out, 0, 2, 3, 1)}
			if quantize {
				results = append(results, p.ids)
			}
			return results
		})
		if err != nil {
			return nil, fmt.Errorf("build the held-out report: %w", err)
		}
		j.exec[quantize] = exec
	}
	return j, nil
}

// report fills in the held-out figures.
func (j *judge) report(r *Report) error {
	c := j.config
	frame := c.Crop * c.Crop * 3
	quantized := c.phaseAt(r.Step-1) != continuous
	uses := make([]float64, c.Vocabulary)
	var l1, db, n, tokens float64
	j.remade = nil
	for at := 0; at < len(j.crops); at += c.Batch * frame {
		crops := tensor(j.crops[at:at+c.Batch*frame], c.Batch, c.Crop)
		out, err := j.exec[quantized].Exec(crops)
		crops.FinalizeAll()
		if err != nil {
			return fmt.Errorf("run the held-out report: %w", err)
		}
		mse := tensors.MustCopyFlatData[float32](out[1])
		for i, e := range tensors.MustCopyFlatData[float32](out[0]) {
			l1 += float64(e) / 2
			db += psnr(float64(mse[i]))
			n++
		}
		j.remade = append(j.remade, tensors.MustCopyFlatData[uint8](out[2]))
		if quantized {
			for _, id := range tensors.MustCopyFlatData[int32](out[3]) {
				uses[id]++
				tokens++
			}
		}
		for _, t := range out {
			t.FinalizeAll()
		}
	}
	if n == 0 {
		return nil
	}
	r.L1, r.PSNR = l1/n, db/n
	if !quantized {
		return nil
	}
	r.Perplexity, r.Live = use(uses, tokens)
	return nil
}

// use returns the perplexity of the codes' use, exp of its entropy, and the
// share of codes used at all.
func use(uses []float64, tokens float64) (perplexity, live float64) {
	var entropy float64
	for _, u := range uses {
		if u > 0 {
			live++
			entropy -= u / tokens * math.Log(u/tokens)
		}
	}
	return math.Exp(entropy), live / float64(len(uses))
}

// sheet writes originals over their reconstructions.
func (j *judge) sheet(path string) error {
	c := j.config
	frame := c.Crop * c.Crop * 3
	if len(j.remade) == 0 {
		return nil
	}
	var cells []image.Image
	count := min(sheetPictures, len(j.crops)/frame)
	// Spread over the held-out crops, so that every class shows.
	stride := max(1, len(j.crops)/frame/count)
	for i := range count {
		cells = append(cells, rgb(j.crops[i*stride*frame:], c.Crop))
	}
	for i := range count {
		k := i * stride
		cells = append(cells, rgb(j.remade[k/c.Batch][k%c.Batch*frame:], c.Crop))
	}
	return picture.Save(path, picture.Grid(cells, count, 2, color.Black))
}

func rgb(bytes []uint8, side int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		copy(out.Pix[4*i:], bytes[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}
