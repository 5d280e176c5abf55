package bundle

import (
	"fmt"
	"slices"
	"strings"

	"sundae/internal/onnx"
)

// The contract between a manifest and its three ONNX files. B is the batch,
// open or fixed, N = h·w the tokens, V the vocabulary, H×W the picture.
//
//	prior.onnx    tokens int32 [B,N], uniform float32 [B,N], update bool [B,N], temperature float32 [B], class int32 [B]
//	              -> next int32 [B,N], confidence float32 [B,N]
//	  or          tokens int32 or int64 [B,N], class int32 or int64 [B]
//	              -> logits float32 [B,N,V]
//	decoder.onnx  tokens int32 [B,h,w] -> image uint8 [B,H,W,3] or float32 [B,3,H,W] in [-1,1]
//	encoder.onnx  image float32 [B,3,H,W] in [-1,1] -> tokens int32 [B,h,w]
//
// class is there when the manifest names classes: 0 to C-1, and C for any.

// one is a tensor that the contract asks for, in one form or another.
type one []onnx.Tensor

func either(name string, shape []int64, types ...onnx.Type) one {
	var forms one
	for _, t := range types {
		forms = append(forms, onnx.Tensor{Name: name, Type: t, Shape: shape})
	}
	return forms
}

// check compares the files' inputs and outputs with the manifest.
func (b *Bundle) check() error {
	for _, file := range []string{PriorFile, DecoderFile, EncoderFile} {
		inputs, outputs, err := onnx.Describe(b.models[file])
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		wantIn, wantOut := b.Manifest.contract(file, outputs)
		err = compare(file, "input", inputs, wantIn)
		if err == nil { // the first fault is enough: a file with several is another file altogether
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

// contract is what a file of this manifest takes and gives. A prior's outputs
// tell which of the two kinds it is.
func (m Manifest) contract(file string, outputs []onnx.Tensor) (in, out []one) {
	const b = onnx.Dynamic
	n, h, w, side := int64(m.Latent.Tokens()), int64(m.Latent.Height), int64(m.Latent.Width), int64(m.ImageSize)
	planes, grid := []int64{b, 3, side, side}, []int64{b, h, w}
	switch file {
	case DecoderFile:
		image := append(either("image", []int64{b, side, side, 3}, onnx.Uint8), either("image", planes, onnx.Float32)...)
		return []one{either("tokens", grid, onnx.Int32)}, []one{image}
	case EncoderFile:
		return []one{either("image", planes, onnx.Float32)}, []one{either("tokens", grid, onnx.Int32)}
	}
	ids := []onnx.Type{onnx.Int32}
	if slices.ContainsFunc(outputs, func(t onnx.Tensor) bool { return t.Name == "logits" }) {
		ids = append(ids, onnx.Int64)
		out = []one{either("logits", []int64{b, n, int64(m.Vocabulary)}, onnx.Float32)}
	} else {
		in = []one{
			either("uniform", []int64{b, n}, onnx.Float32), either("update", []int64{b, n}, onnx.Bool),
			either("temperature", []int64{b}, onnx.Float32),
		}
		out = []one{either("next", []int64{b, n}, onnx.Int32), either("confidence", []int64{b, n}, onnx.Float32)}
	}
	in = append(in, either("tokens", []int64{b, n}, ids...))
	if len(m.Classes) > 0 {
		in = append(in, either("class", []int64{b}, ids...))
	}
	return in, out
}

// compare says in one sentence what is missing, different or too much.
func compare(file, kind string, found []onnx.Tensor, want []one) error {
	for _, forms := range want {
		i := slices.IndexFunc(found, func(t onnx.Tensor) bool { return t.Name == forms[0].Name })
		if i < 0 {
			return fmt.Errorf("%s has no %s %s: it must be %s, and the file has %s", file, kind, forms[0].Name, forms, list(found))
		}
		if !slices.ContainsFunc(forms, func(form onnx.Tensor) bool { return fits(found[i], form) }) {
			return fmt.Errorf("%s has the %s %v: by %s it must be %s", file, kind, found[i], ManifestFile, forms)
		}
	}
	for _, t := range found {
		if !slices.ContainsFunc(want, func(forms one) bool { return forms[0].Name == t.Name }) {
			return fmt.Errorf("%s has the %s %v, which a model of this kind does not have: export it without", file, kind, t)
		}
	}
	return nil
}

// fits leaves to the run what the file leaves open.
func fits(got, want onnx.Tensor) bool {
	if got.Type != want.Type || got.Shape != nil && len(got.Shape) != len(want.Shape) {
		return false
	}
	for i, d := range got.Shape {
		if d != onnx.Dynamic && want.Shape[i] != onnx.Dynamic && d != want.Shape[i] {
			return false
		}
	}
	return true
}

// sameBatch finds tensors of one file exported for different batches.
func sameBatch(file string, tensors []onnx.Tensor) error {
	first := tensors[0]
	for _, t := range tensors {
		if t.Shape != nil && first.Shape != nil && t.Shape[0] != first.Shape[0] && t.Shape[0] != onnx.Dynamic {
			return fmt.Errorf("%s mixes batches: %v and %v", file, first, t)
		}
	}
	return nil
}

// String is "tokens int32 [B,1024] or tokens int64 [B,1024]".
func (o one) String() string {
	var forms []string
	for _, t := range o {
		forms = append(forms, strings.Replace(t.String(), "?", "B", 1))
	}
	return strings.Join(forms, " or ")
}

func list(tensors []onnx.Tensor) string {
	var texts []string
	for _, t := range tensors {
		texts = append(texts, t.String())
	}
	return strings.Join(texts, ", ")
}
