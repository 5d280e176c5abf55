package config

import (
	"encoding"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A reader sets Go values from YAML nodes. yaml.v3 has a strict mode, but its
// errors name Go types and not keys, and it reports ranges nowhere.
type reader struct {
	name    string   // the file, for errors
	devices []string // valid values of device, nil for any
}

// fault is an error at a node: file:line: key: what.
func (r reader) fault(n *yaml.Node, key, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if key != "" {
		what = key + ": " + what
	}
	return fmt.Errorf("%s:%d: %s", r.name, n.Line, what)
}

// read sets the value that to points at. key is the dotted path that leads
// there, such as "sampling.steps", "" at the top.
func (r reader) read(n *yaml.Node, key string, to any) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if text, ok := to.(encoding.TextUnmarshaler); ok {
		return r.readText(n, key, text)
	}
	v := reflect.ValueOf(to).Elem()
	switch v.Kind() {
	case reflect.Struct:
		return r.readStruct(n, key, v)
	case reflect.Map:
		return r.readMap(n, key, v)
	case reflect.Slice:
		return r.readList(n, key, v)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		if err := r.read(n, key, p.Interface()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
	return r.readScalar(n, key, v)
}

func (r reader) readStruct(n *yaml.Node, key string, v reflect.Value) error {
	fields := fieldsOf(v)
	return r.pairs(n, key, func(k, value *yaml.Node, sub string) error {
		field, ok := fields[k.Value]
		if ok {
			return r.read(value, sub, field.Addr().Interface())
		}
		if name, old := renamed[k.Value]; old {
			return r.fault(k, sub, "this setting is now called %s", name)
		}
		return r.fault(k, sub, "there is no such setting%s", nearest(k.Value, slices.Sorted(maps.Keys(fields))))
	})
}

// renamed lists settings that had other names in older versions.
var renamed = map[string]string{"corruption": "renoise"}

// fieldsOf returns the fields of a struct by their YAML keys, those of inlined
// structs included.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if option == "inline" {
			maps.Copy(fields, fieldsOf(v.Field(i)))
		} else {
			fields[name] = v.Field(i)
		}
	}
	return fields
}

// readText sets a value that reads itself from text.
func (r reader) readText(n *yaml.Node, key string, to encoding.TextUnmarshaler) error {
	if n.Kind != yaml.ScalarNode {
		return r.fault(n, key, "should be one value, not %s", kind(n))
	}
	if n.Tag == "!!null" {
		return r.fault(n, key, "has no value")
	}
	if err := to.UnmarshalText([]byte(n.Value)); err != nil {
		return r.fault(n, key, "%v", err)
	}
	return nil
}

func (r reader) readMap(n *yaml.Node, key string, v reflect.Value) error {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	return r.pairs(n, key, func(k, value *yaml.Node, sub string) error {
		if err := checkName(k.Value); err != nil {
			return r.fault(k, key, "%v", err)
		}
		item := reflect.New(v.Type().Elem())
		if err := r.read(value, sub, item.Interface()); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(k.Value), item.Elem())
		return nil
	})
}

// pairs calls f for each key and value of a mapping, and refuses double keys.
func (r reader) pairs(n *yaml.Node, key string, f func(k, value *yaml.Node, sub string) error) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil // "sampling:" with nothing under it sets nothing
	}
	if n.Kind != yaml.MappingNode {
		return r.fault(n, key, "should hold settings, one a line, not %s", kind(n))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return r.fault(k, key, "a key should be a word, not %s", kind(k))
		}
		sub := k.Value
		if key != "" {
			sub = key + "." + k.Value
		}
		if line, twice := seen[k.Value]; twice {
			return r.fault(k, sub, "already set on line %d", line)
		}
		seen[k.Value] = k.Line
		if err := f(k, n.Content[i+1], sub); err != nil {
			return err
		}
	}
	return nil
}

func (r reader) readList(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind != yaml.SequenceNode {
		return r.fault(n, key, "should be a list, not %s", kind(n))
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if err := r.read(item, key, list.Index(i).Addr().Interface()); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (r reader) readScalar(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind != yaml.ScalarNode {
		return r.fault(n, key, "should be one value, not %s", kind(n))
	}
	text := n.Value
	if n.Tag == "!!null" && v.Kind() != reflect.String {
		return r.fault(n, key, "has no value")
	}
	switch v.Interface().(type) {
	case string:
		if n.Tag == "!!null" {
			text = ""
		}
		v.SetString(text)
	case bool:
		switch strings.ToLower(text) {
		case "true", "on", "yes":
			v.SetBool(true)
		case "false", "off", "no":
			v.SetBool(false)
		default:
			return r.fault(n, key, "should be true or false, not %q", text)
		}
	case int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return r.fault(n, key, "should be a whole number, not %q", text)
		}
		v.SetInt(int64(i))
	case uint64:
		u, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return r.fault(n, key, "should be a whole number from 0 to %d, not %q", uint64(math.MaxUint64), text)
		}
		v.SetUint(u)
	case float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return r.fault(n, key, "should be a number, not %q", text)
		}
		v.SetFloat(f)
	default:
		panic("config: a field of a type that the reader doesn't know: " + v.Type().String())
	}
	if err := r.check(key, v.Interface()); err != nil {
		return r.fault(n, key, "%v", err)
	}
	return nil
}

// kind names what stands in the file, for errors.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of settings"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return strconv.Quote(n.Value)
	}
	return "an alias"
}

// nearest suggests the key that was probably meant: the only ones close enough
// to be worth naming differ by at most a third of their letters.
func nearest(word string, names []string) string {
	best, least := "", len(word)/3+1
	for _, f := range names {
		if d := distance(word, f); d < least || d == least && best == "" {
			best, least = f, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance is the Levenshtein distance of two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
