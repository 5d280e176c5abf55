package onnxfile

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// External is a tensor whose elements lie in a file of the model's folder (ONNX's
// external data), because a protobuf holds no more than 2 GB.
type External struct {
	Tensor string // its name
	File   string // in the model's folder
	Offset int64  // of the elements, in bytes
	Length int64  // in bytes; -1 for the rest of the file
}

// Externals lists the external data of a model, wherever in the graph it is named. A name
// that leads out of the folder, or a place that no file can have, is an error.
func Externals(graph []byte) ([]External, error) {
	var found []External
	err := walk(graph, modelMessage, maxDepth, func(tensor []byte) error {
		external, ok, err := parseExternal(tensor)
		if ok {
			found = append(found, external)
		}
		return err
	})
	return found, err
}

// message is a kind of message of onnx.proto that contains tensors.
type message int

const (
	modelMessage message = iota
	trainingMessage
	graphMessage
	functionMessage
	nodeMessage
	attributeMessage
	sparseMessage
	tensorMessage
)

// contents says by which fields a message contains others, on the way to the tensors.
var contents = map[message]map[protowire.Number]message{
	modelMessage:    {modelGraph: graphMessage, 20: trainingMessage, 25: functionMessage},
	trainingMessage: {1: graphMessage, 2: graphMessage},
	graphMessage:    {graphNode: nodeMessage, graphInitializer: tensorMessage, 15: sparseMessage},
	functionMessage: {7: nodeMessage, 11: attributeMessage},
	nodeMessage:     {5: attributeMessage},
	attributeMessage: {
		5: tensorMessage, 10: tensorMessage, 6: graphMessage, 11: graphMessage, 22: sparseMessage, 23: sparseMessage,
	},
	sparseMessage: {1: tensorMessage, 2: tensorMessage},
}

// maxDepth is how deep messages may lie in each other. It is the limit of the protobuf
// library that ONNX Runtime uses.
const maxDepth = 100

// walk calls visit for every tensor in a message.
func walk(value []byte, kind message, depth int, visit func(tensor []byte) error) error {
	if kind == tensorMessage {
		return visit(value)
	}
	if depth == 0 {
		return errors.New("the graph is nested too deeply")
	}
	for f, err := range fields(value) {
		if err != nil {
			return fmt.Errorf("not a complete ONNX file: %w", err)
		}
		if inner, ok := contents[kind][f.number]; ok && f.value != nil {
			if err := walk(f.value, inner, depth-1, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseExternal returns where a tensor's elements lie, and whether that is a file.
func parseExternal(tensor []byte) (External, bool, error) {
	external := External{Length: -1}
	found, seen := false, map[string]bool{}
	for f, err := range fields(tensor) {
		if err != nil {
			return External{}, false, err
		}
		switch f.number {
		case tensorName:
			external.Tensor = string(f.value)
		case tensorDataLocation:
			_, _, tag := protowire.ConsumeTag(f.raw)
			location, _ := protowire.ConsumeVarint(f.raw[tag:])
			found = found || location != 0
		case tensorExternalData:
			found = true
			key, value, err := parseEntry(f.value)
			if err == nil && seen[key] {
				err = fmt.Errorf("%s has two values", key)
			}
			if err == nil {
				seen[key] = true
				err = external.set(key, value)
			}
			if err != nil {
				return External{}, false, fmt.Errorf("tensor %q: %w", external.Tensor, err)
			}
		}
	}
	if found && external.File == "" {
		return External{}, false, fmt.Errorf("tensor %q: it names no file", external.Tensor)
	}
	return external, found, nil
}

// parseEntry reads a StringStringEntryProto.
func parseEntry(entry []byte) (key, value string, err error) {
	for f, err := range fields(entry) {
		if err != nil {
			return "", "", err
		}
		switch f.number {
		case 1:
			key = string(f.value)
		case 2:
			value = string(f.value)
		}
	}
	return key, value, nil
}

// set takes one entry of external_data.
func (e *External) set(key, value string) (err error) {
	switch key {
	case "location":
		e.File = value
		if value != filepath.Base(value) || !filepath.IsLocal(value) || value == "." {
			return fmt.Errorf("%q is not the name of a file in the model's folder", value)
		}
	case "offset":
		e.Offset, err = parseBytes(value)
	case "length":
		e.Length, err = parseBytes(value)
	case "checksum": // the runtime does not look at it either
	default:
		return fmt.Errorf("external data has an unknown key %q", key)
	}
	if err != nil {
		return fmt.Errorf("%s %q is not a number of bytes", key, value)
	}
	return nil
}

func parseBytes(value string) (int64, error) {
	n, err := strconv.ParseUint(value, 10, 63)
	return int64(n), err
}
