package ort

import (
	"fmt"
	"slices"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/onnxfile"
)

// CountFLOPs counts the additions and multiplications of one run of a model on a
// batch of one, see [onnxfile.FLOPs]. It runs the model once, on the CPU.
func (rt *Runtime) CountFLOPs(file onnxfile.Model) (int64, error) {
	return onnxfile.FLOPs(file.Graph, func(graph []byte, outputs []string) ([][]int64, error) {
		return runOnZeros(onnxfile.Model{Graph: graph, Folder: file.Folder}, outputs)
	})
}

// runOnZeros runs a model on zeros, with open axes at 1, and returns the elements of
// the named outputs, which are int64.
func runOnZeros(file onnxfile.Model, outputs []string) ([][]int64, error) {
	inputs, _, err := onnxfile.Describe(file.Graph)
	if err != nil {
		return nil, err
	}
	var values []onnxruntime.Value
	defer func() { destroy(values) }()
	for _, t := range inputs {
		shape := slices.Clone(t.Shape)
		for i, d := range shape {
			if d == onnxfile.Dynamic {
				shape[i] = 1
			}
		}
		v, _, err := newTensor(t.Type, shape)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", t, err)
		}
		values = append(values, v)
	}
	options, err := sessionOptions(cpu, 0, 0)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	// Arranging the weights for fast products takes longer than the one run, and as much
	// memory as the weights.
	if err := options.AddSessionConfigEntry("session.disable_prepacking", "1"); err != nil {
		return nil, shortError(err)
	}
	session, err := newORTSession(file, names(inputs), outputs, options)
	if err != nil {
		return nil, err
	}
	defer session.Destroy()
	results := make([]onnxruntime.Value, len(outputs)) // nil: the runtime allocates them
	if err := session.Run(values, results); err != nil {
		return nil, shortError(err)
	}
	defer destroy(results)
	elements := make([][]int64, len(results))
	for i, v := range results {
		tensor, ok := v.(*onnxruntime.Tensor[int64])
		if !ok {
			return nil, fmt.Errorf("output %s is not int64", outputs[i])
		}
		elements[i] = slices.Clone(tensor.GetData())
	}
	return elements, nil
}
