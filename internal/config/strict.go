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

// A reader sets Go values from YAML nodes. The strict mode of yaml.v3 does not serve:
// its errors name Go types instead of keys, and it knows no ranges.
type reader struct {
	name    string   // of the file, for errors
	devices []string // valid values of device, nil for any
}

// errorAt returns an error at a node: "file:line: key: message".
func (r reader) errorAt(n *yaml.Node, key, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if key != "" {
		message = key + ": " + message
	}
	return fmt.Errorf("%s:%d: %s", r.name, n.Line, message)
}

// read sets the value that to points at. key is its dotted path, such as
// "sampling.steps", or "" at the top.
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
			return r.errorAt(k, sub, "this setting is now called %s", name)
		}
		return r.errorAt(k, sub, "unknown setting%s", suggestion(k.Value, slices.Sorted(maps.Keys(fields))))
	})
}

// renamed maps the names of settings in older versions to their names today.
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

// readText sets a value with a method to read it from text.
func (r reader) readText(n *yaml.Node, key string, to encoding.TextUnmarshaler) error {
	if n.Kind != yaml.ScalarNode {
		return r.errorAt(n, key, "should be one value, not %s", kind(n))
	}
	if n.Tag == "!!null" {
		return r.errorAt(n, key, "has no value")
	}
	if err := to.UnmarshalText([]byte(n.Value)); err != nil {
		return r.errorAt(n, key, "%v", err)
	}
	return nil
}

func (r reader) readMap(n *yaml.Node, key string, v reflect.Value) error {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	return r.pairs(n, key, func(k, value *yaml.Node, sub string) error {
		if err := checkName(k.Value); err != nil {
			return r.errorAt(k, key, "%v", err)
		}
		item := reflect.New(v.Type().Elem())
		if err := r.read(value, sub, item.Interface()); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(k.Value), item.Elem())
		return nil
	})
}

// pairs calls f for each key and value of a mapping. A repeated key is an error. sub is
// the dotted path of the value.
func (r reader) pairs(n *yaml.Node, key string, f func(k, value *yaml.Node, sub string) error) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil // "sampling:" without a value sets nothing
	}
	if n.Kind != yaml.MappingNode {
		return r.errorAt(n, key, "should be a group of settings, not %s", kind(n))
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return r.errorAt(k, key, "a key should be a word, not %s", kind(k))
		}
		sub := k.Value
		if key != "" {
			sub = key + "." + k.Value
		}
		if line, twice := seen[k.Value]; twice {
			return r.errorAt(k, sub, "already set on line %d", line)
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
		return r.errorAt(n, key, "should be a list, not %s", kind(n))
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
		return r.errorAt(n, key, "should be one value, not %s", kind(n))
	}
	text := n.Value
	if n.Tag == "!!null" && v.Kind() != reflect.String {
		return r.errorAt(n, key, "has no value")
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
			return r.errorAt(n, key, "should be true or false, not %q", text)
		}
	case int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return r.errorAt(n, key, "should be a whole number, not %q", text)
		}
		v.SetInt(int64(i))
	case uint64:
		u, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return r.errorAt(n, key, "should be a whole number from 0 to %d, not %q", uint64(math.MaxUint64), text)
		}
		v.SetUint(u)
	case float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return r.errorAt(n, key, "should be a number, not %q", text)
		}
		v.SetFloat(f)
	default:
		panic("config: field of unsupported type " + v.Type().String())
	}
	if err := r.check(key, v.Interface()); err != nil {
		return r.errorAt(n, key, "%v", err)
	}
	return nil
}

// kind describes a node, for errors.
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

// suggestion returns a hint at the name that was probably meant, the most similar one
// if it differs in at most a third of its letters, else "".
func suggestion(word string, names []string) string {
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

// distance returns the Levenshtein distance of two words.
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
