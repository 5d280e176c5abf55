package prior

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"sundae/train/engine"
	"sundae/train/pretrained"
)

// FromPublished is the prior that the author's code has trained, of the sizes c and g. It
// checks names and shapes; the values are read when they are needed, so w stays open until
// then. A difference is an *engine.MismatchError with the names of the file.
func FromPublished(w *pretrained.Weights, c Config, g Grid) (*Model, error) {
	if err := c.validateNetwork(g); err != nil {
		return nil, err
	}
	if !c.isPublished() {
		return nil, fmt.Errorf("import the prior: prior.network must be %s, not %q", publishedNetwork, c.Network)
	}
	layout := published(c).layout(g)
	if err := layout.check(w); err != nil {
		return nil, err
	}
	backend, err := engine.Open("go", "")
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	store, err := engine.Declare(backend, model.NewStore(), func(scope *model.Scope, graph *Graph) { c.declare(scope, graph, g) })
	if err != nil {
		return nil, fmt.Errorf("import the prior: %w", err)
	}
	return &Model{Config: c, Grid: g, store: store, source: layout.source(w)}, nil
}

// layout says how the weights of the author's code make up the variables of our network.
type layout struct {
	tensors   map[string][]int // shapes by the names of the file; all of them must be there
	optional  map[string]bool  // names that may be there, and are not read
	variables map[string]variable
}

// variable is the value of one variable, by its path, from tensors of the file.
type variable struct {
	from   []string
	values func(tensors [][]float32) []float32
}

// layout walks through the network as hourglass does. PyTorch's linear layers keep their
// weights as [out, in], ours as [in, out].
func (p published) layout(g Grid) layout {
	l := layout{tensors: map[string][]int{}, optional: map[string]bool{}, variables: map[string]variable{}}
	l.copied("token_emb.weight", "/token_embedding/weight", g.Vocabulary, p.Dim)
	if g.Classes > 0 {
		l.copied("class_emb.weight", "/class_embedding/weight", p.classRows(g), p.Dim)
	}
	if p.PositionEmbedding {
		l.copied("pos_emb.weight", "/position_embedding/weight", g.Tokens(), p.Dim)
	}
	l.hourglass(p, "transformer", "/hourglass", p.Depth)
	l.norm("transformer.norm_out", "/norm", p.Dim)
	l.linear("to_logits", "/head", p.Dim, g.Vocabulary)
	return l
}

func (l layout) hourglass(p published, key, path string, depth Depth) {
	l.layers(p, key+".pre_transformer", path+"/before", depth.Before)
	l.layers(p, key+".post_transformer", path+"/after", depth.After)
	if depth.Inner != nil {
		l.hourglass(p, key+".valley_transformer", path+"/inner", *depth.Inner)
	} else {
		l.layers(p, key+".valley_transformer", path+"/middle", depth.Middle)
	}
	l.resampling(p, key, path)
	if p.Resample != "attention" {
		return
	}
	inner := p.Heads * p.HeadDim
	down, up := key+".attn_resampling_pre_valley", key+".attn_resampling_post_valley"
	l.optional[down+".rotary_pos_emb.freqs"], l.optional[up+".rotary_pos_emb.freqs"] = true, true

	attention := down + ".layers.0.0"
	l.norm(attention+".norm", path+"/attention_down/attention/norm", p.Dim)
	l.weight(attention+".fn.to_q", path+"/attention_down/attention/q", p.Dim, inner)
	l.weight(attention+".fn.to_kv", path+"/attention_down/attention/kv", p.Dim, 2*inner)
	l.linear(attention+".fn.to_out", path+"/attention_down/attention/out", inner, p.Dim)
	l.mlp(p, down+".layers.0.1", path+"/attention_down/mlp")

	attention = up + ".layers.0.0" // of which only the values are needed
	l.tensors[attention+".norm.weight"], l.tensors[attention+".norm.bias"] = []int{p.Dim}, []int{p.Dim}
	l.tensors[attention+".fn.to_q.weight"] = []int{inner, p.Dim}
	l.tensors[attention+".fn.to_kv.weight"] = []int{2 * inner, p.Dim}
	l.variables[path+"/attention_up/attention/v/weight"] = variable{[]string{attention + ".fn.to_kv.weight"}, func(t [][]float32) []float32 {
		return transpose(t[0][inner*p.Dim:], inner, p.Dim)
	}}
	l.linear(attention+".fn.to_out", path+"/attention_up/attention/out", inner, p.Dim)
	l.mlp(p, up+".layers.0.1", path+"/attention_up/mlp")
}

func (l layout) layers(p published, key, path string, count int) {
	frequencies := key + ".rotary_pos_emb.freqs"
	switch {
	case p.PositionEmbedding:
	case count == 0:
		l.optional[frequencies] = true
	default:
		l.copied(frequencies, path+"/frequencies", p.HeadDim/4)
	}
	inner := p.Heads * p.HeadDim
	for i := range count {
		attention, layer := fmt.Sprintf("%s.layers.%d.0", key, i), fmt.Sprintf("%s/layer%d", path, i)
		q, kv := attention+".fn.to_q.weight", attention+".fn.to_kv.weight"
		l.tensors[q], l.tensors[kv] = []int{inner, p.Dim}, []int{2 * inner, p.Dim}
		l.variables[layer+"/attention/qkv/weight"] = variable{[]string{q, kv}, func(t [][]float32) []float32 {
			return transpose(slices.Concat(t...), 3*inner, p.Dim)
		}}
		l.norm(attention+".norm", layer+"/attention/norm", p.Dim)
		l.linear(attention+".fn.to_out", layer+"/attention/out", inner, p.Dim)
		l.mlp(p, fmt.Sprintf("%s.layers.%d.1", key, i), layer+"/mlp")
	}
}

