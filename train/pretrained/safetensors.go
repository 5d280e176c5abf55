package pretrained

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"sundae/train/safetensors"
)

var safetensorsTypes = map[string]elementType{
	"F32": float32Type, "F64": float64Type, "F16": float16Type, "BF16": bfloat16Type,
	"I64": int64Type, "I32": int32Type, "I16": int16Type, "I8": int8Type, "U8": uint8Type, "BOOL": boolType,
}

// isSafetensors reports whether a file of size bytes starts like one.
func isSafetensors(head []byte, size int64) bool {
	return len(head) > 9 && head[8] == '{' && binary.LittleEndian.Uint64(head) <= uint64(size-8)
}

func readSafetensors(file *os.File, size int64) (map[string]tensor, error) {
	header, err := safetensors.ReadHeader(io.NewSectionReader(file, 0, size), size)
	if err != nil {
		return nil, err
	}
	tensors := map[string]tensor{}
	for _, name := range header.Names() {
		if err := checkName(name); err != nil {
			return nil, err
		}
		entry := header.Entries[name]
		element, ok := safetensorsTypes[entry.DType]
		if !ok {
			return nil, fmt.Errorf("%s has the type %s, which can't be read: save it as float32 or float16", name, entry.DType)
		}
		bytes := entry.Offsets[1] - entry.Offsets[0]
		s := &storage{
			element: element, elements: bytes / element.width(),
			at: io.NewSectionReader(file, header.Data+entry.Offsets[0], bytes),
		}
		t, err := newTensor(s, 0, entry.Shape, contiguous(entry.Shape))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if int64(t.size())*element.width() != bytes {
			return nil, fmt.Errorf("%s of shape %v does not fill its %d bytes", name, entry.Shape, bytes)
		}
		tensors[name] = t
	}
	if len(tensors) == 0 {
		return nil, errNoTensors
	}
	return tensors, nil
}
