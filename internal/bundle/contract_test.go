package bundle

import (
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/onnx"
)

// file is an ONNX file of which only the inputs and outputs count.
func file(in, out []onnx.Tensor) []byte {
	return onnx.Graph{Name: "test", Inputs: in, Outputs: out}.Marshal()
}

func tensor(name string, t onnx.Type, shape ...int64) onnx.Tensor {
	return onnx.Tensor{Name: name, Type: t, Shape: shape}
}

// good are the files that the test manifest asks for, in the exporter's form.
func good() (in, out map[string][]onnx.Tensor) {
	const b = onnx.Dynamic
	in = map[string][]onnx.Tensor{
		PriorFile: {
			tensor("tokens", onnx.Int32, b, 64), tensor("uniform", onnx.Float32, b, 64), tensor("update", onnx.Bool, b, 64),
			tensor("temperature", onnx.Float32, b), tensor("class", onnx.Int32, b),
		},
		DecoderFile: {tensor("tokens", onnx.Int32, 1, 8, 8)},
		EncoderFile: {tensor("image", onnx.Float32, 1, 3, 64, 64)},
	}
	out = map[string][]onnx.Tensor{
		PriorFile:   {tensor("next", onnx.Int32, b, 64), tensor("confidence", onnx.Float32, b, 64)},
		DecoderFile: {tensor("image", onnx.Uint8, 1, 64, 64, 3)},
		EncoderFile: {tensor("tokens", onnx.Int32, 1, 8, 8)},
	}
	return in, out
}

// models are the good files after a change.
func models(change func(in, out map[string][]onnx.Tensor)) map[string][]byte {
	in, out := good()
	change(in, out)
	files := map[string][]byte{}
	for name := range in {
		files[name] = file(in[name], out[name])
	}
	return files
}

func unchanged(in, out map[string][]onnx.Tensor) {}

// opened writes a bundle of the files and opens it.
func opened(t *testing.T, files map[string][]byte) error {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := Write(dir, manifest(), files); err != nil {
		t.Fatal(err)
	}
	_, err := OpenFolder(dir)
	return err
}

func TestOtherForms(t *testing.T) {
	const b = onnx.Dynamic
	for name, change := range map[string]func(in, out map[string][]onnx.Tensor){
		"as exported": unchanged,
		"logits, 64-bit ids": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile] = []onnx.Tensor{tensor("tokens", onnx.Int64, b, 64), tensor("class", onnx.Int64, b)}
			out[PriorFile] = []onnx.Tensor{tensor("logits", onnx.Float32, b, 64, 32)}
		},
		"logits, fixed batch, open axes": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile] = []onnx.Tensor{tensor("tokens", onnx.Int32, 2, b), tensor("class", onnx.Int32, 2)}
			out[PriorFile] = []onnx.Tensor{{Name: "logits", Type: onnx.Float32}}
		},
		"float pictures": func(in, out map[string][]onnx.Tensor) {
			in[DecoderFile] = []onnx.Tensor{tensor("tokens", onnx.Int32, b, 8, 8)}
			out[DecoderFile] = []onnx.Tensor{tensor("image", onnx.Float32, b, 3, 64, 64)}
		},
	} {
		if err := opened(t, models(change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file with other names, types or shapes is named with what it has and what it should have.
func TestWrongFiles(t *testing.T) {
	for want, change := range map[string]func(in, out map[string][]onnx.Tensor){
		"prior.onnx has the input tokens int32 [?,256]: by model.yaml it must be tokens int32 [B,64]": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile][0] = tensor("tokens", onnx.Int32, -1, 256)
		},
		"prior.onnx has the input update float32 [?,64]: by model.yaml it must be update bool [B,64]": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile][2] = tensor("update", onnx.Float32, -1, 64)
		},
		"prior.onnx has no input class: it must be class int32 [B], and the file has tokens int32 [?,64], uniform": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile] = in[PriorFile][:4]
		},
		"prior.onnx has the input extra int32 [?], which": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile] = append(in[PriorFile], tensor("extra", onnx.Int32, -1))
		},
		"prior.onnx has no output confidence": func(in, out map[string][]onnx.Tensor) {
			out[PriorFile] = out[PriorFile][:1]
		},
		"prior.onnx has the output logits float32 [?,64,31]: by model.yaml it must be logits float32 [B,64,32]": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile] = []onnx.Tensor{in[PriorFile][0], in[PriorFile][4]}
			out[PriorFile] = []onnx.Tensor{tensor("logits", onnx.Float32, -1, 64, 31)}
		},
		"prior.onnx mixes batches: tokens int32 [2,64] and uniform float32 [3,64]": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile][0], in[PriorFile][1] = tensor("tokens", onnx.Int32, 2, 64), tensor("uniform", onnx.Float32, 3, 64)
		},
		"decoder.onnx has the output image float32 [?,64,64,3]: by model.yaml it must be image uint8 [B,64,64,3] or image float32 [B,3,64,64]": func(in, out map[string][]onnx.Tensor) {
			out[DecoderFile] = []onnx.Tensor{tensor("image", onnx.Float32, -1, 64, 64, 3)}
		},
		"prior.onnx has no input uniform: it must be uniform float32 [B,64], and the file has image float32 [1,3,64,64]": func(in, out map[string][]onnx.Tensor) {
			in[PriorFile], out[PriorFile] = in[EncoderFile], out[EncoderFile]
		},
		"encoder.onnx has no input image": func(in, out map[string][]onnx.Tensor) {
			in[EncoderFile] = []onnx.Tensor{tensor("pixels", onnx.Float32, 1, 3, 64, 64)}
		},
	} {
		if err := opened(t, models(change)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one sentence with %q, got %v", want, err)
		}
	}
	broken := models(unchanged)
	broken[EncoderFile] = broken[EncoderFile][:len(broken[EncoderFile])/2]
	if err := opened(t, broken); err == nil || !strings.Contains(err.Error(), "encoder.onnx: this isn't") {
		t.Errorf("half an ONNX file: %v", err)
	}
}