// resampling are the linear maps between the levels. In the file the channels of a cell come
// first and its k positions last, in our network the positions come first.
func (l layout) resampling(p published, key, path string) {
	k, dim := p.Downsample, p.Dim
	down, up := key+".downsample.proj", key+".upsample.proj"
	l.tensors[down+".weight"], l.tensors[up+".weight"], l.tensors[up+".bias"] = []int{dim, dim * k}, []int{dim * k, dim}, []int{dim * k}
	l.copied(down+".bias", path+"/down/bias", dim)
	l.variables[path+"/down/weight"] = variable{[]string{down + ".weight"}, func(t [][]float32) []float32 {
		return transpose(positionsFirst(t[0], dim, dim, k, 1), dim, k*dim)
	}}
	l.variables[path+"/up/weight"] = variable{[]string{up + ".weight"}, func(t [][]float32) []float32 {
		return transpose(positionsFirst(t[0], 1, dim, k, dim), k*dim, dim)
	}}
	l.variables[path+"/up/bias"] = variable{[]string{up + ".bias"}, func(t [][]float32) []float32 {
		return positionsFirst(t[0], 1, dim, k, 1)
	}}
}

func (l layout) mlp(p published, key, path string) {
	hidden := int(p.MLP * float64(p.Dim))
	l.norm(key+".norm", path+"/norm", p.Dim)
	l.linear(key+".fn.0", path+"/up", p.Dim, hidden)
	l.linear(key+".fn.3", path+"/down", hidden, p.Dim)
}

func (l layout) norm(key, path string, dim int) {
	l.copied(key+".weight", path+"/weight", dim)
	l.copied(key+".bias", path+"/bias", dim)
}

func (l layout) linear(key, path string, in, out int) {
	l.weight(key, path, in, out)
	l.copied(key+".bias", path+"/bias", out)
}

// weight is the matrix of a linear map.
func (l layout) weight(key, path string, in, out int) {
	l.tensors[key+".weight"] = []int{out, in}
	l.variables[path+"/weight"] = variable{[]string{key + ".weight"}, func(t [][]float32) []float32 { return transpose(t[0], out, in) }}
}

// copied is a tensor whose values are used in their order.
func (l layout) copied(key, path string, shape ...int) {
	l.tensors[key] = shape
	l.variables[path] = variable{[]string{key}, func(t [][]float32) []float32 { return t[0] }}
}

// transpose is the transpose of a matrix [rows, columns]. It goes through the matrix in
// bands of rows, of which a cache holds one line each.
func transpose(values []float32, rows, columns int) []float32 {
	const band = 32
	out := make([]float32, len(values))
	for from := 0; from < rows; from += band {
		to := min(from+band, rows)
		for c := range columns {
			for r := from; r < to; r++ {
				out[c*rows+r] = values[r*columns+c]
			}
		}
	}
	return out
}

// positionsFirst swaps the second and third axis of values [outer, dim, k, inner].
func positionsFirst(values []float32, outer, dim, k, inner int) []float32 {
	out := make([]float32, 0, len(values))
	for o := range outer {
		for at := range k {
			for d := range dim {
				from := ((o*dim+d)*k + at) * inner
				out = append(out, values[from:from+inner]...)
			}
		}
	}
	return out
}

// check compares names and shapes with those of the file.
func (l layout) check(w *pretrained.Weights) error {
	var mismatch engine.MismatchError
	for key, want := range l.tensors {
		switch shape, ok := w.Shape(key); {
		case !ok:
			mismatch.Missing = append(mismatch.Missing, key)
		case !slices.Equal(shape, want):
			mismatch.Shapes = append(mismatch.Shapes, fmt.Sprintf("%s is %v, expected %v", key, shape, want))
		}
	}
	for _, key := range w.Keys() {
		if _, ok := l.tensors[key]; !ok && !l.optional[key] {
			mismatch.Unexpected = append(mismatch.Unexpected, key)
		}
	}
	if len(mismatch.Missing)+len(mismatch.Unexpected)+len(mismatch.Shapes) > 0 {
		return &mismatch
	}
	return nil
}

// source reads the variables of the network from the file.
func (l layout) source(w *pretrained.Weights) engine.Source {
	return func(path string, shape []int) ([]float32, error) {
		v, ok := l.variables[path[len("/"+modelScope):]]
		if !ok {
			return nil, fmt.Errorf("import the prior: the file has no weights for %s", path)
		}
		var read [][]float32
		for _, key := range v.from {
			values, err := w.Read(key)
			if err != nil {
				return nil, fmt.Errorf("import the prior: %w", err)
			}
			read = append(read, values)
		}
		return v.values(read), nil
	}
}
