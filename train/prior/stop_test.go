package prior

import "context"

// stopAfter is a context that is cancelled after n calls of Err.
type stopAfter struct {
	context.Context
	calls *int
	n     int
}

func (s stopAfter) Err() error {
	if *s.calls++; *s.calls > s.n {
		return context.Canceled
	}
	return nil
}
