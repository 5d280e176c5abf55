package vqgan

import "testing"

// TestDistances: the token of the encoder is the code with the smallest distance, and no
// distance is negative.
func TestDistances(t *testing.T) {
	c := small()
	o := options(t, folder(t, 6, 32))
	m := initialized(t, c, o)
	measure, err := c.Distances(export(t, m, o.Backend), o.Size, o.Backend)
	if err != nil {
		t.Fatal(err)
	}
	bytes := make([]uint8, 32*32*3)
	for i := range bytes {
		bytes[i] = uint8(7 * i)
	}
	all, err := measure(bytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	encode, err := m.Encoder(o.Backend)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := encode(bytes, 1)
	if err != nil {
		t.Fatal(err)
	}
	v := c.Vocabulary
	if len(all) != len(tokens)*v {
		t.Fatalf("%d distances of %d tokens to %d codes", len(all), len(tokens), v)
	}
	for i, id := range tokens {
		row := all[i*v : (i+1)*v]
		for k, d := range row {
			if d < row[id]-1e-4 || d < -1e-4 {
				t.Errorf("token %d: code %d at %g, the encoder's code %d at %g", i, k, d, id, row[id])
			}
		}
	}
}
