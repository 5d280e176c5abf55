package pretrained

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// What a pickle may hold. A checkpoint of a thousand tensors with optimizer state takes
// about 200,000 operations; each costs up to some hundred bytes of memory.
const (
	maxPickle     = 32 << 20 // bytes
	maxOperations = 2_000_000
	maxMarks      = 10_000 // open lists, dictionaries and tuples
	maxNumber     = 1000   // characters of a number
)

var errPickle = errors.New("the file is damaged: its pickle can't be read; download it again")

// unpickle reads one pickle from r, up to its end and no further. load gives the values of
// persistent ids, which are storages; it is nil where there are none.
func unpickle(r io.Reader, load func(id any) (any, error)) (value any, err error) {
	text, err := scan(r)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(text, []byte("_array_reconstructor")) {
		return nil, errors.New("its pickle holds arrays of Python, which weights don't: save the model's state_dict()") // gopickle would copy each, as often as it is asked to
	}
	defer func() {
		if recover() != nil { // gopickle does on nonsense that it doesn't expect
			value, err = nil, errPickle
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(text))
	u.FindClass = findClass
	u.PersistentLoad = load
	value, err = u.Load()
	var ours viewError
	if err != nil && !errors.As(err, &ours) {
		return nil, errPickle // gopickle's errors quote objects, of any size
	}
	return value, err
}

// viewError is an error about a tensor, worth showing.
type viewError struct{ error }

// scan reads the bytes of one pickle without interpreting them. It checks the lengths that
// the operations name, which gopickle would allocate before it looks for the data.
func scan(r io.Reader) ([]byte, error) {
	s := scanner{r: r}
	for range maxOperations {
		done, err := s.operation()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return nil, errTruncated
		case err != nil:
			return nil, err
		case done:
			return s.text.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("its pickle has more than %d operations: it is damaged or no checkpoint", maxOperations)
}

type scanner struct {
	r     io.Reader
	text  bytes.Buffer // what was read
	marks int
}

// read reads n more bytes.
func (s *scanner) read(n uint64) ([]byte, error) {
	start := s.text.Len()
	if n > maxPickle || start+int(n) > maxPickle {
		return nil, fmt.Errorf("its pickle is larger than %d MB: it is damaged or no checkpoint", maxPickle>>20)
	}
	if _, err := io.CopyN(&s.text, s.r, int64(n)); err != nil {
		return nil, err
	}
	return s.text.Bytes()[start:], nil
}

// readLine reads to the end of a line.
func (s *scanner) readLine() error {
	for {
		b, err := s.read(1)
		if err != nil || b[0] == '\n' {
			return err
		}
	}
}

// counted reads a length in width bytes, and as many bytes more.
func (s *scanner) counted(width int) error {
	b, err := s.read(uint64(width))
	if err != nil {
		return err
	}
	var length [8]byte
	copy(length[:], b)
	_, err = s.read(binary.LittleEndian.Uint64(length[:]))
	return err
}

// operation reads one operation and reports whether it is the last. The letters are those
// of Python's pickletools.
func (s *scanner) operation() (done bool, err error) {
	b, err := s.read(1)
	if err != nil {
		return false, err
	}
	switch b[0] {
	case '.':
		return true, nil
	case '(':
		if s.marks++; s.marks > maxMarks {
			return false, errPickle
		}
	case 't', 'l', 'd', 'e', 'u', '1', 'o', 0x90, 0x91:
		s.marks--
	case 'i':
		s.marks--
		err = errors.Join(s.readLine(), s.readLine())
	case 'c':
		err = errors.Join(s.readLine(), s.readLine())
	case 'I', 'L', 'F', 'g', 'p':
		start := s.text.Len()
		if err = s.readLine(); err == nil && s.text.Len()-start > maxNumber {
			err = errPickle
		}
	case 'S', 'V', 'P':
		err = s.readLine()
	case 'K', 'h', 'q', 0x80, 0x82:
		_, err = s.read(1)
	case 'M', 0x83:
		_, err = s.read(2)
	case 'J', 'j', 'r', 0x84:
		_, err = s.read(4)
	case 'G':
		_, err = s.read(8)
	case 0x95: // a frame: what it holds is read as the operations that follow
		if b, err = s.read(8); err == nil && binary.LittleEndian.Uint64(b) > maxPickle {
			err = errPickle
		}
	case 'U', 'C', 0x8c, 0x8a:
		err = s.counted(1)
	case 'T', 'B', 'X':
		err = s.counted(4)
	case 0x8b: // an integer with more than 255 bytes, which gopickle reads in quadratic time
		err = errPickle
	case 0x8d, 0x8e, 0x96:
		err = s.counted(8)
	}
	return false, err
}

// findClass gives what stands for a class or a function of a pickle.
func findClass(module, name string) (any, error) {
	switch module {
	case "torch", "torch.storage":
		if element, ok := storageTypes[name]; ok {
			return element, nil
		}
	case "torch._utils":
		switch name {
		case "_rebuild_tensor", "_rebuild_tensor_v2":
			return rebuildTensor{}, nil
		case "_rebuild_parameter", "_rebuild_parameter_with_state":
			return rebuildParameter{}, nil
		}
	case "torch._tensor":
		if name == "_rebuild_from_type_v2" {
			return rebuildFromType{}, nil
		}
	}
	return unknown{}, nil
}

var storageTypes = map[string]elementType{
	"FloatStorage": float32Type, "DoubleStorage": float64Type, "HalfStorage": float16Type, "BFloat16Storage": bfloat16Type,
	"LongStorage": int64Type, "IntStorage": int32Type, "ShortStorage": int16Type, "CharStorage": int8Type,
	"ByteStorage": uint8Type, "BoolStorage": boolType,
	// Quantized tensors are not read, but the older layout needs the sizes of all storages.
	"QInt8Storage": int8Type, "QUInt8Storage": uint8Type, "QInt32Storage": int32Type,
}

// unknown stands for every class, function and object that isn't needed. It accepts all
// that a pickle does with them, and does nothing.
type unknown struct{}

func (unknown) Call(...any) (any, error)    { return unknown{}, nil }
func (unknown) PyNew(...any) (any, error)   { return unknown{}, nil }
func (unknown) PySetState(any) error        { return nil }
func (unknown) Set(_, _ any)                {}
func (unknown) Append(any)                  {}
func (unknown) Add(any)                     {}
func (unknown) PyDictSet(_, _ any) error    { return nil }
func (unknown) PySetAttr(string, any) error { return nil }

// rebuildTensor makes a tensor of its storage, offset, size and stride.
type rebuildTensor struct{}

func (rebuildTensor) Call(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, viewError{errPickle}
	}
	s, isStorage := args[0].(*storage)
	offset, isInt := args[1].(int)
	shape, isShape := ints(args[2])
	strides, isStrides := ints(args[3])
	if !isStorage || !isInt || !isShape || !isStrides {
		return unknown{}, nil // of a type that isn't known
	}
	t, err := newTensor(s, offset, shape, strides)
	if err != nil {
		return nil, viewError{err}
	}
	return t, nil
}

// ints reads a tuple of integers.
func ints(value any) ([]int, bool) {
	tuple, ok := value.(*types.Tuple)
	if !ok || tuple.Len() > maxRank {
		return nil, false
	}
	out := make([]int, tuple.Len())
	for i := range out {
		if out[i], ok = tuple.Get(i).(int); !ok {
			return nil, false
		}
	}
	return out, true
}

// rebuildParameter makes a parameter, which is its tensor here.
type rebuildParameter struct{}

func (rebuildParameter) Call(args ...any) (any, error) {
	if len(args) == 0 {
		return unknown{}, nil
	}
	return args[0], nil
}

// rebuildFromType calls the function that makes the tensor of a subclass: (function,
// class, arguments, state).
type rebuildFromType struct{}

func (rebuildFromType) Call(args ...any) (any, error) {
	if len(args) < 3 {
		return unknown{}, nil
	}
	rebuild, isTensor := args[0].(rebuildTensor)
	tuple, isTuple := args[2].(*types.Tuple)
	if !isTensor || !isTuple {
		return unknown{}, nil
	}
	return rebuild.Call(*tuple...)
}
