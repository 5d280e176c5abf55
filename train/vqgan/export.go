package vqgan

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/internal/onnxfile"
	"sundae/train/engine"
)

// Model is a VQ-GAN for use: the EMA of the weights of a training, or those of a published
// checkpoint, and the codebook.
type Model struct {
	Config Config
	Size   int // the pictures' side
	Report Report
	store  *model.Store
	source engine.Source // of the weights, which store then only declares; else nil
}

// Open reads a training checkpoint for use.
func Open(path string, c Config, size int) (*Model, error) {
	c = c.forPictures(size)
	store := model.NewStore()
	var report Report
	if err := c.checkpoint(path).LoadEMA(store, &report, "/"+generatorScope, codebookPath); err != nil {
		return nil, err
	}
	if report.Step <= c.Codebook.Start {
		return nil, fmt.Errorf("%s is at step %d, before its codebook starts at %d: continue the training with --resume", path, report.Step, c.Codebook.Start)
	}
	return &Model{Config: c, Size: size, Report: report, store: store}, nil
}

// tokens is the encoder's graph: pictures [B, 3, H, W] over [-1, 1] to int32 [B, h, w].
func (m *Model) tokens(scope *model.Scope, x *Node) *Node {
	encoder := scope.At(generatorScope).In("encoder")
	z := m.Config.Encode(encoder, x)
	ids := m.Config.choose(encoder, toRows(z), scope.Store().GetVariable(codebookPath).NodeValue(x.Graph()))
	return Reshape(ids, x.Shape().Dim(0), z.Shape().Dim(2), z.Shape().Dim(3))
}

// picture is the decoder's graph: int32 [B, h, w] to bytes [B, H, W, 3].
func (m *Model) picture(scope *model.Scope, ids *Node) *Node {
	b, h, w := ids.Shape().Dim(0), ids.Shape().Dim(1), ids.Shape().Dim(2)
	codes := scope.Store().GetVariable(codebookPath).NodeValue(ids.Graph())
	vectors := Gather(codes, Reshape(ids, b, h*w, 1))  // [B, h·w, E]
	levels := affine{scale: 127.5, shift: 127.5 + 0.5} // to [0, 255], rounded by the conversion to uint8
	x, _ := m.Config.decode(scope.At(generatorScope).In("decoder"), toGrid(vectors, h, w), levels)
	return TransposeAllDims(ConvertDType(ClipScalar(x, 0, 255.5), dtypes.Uint8), 0, 2, 3, 1)
}

// loaded is the store with the weights' values.
func (m *Model) loaded() (*model.Store, error) {
	if m.source == nil {
		return m.store, nil
	}
	store := model.NewStore()
	for v := range m.store.IterVariables() {
		dims := v.Shape().Dimensions
		values, err := m.source(v.Path(), dims)
		if err != nil {
			return nil, fmt.Errorf("read the weights: %w", err)
		}
		if _, err := store.CreateVariable(v.Path(), tensors.FromFlatDataAndDimensions(values, dims...)); err != nil {
			return nil, fmt.Errorf("read the weights: %w", err)
		}
	}
	return store, nil
}

// Encoder returns a function from n pictures' bytes [n, H, W, 3] to their
// tokens, [n, h, w] in raster order. n must be the same at every call.
func (m *Model) Encoder(backend compute.Backend) (func(bytes []uint8, n int) ([]int32, error), error) {
	store, err := m.loaded()
	if err != nil {
		return nil, err
	}
	exec, err := model.NewExec(backend, store, func(scope *model.Scope, bytes *Node) *Node {
		return m.tokens(scope, toFloat(bytes))
	})
	if err != nil {
		return nil, fmt.Errorf("build the encoder: %w", err)
	}
	return onImages[int32](exec, m.Size), nil
}

// Decoder returns a function from n grids of tokens [n, h, w] to pictures' bytes
// [n, H, W, 3]. n must be the same at every call.
func (m *Model) Decoder(backend compute.Backend) (func(ids []int32, n int) ([]uint8, error), error) {
	store, err := m.loaded()
	if err != nil {
		return nil, err
	}
	exec, err := model.NewExec(backend, store, m.picture)
	if err != nil {
		return nil, fmt.Errorf("build the decoder: %w", err)
	}
	return func(ids []int32, n int) ([]uint8, error) {
		side := m.Size / m.Config.Factor()
		out, err := exec.Exec(tensors.FromFlatDataAndDimensions(ids, n, side, side))
		if err != nil {
			return nil, fmt.Errorf("run the decoder: %w", err)
		}
		defer out[0].FinalizeAll()
		return tensors.CopyFlatData[uint8](out[0])
	}, nil
}

// ExportEncoder returns encoder.onnx: image float32 [1, 3, H, W] over [-1, 1] to
// tokens int32 [1, h, w]. The batch size is fixed at 1, because the ONNX backend has no
// convolution with a dynamic one; a single picture keeps all cores busy.
func (m *Model) ExportEncoder(backend compute.Backend) (onnxfile.Network, error) {
	return engine.ExportONNX(backend, m.store, m.source, m.tokens, encoderInputs, encoderOutputs, m.pictureShape())
}

// ExportDecoder returns decoder.onnx: tokens int32 [1, h, w] to image uint8
// [1, H, W, 3].
func (m *Model) ExportDecoder(backend compute.Backend) (onnxfile.Network, error) {
	return engine.ExportONNX(backend, m.store, m.source, m.picture, decoderInputs, decoderOutputs, m.latentShape())
}

// The names of the files' inputs and outputs.
var (
	encoderInputs, encoderOutputs = []string{"image"}, []string{"tokens"}
	decoderInputs, decoderOutputs = []string{"tokens"}, []string{"image"}
)

func (m *Model) pictureShape() shapes.Shape { return shapes.Make(dtypes.Float32, 1, 3, m.Size, m.Size) }

func (m *Model) latentShape() shapes.Shape {
	side := m.Size / m.Config.Factor()
	return shapes.Make(dtypes.Int32, 1, side, side)
}
