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

// evaluator measures a run on held-out crops, which stay the same during the whole
// run, with the EMA weights, if there are any: those are exported.
type evaluator struct {
	config          Config
	exec            map[bool]*model.Exec // with and without the codebook
	crops           []uint8              // [n, S, S, 3], n a multiple of the batch
	reconstructions [][]uint8            // one [B, S, S, 3] a batch, of the last evaluation
}

// sheetCrops is how many crops a sheet shows, originals over reconstructions.
const sheetCrops = 8

// newEvaluator cuts two crops, the middle and the lower left corner, from every
// held-out image, or takes it whole if it has the size of a crop.
func (c Config) newEvaluator(backend compute.Backend, store *model.Store, l *loader, heldOut dataset.Set) (*evaluator, error) {
	e := &evaluator{config: c, exec: map[bool]*model.Exec{}}
	frame := c.Crop * c.Crop * 3
	for _, file := range heldOut.Files {
		img, err := l.load(file)
		if err != nil {
			return nil, err
		}
		if img == nil {
			continue
		}
		w, h := img.Rect.Dx(), img.Rect.Dy()
		corners := []image.Point{{0, h - c.Crop}}
		if middle := (image.Point{(w - c.Crop) / 2, (h - c.Crop) / 2}); middle != corners[0] {
			corners = append(corners, middle)
		}
		for _, at := range corners {
			crop := make([]uint8, frame)
			dataset.Pixels(crop, img, at.X, at.Y, c.Crop, c.Crop, false)
			e.crops = append(e.crops, crop...)
		}
	}
	// The graph's batch is fixed: repeat the last crop to fill it.
	for len(e.crops) > 0 && len(e.crops)%(c.Batch*frame) != 0 {
		e.crops = append(e.crops, e.crops[len(e.crops)-frame:]...)
	}
	evaluated := "/" + generatorScope
	if c.EMA > 0 {
		evaluated = engine.EMARoot + evaluated
	}
	for _, codebook := range []bool{false, true} {
		exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) []*Node {
			// In training mode the weights are inputs of the graph; otherwise their present
			// values would become constants.
			scope.Store().SetTraining(bytes.Graph(), true)
			x := toFloat(bytes)
			p := c.reconstruct(scope.Store().Scope(evaluated), x, codebook, nil)
			y := ClipScalar(p.x, -1, 1)
			diff := Sub(y, x)
			out := TransposeAllDims(ConvertDType(Round(MulScalar(OnePlus(y), 127.5)), dtypes.Uint8), 0, 2, 3, 1) // [B, S, S, 3]
			results := []*Node{ReduceMean(Abs(diff), 1, 2, 3), ReduceMean(Square(diff), 1, 2, 3), out}
			if codebook {
				results = append(results, p.quantized.ids)
			}
			return results
		})
		if err != nil {
			return nil, fmt.Errorf("build the evaluation: %w", err)
		}
		e.exec[codebook] = exec
	}
	return e, nil
}

// evaluate fills in the held-out figures of r, the report of the step before.
func (e *evaluator) evaluate(r *Report) error {
	c := e.config
	frame := c.Crop * c.Crop * 3
	codebook := c.phaseAt(r.Step-1) != continuous
	counts := make([]float64, c.Vocabulary)
	var l1, db, n, tokens float64
	e.reconstructions = nil
	for at := 0; at < len(e.crops); at += c.Batch * frame {
		crops := imageTensor(e.crops[at:at+c.Batch*frame], c.Batch, c.Crop)
		out, err := e.exec[codebook].Exec(crops)
		crops.FinalizeAll()
		if err != nil {
			return fmt.Errorf("run the evaluation: %w", err)
		}
		mse := tensors.MustCopyFlatData[float32](out[1])
		for i, mae := range tensors.MustCopyFlatData[float32](out[0]) {
			l1 += float64(mae) / 2
			db += psnr(float64(mse[i]))
			n++
		}
		e.reconstructions = append(e.reconstructions, tensors.MustCopyFlatData[uint8](out[2]))
		if codebook {
			for _, id := range tensors.MustCopyFlatData[int32](out[3]) {
				counts[id]++
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
	if codebook {
		r.Perplexity, r.CodeUsage = codeUse(counts, tokens)
	}
	return nil
}

// codeUse returns the perplexity of the codes' frequencies, exp of their entropy, and
// the share of codes used at all.
func codeUse(counts []float64, tokens float64) (perplexity, usage float64) {
	var entropy float64
	for _, count := range counts {
		if count > 0 {
			usage++
			entropy -= count / tokens * math.Log(count/tokens)
		}
	}
	return math.Exp(entropy), usage / float64(len(counts))
}

// psnr is the peak signal-to-noise ratio in dB for a mean squared error of images in
// [-1, 1].
func psnr(mse float64) float64 { return 10 * math.Log10(4/max(mse, 1e-12)) }

// sheet writes originals over their reconstructions in the last evaluation.
func (e *evaluator) sheet(path string) error {
	c := e.config
	frame := c.Crop * c.Crop * 3
	if len(e.reconstructions) == 0 {
		return nil
	}
	var cells []image.Image
	count := min(sheetCrops, len(e.crops)/frame)
	// Spread over the held-out crops, so that every class shows.
	stride := max(1, len(e.crops)/frame/count)
	for i := range count {
		cells = append(cells, toImage(e.crops[i*stride*frame:], c.Crop))
	}
	for i := range count {
		k := i * stride
		cells = append(cells, toImage(e.reconstructions[k/c.Batch][k%c.Batch*frame:], c.Crop))
	}
	return picture.Save(path, picture.Grid(cells, count, 2, color.Black))
}

// toImage makes an image of RGB bytes [side, side, 3].
func toImage(bytes []uint8, side int) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range side * side {
		copy(out.Pix[4*i:], bytes[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}
