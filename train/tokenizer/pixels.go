package tokenizer

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/gomlx/compute"

	"sundae/internal/onnxfile"
)

// Pixels is the tokenizer without a network: a token is the grey level of a pixel, so h = w
// = S. It decodes what it has encoded to the same picture, if that is grey and has no more
// levels.
type Pixels struct {
	size   int // S
	levels int // L: level l of 0 to L-1 is the grey value 255·l/(L-1)
}

// NewPixels makes the tokenizer of pictures of size×size pixels in 2 to 256 levels.
func NewPixels(size, levels int) Pixels { return Pixels{size, levels} }

// Name gives the number of levels.
func (p Pixels) Name() string { return fmt.Sprintf("pixels of %d grey levels", p.levels) }

// The weights of ITU-R BT.601 for the luma of red, green and blue, in thousandths.
var lumaWeights = [3]int{299, 587, 114}

// luma is the grey value of a pixel, rounded to the nearest. In whole numbers, it is the
// same here and in encoder.onnx.
func luma(rgb []uint8) int {
	sum := 500
	for i, weight := range lumaWeights {
		sum += weight * int(rgb[i])
	}
	return sum / 1000
}

// level is the level that is closest to a grey value.
func (p Pixels) level(grey int) int32 { return int32((2*grey*(p.levels-1) + 255) / 510) }

// grey is the grey value of a level.
func (p Pixels) grey(level int32) uint8 {
	top := p.levels - 1
	return uint8((2*255*int(level) + top) / (2 * top))
}

// Encode implements Tokenizer.
func (p Pixels) Encode(_ context.Context, bytes []uint8, n int) ([]int32, error) {
	ids := make([]int32, n*p.size*p.size)
	for i := range ids {
		ids[i] = p.level(luma(bytes[3*i:]))
	}
	return ids, nil
}

// Decode implements Tokenizer.
func (p Pixels) Decode(_ context.Context, ids []int32, n int) ([]uint8, error) {
	bytes := make([]uint8, 0, 3*len(ids))
	for _, id := range ids {
		grey := p.grey(id)
		bytes = append(bytes, grey, grey, grey)
	}
	return bytes, nil
}

// Export implements Tokenizer with two look-ups.
func (p Pixels) Export(compute.Backend) (encoder, decoder onnxfile.File, err error) {
	return onnxfile.Model{Graph: p.encoder().Marshal()}, onnxfile.Model{Graph: p.decoder().Marshal()}, nil
}

// encoder converts colours in [-1, 1] to bytes and luma in whole numbers, and looks the
// luma's level up.
func (p Pixels) encoder() onnxfile.Graph {
	side := int64(p.size)
	levels := make([]int32, 256)
	for grey := range levels {
		levels[grey] = p.level(grey)
	}
	return onnxfile.Graph{
		Name:    "pixels to grey levels",
		Inputs:  []onnxfile.Tensor{{Name: "image", Type: onnxfile.Float32, Shape: []int64{onnxfile.Dynamic, 3, side, side}}},
		Outputs: []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{onnxfile.Dynamic, side, side}}},
		Weights: []onnxfile.Weight{
			onnxfile.Floats("half", nil, []float32{127.5}), onnxfile.Floats("lowest", nil, []float32{0}), onnxfile.Floats("highest", nil, []float32{255}),
			int32s("weights", []int64{3, 1, 1}, int32(lumaWeights[0]), int32(lumaWeights[1]), int32(lumaWeights[2])),
			int32s("rounding", nil, 500), int32s("thousand", nil, 1000), int32s("levels", []int64{256}, levels...), int64s("channels", 1),
		},
		Nodes: []onnxfile.Node{
			{Op: "Mul", In: []string{"image", "half"}, Out: []string{"scaled"}},
			{Op: "Add", In: []string{"scaled", "half"}, Out: []string{"shifted"}},
			{Op: "Round", In: []string{"shifted"}, Out: []string{"rounded"}},
			{Op: "Clip", In: []string{"rounded", "lowest", "highest"}, Out: []string{"clipped"}},
			{Op: "Cast", In: []string{"clipped"}, Out: []string{"bytes"}, Ints: map[string]int{"to": int(onnxfile.Int32)}}, // [B, 3, S, S]
			{Op: "Mul", In: []string{"bytes", "weights"}, Out: []string{"weighted"}},
			{Op: "ReduceSum", In: []string{"weighted", "channels"}, Out: []string{"sum"}, Ints: map[string]int{"keepdims": 0}}, // [B, S, S]
			{Op: "Add", In: []string{"sum", "rounding"}, Out: []string{"thousandths"}},
			{Op: "Div", In: []string{"thousandths", "thousand"}, Out: []string{"luma"}},
			{Op: "Gather", In: []string{"levels", "luma"}, Out: []string{"tokens"}},
		},
	}
}

// decoder looks a level's colour up.
func (p Pixels) decoder() onnxfile.Graph {
	side, top := int64(p.size), int64(p.levels)
	colours := onnxfile.Weight{Tensor: onnxfile.Tensor{Name: "colours", Type: onnxfile.Uint8, Shape: []int64{top, 3}}}
	for level := range int32(p.levels) {
		grey := p.grey(level)
		colours.Raw = append(colours.Raw, grey, grey, grey)
	}
	return onnxfile.Graph{
		Name:    "grey levels to pixels",
		Inputs:  []onnxfile.Tensor{{Name: "tokens", Type: onnxfile.Int32, Shape: []int64{onnxfile.Dynamic, side, side}}},
		Outputs: []onnxfile.Tensor{{Name: "image", Type: onnxfile.Uint8, Shape: []int64{onnxfile.Dynamic, side, side, 3}}},
		Weights: []onnxfile.Weight{colours},
		Nodes:   []onnxfile.Node{{Op: "Gather", In: []string{"colours", "tokens"}, Out: []string{"image"}}},
	}
}

func int32s(name string, shape []int64, values ...int32) onnxfile.Weight {
	w := onnxfile.Weight{Tensor: onnxfile.Tensor{Name: name, Type: onnxfile.Int32, Shape: shape}}
	for _, v := range values {
		w.Raw = binary.LittleEndian.AppendUint32(w.Raw, uint32(v))
	}
	return w
}

func int64s(name string, values ...int64) onnxfile.Weight {
	w := onnxfile.Weight{Tensor: onnxfile.Tensor{Name: name, Type: onnxfile.Int64, Shape: []int64{int64(len(values))}}}
	for _, v := range values {
		w.Raw = binary.LittleEndian.AppendUint64(w.Raw, uint64(v))
	}
	return w
}

// Training implements Tokenizer: there is nothing to train.
func (Pixels) Training() Training { return Training{} }

// Close implements Tokenizer.
func (Pixels) Close() {}
