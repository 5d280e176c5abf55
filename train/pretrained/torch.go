package pretrained

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

var errNoTensors = errors.New("the file holds no tensors: save the model's state_dict()")

// readZip reads the layout of torch.save since PyTorch 1.6: a zip archive with a pickle and
// one entry for each storage.
func readZip(file *os.File, size int64) (map[string]tensor, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return nil, errTruncated
	}
	entries := map[string]*zip.File{}
	root := ""
	for _, f := range archive.File {
		entries[f.Name] = f
		if folder, ok := strings.CutSuffix(f.Name, "data.pkl"); ok && (root == "" || len(folder) < len(root)) {
			root = folder
		}
	}
	structure, ok := entries[root+"data.pkl"]
	if !ok {
		return nil, errors.New("it is a zip archive, but not of PyTorch: unpack it and give the checkpoint inside")
	}
	if _, ok := entries[root+"constants.pkl"]; ok {
		return nil, errors.New("it is a TorchScript program: save the model's state_dict() instead")
	}
	if order, ok := entries[root+"byteorder"]; ok {
		if text, err := readEntry(order, 16); err != nil || string(text) != "little" {
			return nil, errors.New("it was written on a big-endian machine: load it with PyTorch on another one and save it again")
		}
	}
	r, err := structure.Open()
	if err != nil {
		return nil, fmt.Errorf("open its pickle: %w", err)
	}
	defer r.Close()
	storages := map[string]*storage{}
	value, err := unpickle(r, func(id any) (any, error) {
		element, key, elements, ok := storageID(id)
		if !ok {
			return unknown{}, nil
		}
		if s, ok := storages[key]; ok {
			return s, nil
		}
		entry, ok := entries[root+"data/"+key]
		if !ok || entry.UncompressedSize64/uint64(element.width()) < uint64(elements) {
			return nil, viewError{errTruncated}
		}
		s := &storage{element: element, elements: elements}
		if entry.Method == zip.Store {
			start, err := entry.DataOffset()
			if err != nil || start > size-elements*element.width() {
				return nil, viewError{errTruncated}
			}
			s.at = io.NewSectionReader(file, start, elements*element.width())
		} else {
			s.open = func() (io.Reader, io.Closer, error) {
				r, err := entry.Open()
				return r, r, err
			}
		}
		storages[key] = s
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	return stateDict(value)
}

// readEntry reads a small entry of an archive.
func readEntry(entry *zip.File, most int64) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}

// storageID reads a persistent id: ("storage", type, key, device, number of elements).
func storageID(id any) (element elementType, key string, elements int64, ok bool) {
	tuple, isTuple := id.(*types.Tuple)
	if !isTuple || tuple.Len() < 5 || tuple.Get(0) != "storage" {
		return 0, "", 0, false
	}
	element, isElement := tuple.Get(1).(elementType)
	key, isKey := tuple.Get(2).(string)
	n, isInt := tuple.Get(4).(int)
	const most = 1 << 40
	return element, key, int64(n), isElement && isKey && isInt && n >= 0 && n < most
}

