package bundle

import (
	"fmt"
	"slices"
	"strings"

	"sundae/internal/onnxfile"
)

// The contract between a manifest and its ONNX files. B is the batch size,
// dynamic or fixed, N = h·w the number of tokens, V the vocabulary, H×W the image.
//
//	prior.onnx    tokens int32 [B,N], uniform float32 [B,N], update bool [B,N], temperature float32 [B], class int32 [B]
//	              -> next int32 [B,N], confidence float32 [B,N]
//	  or          tokens int32 or int64 [B,N], class int32 or int64 [B]
//	              -> logits float32 [B,N,V]
//	decoder.onnx  tokens int32 [B,h,w] -> image uint8 [B,H,W,3] or float32 [B,3,H,W] in [-1,1]
//	encoder.onnx  image float32 [B,3,H,W] in [-1,1] -> tokens int32 [B,h,w]
//
// prior.onnx may be absent. class exists if the manifest names C classes: 0 to C-1, and C
// for any unless no_any_class is set.

// required is a tensor that the contract asks for, in one of several forms.
type required []onnxfile.Tensor

func either(name string, shape []int64, types ...onnxfile.Type) required {
	var forms required
	for _, t := range types {
		forms = append(forms, onnxfile.Tensor{Name: name, Type: t, Shape: shape})
	}
	return forms
}

// check compares the files' inputs and outputs with the manifest.
func (b *Bundle) check() error {
	for _, file := range []string{PriorFile, DecoderFile, EncoderFile} {
		if file == PriorFile && !b.Manifest.HasPrior() {
			continue
		}
		inputs, outputs, err := onnxfile.Describe(b.models[file].Graph)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		wantIn, wantOut := b.Manifest.contract(file, outputs)
		err = compare(file, "input", inputs, wantIn)
		if err == nil { // the first mismatch is enough: with several it is an unrelated file
			err = compare(file, "output", outputs, wantOut)
		}
		if err == nil {
			err = sameBatch(file, slices.Concat(inputs, outputs))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contract returns the inputs and outputs that a file must have by this manifest.
// A prior's outputs tell which of the two kinds it is.
func (m Manifest) contract(file string, outputs []onnxfile.Tensor) (in, out []required) {
	const b = onnxfile.Dynamic
	n, h, w, side := int64(m.Latent.Tokens()), int64(m.Latent.Height), int64(m.Latent.Width), int64(m.ImageSize)
	planes, grid := []int64{b, 3, side, side}, []int64{b, h, w}
	switch file {
	case DecoderFile:
		image := append(either("image", []int64{b, side, side, 3}, onnxfile.Uint8), either("image", planes, onnxfile.Float32)...)
		return []required{either("tokens", grid, onnxfile.Int32)}, []required{image}
	case EncoderFile:
		return []required{either("image", planes, onnxfile.Float32)}, []required{either("tokens", grid, onnxfile.Int32)}
	}
	ids := []onnxfile.Type{onnxfile.Int32}
	if slices.ContainsFunc(outputs, func(t onnxfile.Tensor) bool { return t.Name == "logits" }) {
		ids = append(ids, onnxfile.Int64)
		out = []required{either("logits", []int64{b, n, int64(m.Vocabulary)}, onnxfile.Float32)}
	} else {
		in = []required{
			either("uniform", []int64{b, n}, onnxfile.Float32), either("update", []int64{b, n}, onnxfile.Bool),
			either("temperature", []int64{b}, onnxfile.Float32),
		}
		out = []required{either("next", []int64{b, n}, onnxfile.Int32), either("confidence", []int64{b, n}, onnxfile.Float32)}
	}
	in = append(in, either("tokens", []int64{b, n}, ids...))
	if len(m.Classes) > 0 {
		in = append(in, either("class", []int64{b}, ids...))
	}
	return in, out
}

// compare returns an error for the first tensor that is missing, different or
// unknown.
func compare(file, kind string, found []onnxfile.Tensor, want []required) error {
	for _, forms := range want {
		i := slices.IndexFunc(found, func(t onnxfile.Tensor) bool { return t.Name == forms[0].Name })
		if i < 0 {
			return fmt.Errorf("%s has no %s %s: it must be %s, and the file has %s", file, kind, forms[0].Name, forms, list(found))
		}
		if !slices.ContainsFunc(forms, func(form onnxfile.Tensor) bool { return fits(found[i], form) }) {
			return fmt.Errorf("%s has the %s %v: according to %s it must be %s", file, kind, found[i], ManifestFile, forms)
		}
	}
	for _, t := range found {
		if !slices.ContainsFunc(want, func(forms required) bool { return forms[0].Name == t.Name }) {
			return fmt.Errorf("%s has the %s %v, which is not part of the contract: export the model without it", file, kind, t)
		}
	}
	return nil
}

// fits reports whether a tensor has the wanted type and shape. Axes that the file
// leaves open are checked when the model runs.
func fits(got, want onnxfile.Tensor) bool {
	if got.Type != want.Type || got.Shape != nil && len(got.Shape) != len(want.Shape) {
		return false
	}
	for i, d := range got.Shape {
		if d != onnxfile.Dynamic && want.Shape[i] != onnxfile.Dynamic && d != want.Shape[i] {
			return false
		}
	}
	return true
}

// sameBatch returns an error if the tensors of a file have different batch sizes.
func sameBatch(file string, tensors []onnxfile.Tensor) error {
	first := tensors[0]
	for _, t := range tensors {
		if t.Shape != nil && first.Shape != nil && t.Shape[0] != first.Shape[0] && t.Shape[0] != onnxfile.Dynamic {
			return fmt.Errorf("%s mixes batch sizes: %v and %v", file, first, t)
		}
	}
	return nil
}

// String is "tokens int32 [B,1024] or tokens int64 [B,1024]".
func (r required) String() string {
	var forms []string
	for _, t := range r {
		forms = append(forms, strings.Replace(t.String(), "?", "B", 1))
	}
	return strings.Join(forms, " or ")
}

func list(tensors []onnxfile.Tensor) string {
	var texts []string
	for _, t := range tensors {
		texts = append(texts, t.String())
	}
	return strings.Join(texts, ", ")
}
