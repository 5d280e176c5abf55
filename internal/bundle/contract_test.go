package bundle

import (
	"path/filepath"
	"strings"
	"testing"

	"sundae/internal/onnxfile"
)

// file is an ONNX file with nothing but inputs and outputs.
func file(in, out []onnxfile.Tensor) []byte {
	return onnxfile.Graph{Name: "test", Inputs: in, Outputs: out}.Marshal()
}

func tensor(name string, t onnxfile.Type, shape ...int64) onnxfile.Tensor {
	return onnxfile.Tensor{Name: name, Type: t, Shape: shape}
}

// good returns the tensors that the test manifest asks for, as exported.
func good() (in, out map[string][]onnxfile.Tensor) {
	const b = onnxfile.Dynamic
	in = map[string][]onnxfile.Tensor{
		PriorFile: {
			tensor("tokens", onnxfile.Int32, b, 64), tensor("uniform", onnxfile.Float32, b, 64), tensor("update", onnxfile.Bool, b, 64),
			tensor("temperature", onnxfile.Float32, b), tensor("class", onnxfile.Int32, b),
		},
		DecoderFile: {tensor("tokens", onnxfile.Int32, 1, 8, 8)},
		EncoderFile: {tensor("image", onnxfile.Float32, 1, 3, 64, 64)},
	}
	out = map[string][]onnxfile.Tensor{
		PriorFile:   {tensor("next", onnxfile.Int32, b, 64), tensor("confidence", onnxfile.Float32, b, 64)},
		DecoderFile: {tensor("image", onnxfile.Uint8, 1, 64, 64, 3)},
		EncoderFile: {tensor("tokens", onnxfile.Int32, 1, 8, 8)},
	}
	return in, out
}

// models returns the good files after a change.
func models(change func(in, out map[string][]onnxfile.Tensor)) map[string][]byte {
	in, out := good()
	change(in, out)
	files := map[string][]byte{}
	for name := range in {
		files[name] = file(in[name], out[name])
	}
	return files
}

func unchanged(in, out map[string][]onnxfile.Tensor) {}

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
	const b = onnxfile.Dynamic
	for name, change := range map[string]func(in, out map[string][]onnxfile.Tensor){
		"as exported": unchanged,
		"logits, 64-bit ids": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile] = []onnxfile.Tensor{tensor("tokens", onnxfile.Int64, b, 64), tensor("class", onnxfile.Int64, b)}
			out[PriorFile] = []onnxfile.Tensor{tensor("logits", onnxfile.Float32, b, 64, 32)}
		},
		"logits, fixed batch, open axes": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile] = []onnxfile.Tensor{tensor("tokens", onnxfile.Int32, 2, b), tensor("class", onnxfile.Int32, 2)}
			out[PriorFile] = []onnxfile.Tensor{{Name: "logits", Type: onnxfile.Float32}}
		},
		"float pictures": func(in, out map[string][]onnxfile.Tensor) {
			in[DecoderFile] = []onnxfile.Tensor{tensor("tokens", onnxfile.Int32, b, 8, 8)}
			out[DecoderFile] = []onnxfile.Tensor{tensor("image", onnxfile.Float32, b, 3, 64, 64)}
		},
	} {
		if err := opened(t, models(change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The error of a file that breaks the contract says what it has and what it should have.
func TestWrongFiles(t *testing.T) {
	for want, change := range map[string]func(in, out map[string][]onnxfile.Tensor){
		"prior.onnx has the input tokens int32 [?,256]: according to model.yaml it must be tokens int32 [B,64]": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile][0] = tensor("tokens", onnxfile.Int32, -1, 256)
		},
		"prior.onnx has the input update float32 [?,64]: according to model.yaml it must be update bool [B,64]": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile][2] = tensor("update", onnxfile.Float32, -1, 64)
		},
		"prior.onnx has no input class: it must be class int32 [B], and the file has tokens int32 [?,64], uniform": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile] = in[PriorFile][:4]
		},
		"prior.onnx has the input extra int32 [?], which": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile] = append(in[PriorFile], tensor("extra", onnxfile.Int32, -1))
		},
		"prior.onnx has no output confidence": func(in, out map[string][]onnxfile.Tensor) {
			out[PriorFile] = out[PriorFile][:1]
		},
		"prior.onnx has the output logits float32 [?,64,31]: according to model.yaml it must be logits float32 [B,64,32]": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile] = []onnxfile.Tensor{in[PriorFile][0], in[PriorFile][4]}
			out[PriorFile] = []onnxfile.Tensor{tensor("logits", onnxfile.Float32, -1, 64, 31)}
		},
		"prior.onnx mixes batch sizes: tokens int32 [2,64] and uniform float32 [3,64]": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile][0], in[PriorFile][1] = tensor("tokens", onnxfile.Int32, 2, 64), tensor("uniform", onnxfile.Float32, 3, 64)
		},
		"decoder.onnx has the output image float32 [?,64,64,3]: according to model.yaml it must be image uint8 [B,64,64,3] or image float32 [B,3,64,64]": func(in, out map[string][]onnxfile.Tensor) {
			out[DecoderFile] = []onnxfile.Tensor{tensor("image", onnxfile.Float32, -1, 64, 64, 3)}
		},
		"prior.onnx has no input uniform: it must be uniform float32 [B,64], and the file has image float32 [1,3,64,64]": func(in, out map[string][]onnxfile.Tensor) {
			in[PriorFile], out[PriorFile] = in[EncoderFile], out[EncoderFile]
		},
		"encoder.onnx has no input image": func(in, out map[string][]onnxfile.Tensor) {
			in[EncoderFile] = []onnxfile.Tensor{tensor("pixels", onnxfile.Float32, 1, 3, 64, 64)}
		},
	} {
		if err := opened(t, models(change)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("want one sentence with %q, got %v", want, err)
		}
	}
	broken := models(unchanged)
	broken[EncoderFile] = broken[EncoderFile][:len(broken[EncoderFile])/2]
	if err := opened(t, broken); err == nil || !strings.Contains(err.Error(), "encoder.onnx: not a") {
		t.Errorf("half an ONNX file: %v", err)
	}
}
