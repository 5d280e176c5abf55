package prior

import "context"

// stopAfter is a context that is cancelled at the n-th look at it.
type stopAfter struct {
	context.Context
	looks *int
	n     int
}

func (s stopAfter) Err() error {
	if *s.looks++; *s.looks > s.n {
		return context.Canceled
	}
	return nil
}
