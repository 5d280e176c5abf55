package onnxfile

import (
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields that this package looks up without parsing the whole
// file (onnx.proto).
const (
	modelGraph protowire.Number = 7 // ModelProto

	graphNode        protowire.Number = 1 // GraphProto
	graphInitializer protowire.Number = 5
	graphInput       protowire.Number = 11
	graphOutput      protowire.Number = 12

	nodeOpType protowire.Number = 4 // NodeProto

	tensorDims     protowire.Number = 1 // TensorProto
	tensorDataType protowire.Number = 2
	tensorName     protowire.Number = 8

	tensorExternalData protowire.Number = 13
	tensorDataLocation protowire.Number = 14
)

// field is one field of a protobuf message, as it stands in the file.
type field struct {
	number protowire.Number
	raw    []byte // with its tag
	value  []byte // of a string or sub-message; nil for any other kind
}

// fields iterates over a message without parsing or copying its values.
//
// The generated types parse a message as a whole, which copies every weight: up
// to 2 GB, only to read a few names. So this package walks down to the small
// messages with fields, and parses those with the generated types. After an error
// the iteration ends.
func fields(message []byte) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for len(message) > 0 {
			number, kind, tag := protowire.ConsumeTag(message)
			if tag < 0 {
				yield(field{}, protowire.ParseError(tag))
				return
			}
			size := protowire.ConsumeFieldValue(number, kind, message[tag:])
			if size < 0 {
				yield(field{}, protowire.ParseError(size))
				return
			}
			f := field{number: number, raw: message[:tag+size]}
			if kind == protowire.BytesType {
				f.value, _ = protowire.ConsumeBytes(message[tag:])
			}
			if !yield(f, nil) {
				return
			}
			message = message[tag+size:]
		}
	}
}

// graphFields iterates over the strings and sub-messages of a model's graph.
func graphFields(model []byte) iter.Seq2[field, error] {
	return func(yield func(field, error) bool) {
		for m, err := range fields(model) {
			if err != nil {
				yield(field{}, err)
				return
			}
			if m.number != modelGraph {
				continue
			}
			for f, err := range fields(m.value) {
				if err == nil && f.value == nil {
					continue
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// replace copies a message with edit applied to each sub-message of that number.
func replace(message []byte, number protowire.Number, edit func([]byte) ([]byte, error)) ([]byte, error) {
	out := make([]byte, 0, len(message))
	for f, err := range fields(message) {
		if err != nil {
			return nil, err
		}
		if f.number != number || f.value == nil {
			out = append(out, f.raw...)
			continue
		}
		edited, err := edit(f.value)
		if err != nil {
			return nil, err
		}
		out = appendMessage(out, number, edited)
	}
	return out, nil
}

func appendMessage(out []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), value)
}