// legacyMagic is the number that the older layout begins with, as a pickle holds it.
var legacyMagic = []byte{0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'}

// isLegacy reports whether a file starts like one of the older layout: with the version of
// the pickle, from version 4 on a frame, and the magic number.
func isLegacy(head []byte) bool {
	at := bytes.Index(head, legacyMagic)
	return len(head) > 0 && head[0] == 0x80 && (at == 2 || at == 11)
}

// readLegacy reads the layout of torch.save before PyTorch 1.6: pickles of a magic number, a
// version, the machine, the objects and the keys of the storages, and then the storages.
func readLegacy(file *os.File, size int64) (map[string]tensor, error) {
	r := &counter{r: bufio.NewReader(io.NewSectionReader(file, 0, size))}
	for range 3 {
		if _, err := unpickle(r, nil); err != nil {
			return nil, err
		}
	}
	storages := map[string]*storage{}
	value, err := unpickle(r, func(id any) (any, error) {
		element, key, elements, ok := storageID(id)
		if !ok {
			return unknown{}, nil
		}
		if tuple := id.(*types.Tuple); tuple.Len() > 5 && tuple.Get(5) != nil {
			return nil, viewError{errors.New("it was written by a very old PyTorch: load it there and save it again")}
		}
		if _, ok := storages[key]; !ok {
			storages[key] = &storage{element: element, elements: elements}
		}
		return storages[key], nil
	})
	if err != nil {
		return nil, err
	}
	keys, err := unpickle(r, nil)
	if err != nil {
		return nil, err
	}
	if err := placeStorages(file, r.n, size, keys, storages); err != nil {
		return nil, err
	}
	return stateDict(value)
}

// counter counts the bytes that are read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// placeStorages finds the storages of the older layout, one after the other from byte at:
// each is its number of elements in eight bytes, and then its elements.
func placeStorages(file *os.File, at, size int64, keys any, storages map[string]*storage) error {
	list, ok := keys.(*types.List)
	if !ok {
		return errPickle
	}
	for _, key := range *list {
		name, _ := key.(string)
		s, ok := storages[name]
		if !ok || s.at != nil {
			return errPickle
		}
		var count [8]byte
		if _, err := file.ReadAt(count[:], at); err != nil {
			return truncated(err)
		}
		bytes := s.elements * s.element.width()
		if int64(binary.LittleEndian.Uint64(count[:])) != s.elements {
			return errPickle
		}
		at += 8
		if bytes > size-at {
			return errTruncated
		}
		s.at = io.NewSectionReader(file, at, bytes)
		at += bytes
	}
	for _, s := range storages {
		if s.at == nil {
			return errTruncated
		}
	}
	return nil
}

// networkKeys are the keys under which programs keep a network's weights beside other
// things: PyTorch Lightning's, the author's code's, and two more that are common.
var networkKeys = []string{"state_dict", "net", "model", "model_state_dict"}

// stateDict finds the network's tensors in what a file holds.
func stateDict(value any) (map[string]tensor, error) {
	root := dictionary(value)
	if root == nil {
		return nil, errors.New("the file holds no dictionary of tensors: save the model's state_dict()")
	}
	const maxLevels = 4 // of dictionaries around the weights, which may hold themselves
	for range maxLevels {
		inner := innerDictionary(root)
		if inner == nil {
			break
		}
		root = inner
	}
	tensors := map[string]tensor{}
	for key, value := range root {
		if t, ok := value.(tensor); ok {
			if err := checkName(key); err != nil {
				return nil, err
			}
			tensors[key] = t
		}
	}
	if len(tensors) == 0 {
		return nil, errNoTensors
	}
	for _, prefix := range wrapperPrefixes {
		tensors = withoutPrefix(tensors, prefix)
	}
	return tensors, nil
}

// wrapperPrefixes are what DataParallel and torch.compile put before every name.
var wrapperPrefixes = []string{"module.", "_orig_mod."}

// innerDictionary is the dictionary that holds the network's weights, nil if root has none
// under the usual names.
func innerDictionary(root map[string]any) map[string]any {
	for _, key := range networkKeys {
		if inner := dictionary(root[key]); inner != nil {
			return inner
		}
	}
	return nil
}

// dictionary gives the entries of a dictionary that have a string as key, nil if value is
// not a dictionary.
func dictionary(value any) map[string]any {
	entries := map[string]any{}
	add := func(key, value any) {
		if name, ok := key.(string); ok {
			entries[name] = value
		}
	}
	switch d := value.(type) {
	case *types.Dict:
		for _, entry := range *d {
			add(entry.Key, entry.Value)
		}
	case *types.OrderedDict:
		for key, entry := range d.Map {
			add(key, entry.Value)
		}
	default:
		return nil
	}
	return entries
}

// withoutPrefix removes the prefix from the names if all have it.
func withoutPrefix(tensors map[string]tensor, prefix string) map[string]tensor {
	renamed := map[string]tensor{}
	for key, t := range tensors {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			return tensors
		}
		renamed[rest] = t
	}
	return renamed
}
