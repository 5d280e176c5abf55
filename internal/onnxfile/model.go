package onnxfile

// Model is an ONNX file, with the folder of the files that hold its large weights.
type Model struct {
	Graph  []byte // the file: all of the model but its external data
	Folder string // of the files of external data; "" if all weights are in Graph
}
