package engine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/google/renameio/v2"

	"sundae/train/safetensors"
)

// A checkpoint is one safetensors file: the header's length in eight little-endian bytes,
// a JSON header with each tensor's dtype, shape and offsets, then the data. It holds
// everything that a run needs to continue (weights, moments, averages, and the step in the
// metadata), and any tool that reads safetensors reads it.

var safetensorsNames = map[dtypes.DType]string{
	dtypes.Float32: "F32", dtypes.Float64: "F64", dtypes.Float16: "F16", dtypes.Int32: "I32",
	dtypes.Int64: "I64", dtypes.Uint8: "U8", dtypes.Bool: "BOOL",
}

// Save writes every variable of store and meta to path, atomically: the file is written
// under a temporary name, synced and renamed.
func Save(path string, store *model.Store, meta map[string]string) error {
	if err := save(path, store, meta); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", path, err)
	}
	return nil
}

func save(path string, store *model.Store, meta map[string]string) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer file.Cleanup()
	if err := write(file, store, meta); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// write writes the file to out.
func write(out io.Writer, store *model.Store, meta map[string]string) error {
	entries := map[string]safetensors.Entry{}
	var values []*tensors.Tensor
	var offset int64
	for v := range store.IterVariables() {
		value, err := v.Value()
		if err != nil {
			return err
		}
		name, ok := safetensorsNames[value.DType()]
		if !ok {
			return fmt.Errorf("variable %s has dtype %s, which safetensors does not know", v.Path(), value.DType())
		}
		size := value.ByteSize()
		entries[v.Path()] = safetensors.Entry{DType: name, Shape: value.Shape().Dimensions, Offsets: [2]int64{offset, offset + size}}
		offset += size
		values = append(values, value)
	}
	w := bufio.NewWriterSize(out, 1<<20)
	if err := safetensors.WriteHeader(w, entries, meta); err != nil {
		return err
	}
	for _, value := range values {
		var writeErr error
		if err := value.ConstBytes(func(data []byte) { _, writeErr = w.Write(data) }); err != nil {
			return err
		}
		if writeErr != nil {
			return writeErr
		}
	}
	return w.Flush()
}

// Load reads a checkpoint into store, which must not hold its variables yet, and returns
// the metadata. For a missing file the error matches fs.ErrNotExist.
func Load(path string, store *model.Store) (map[string]string, error) {
	return loadSelected(path, store, everything)
}

// selection returns the path of the variable that a checkpoint's tensor becomes, or "" to
// pass over it.
type selection func(name string, header safetensors.Header) string

func everything(name string, _ safetensors.Header) string { return name }

// loadSelected reads a part of a checkpoint as Load reads all of it.
func loadSelected(path string, store *model.Store, as selection) (map[string]string, error) {
	meta, err := load(path, store, as)
	if err != nil {
		return nil, fmt.Errorf("load checkpoint %s: %w", path, err)
	}
	return meta, nil
}

func load(path string, store *model.Store, as selection) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	header, err := safetensors.ReadHeader(file, info.Size())
	if err != nil {
		return nil, err
	}
	var at int64
	for _, name := range header.Names() {
		entry := header.Entries[name]
		if entry.Offsets[0] != at {
			return nil, fmt.Errorf("tensor %s starts at byte %d, expected %d", name, entry.Offsets[0], at)
		}
		at = entry.Offsets[1]
		variable := as(name, header)
		if variable == "" {
			continue
		}
		tensor, err := readTensor(io.NewSectionReader(file, header.Data+entry.Offsets[0], entry.Offsets[1]-entry.Offsets[0]), entry)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		if _, err := store.CreateVariable(variable, tensor); err != nil {
			return nil, err
		}
	}
	return header.Metadata, nil
}

func readTensor(r io.Reader, entry safetensors.Entry) (*tensors.Tensor, error) {
	dtype := dtypes.InvalidDType
	for known, name := range safetensorsNames {
		if name == entry.DType {
			dtype = known
		}
	}
	if dtype == dtypes.InvalidDType {
		return nil, fmt.Errorf("unknown dtype %q", entry.DType)
	}
	size := int64(dtype.Size())
	for _, dim := range entry.Shape {
		if dim < 1 || size > entry.Offsets[1] {
			return nil, fmt.Errorf("impossible shape %v", entry.Shape)
		}
		size *= int64(dim)
	}
	if size != entry.Offsets[1]-entry.Offsets[0] {
		return nil, fmt.Errorf("shape %v does not fill its %d bytes", entry.Shape, entry.Offsets[1]-entry.Offsets[0])
	}
	tensor := tensors.FromShape(shapes.Make(dtype, entry.Shape...))
	var readErr error
	if err := tensor.MutableBytes(func(data []byte) { _, readErr = io.ReadFull(r, data) }); err != nil {
		return nil, err
	}
	if errors.Is(readErr, io.ErrUnexpectedEOF) || errors.Is(readErr, io.EOF) {
		return nil, errors.New("the file is cut short")
	}
	return tensor, readErr
}
