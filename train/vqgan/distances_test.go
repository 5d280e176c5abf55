package vqgan

import "testing"

// The smallest of the distances is that of the token which the encoder gives, and one
// of a vector on the sphere to a code is what it is.
func TestDistances(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	trained, files := exported(t, c, o)
	bytes := make([]uint8, 2*32*32*3)
	for i := range bytes {
		bytes[i] = uint8(7 * i)
	}
	encode, err := trained.Encoder(o.Backend)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := encode(bytes, 2)
	if err != nil {
		t.Fatal(err)
	}
	measure, err := c.Distances(files, 32, o.Backend)
	if err != nil {
		t.Fatal(err)
	}
	all, err := measure(bytes, 2)
	if err != nil {
		t.Fatal(err)
	}
	v := c.Vocabulary
	if len(all) != len(tokens)*v {
		t.Fatalf("%d distances of %d tokens to %d codes", len(all), len(tokens), v)
	}
	for place, id := range tokens {
		row := all[place*v : (place+1)*v]
		for k, d := range row {
			if d < row[id]-1e-4 || d < -1e-4 {
				t.Errorf("place %d: code %d at %g, token %d at %g", place, k, d, id, row[id])
			}
		}
	}
}
