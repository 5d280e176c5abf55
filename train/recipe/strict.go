package recipe

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// renamed maps the keys of older recipes to their present names.
var renamed = map[string]string{
	"vqgan.average":         "vqgan.ema",
	"vqgan.sharpen":         "vqgan.finetune",
	"vqgan.sharpen.redraw":  "vqgan.finetune.token_augmentation",
	"vqgan.finetune.redraw": "vqgan.finetune.token_augmentation",
	"prior.shortening":      "prior.downsample",
	"prior.average":         "prior.ema",
	"prior.neighbours":      "prior.shift_mixing",
	"prior.guidance":        "prior.distillation",
	"prior.corruption":      "prior.noise_exponent",
	"sampling.corruption":   "sampling.renoise",
}

// checker compares the nodes of a YAML file with the type that it is read into.
type checker struct {
	renamed []string // "vqgan.sharpen is now vqgan.finetune"
	wrong   []string // unknown keys and values of another type
}

// check reports every renamed key, unknown key and value of another type in one
// sentence.
func check(root *yaml.Node, value any) error {
	var c checker
	for _, document := range root.Content {
		c.walk(document, reflect.TypeOf(value), "")
	}
	if problems := append(c.renamed, c.wrong...); len(problems) > 0 {
		return errors.New(strings.Join(problems, ", "))
	}
	return nil
}

// walk checks a node at path, the keys that lead to it.
func (c *checker) walk(node *yaml.Node, t reflect.Type, path string) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || readsItself(t) {
		if err := node.Decode(reflect.New(t).Interface()); err != nil && readsItself(t) {
			c.wrong = append(c.wrong, fmt.Sprintf("%s: %v", path, err))
		} else if err != nil {
			c.wrong = append(c.wrong, fmt.Sprintf("%s on line %d must be %s, not %s", path, node.Line, kindName(t), text(node)))
		}
		return
	}
	if node.Kind != yaml.MappingNode {
		c.wrong = append(c.wrong, fmt.Sprintf("%s on line %d must have keys below it", cmp.Or(path, "the recipe"), node.Line))
		return
	}
	fields := map[string]reflect.Type{}
	for _, field := range reflect.VisibleFields(t) {
		if !field.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		fields[cmp.Or(name, strings.ToLower(field.Name))] = field.Type
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			continue // the decoder knows these
		}
		name := strings.TrimPrefix(path+"."+key.Value, ".")
		field, known := fields[key.Value]
		if !known {
			now, ok := renamed[name]
			if !ok {
				c.wrong = append(c.wrong, fmt.Sprintf("%s on line %d is not a key of a recipe", name, key.Line))
				continue
			}
			c.renamed = append(c.renamed, name+" is now "+now)
			field, known = fields[now[strings.LastIndex(now, ".")+1:]]
			if !known {
				continue
			}
		}
		c.walk(value, field, name)
	}
}

// readsItself reports whether a type decodes itself from YAML or from text.
func readsItself(t reflect.Type) bool {
	switch reflect.New(t).Interface().(type) {
	case yaml.Unmarshaler, encoding.TextUnmarshaler:
		return true
	}
	return false
}

// kindName says in words what a value of type t is.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Float64:
		return "a number"
	case reflect.Int:
		return "a whole number"
	case reflect.Uint64:
		return "a whole number of at least 0"
	case reflect.Slice:
		return "a list, each item " + kindName(t.Elem())
	}
	return "a " + strings.ToLower(t.Name())
}

// text is the value of a node as it stands in the file, if that is short.
func text(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "keys"
	case yaml.SequenceNode:
		return "this list"
	}
	return fmt.Sprintf("%q", node.Value)
}
