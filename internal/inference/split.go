package inference

import (
	"errors"
	"fmt"
)

// ErrOutOfMemory says that a run or an allocation failed because the device has too
// little memory. A smaller batch may fit.
var ErrOutOfMemory = errors.New("the device is out of memory")

// Split calls run for all items, at most *limit at a time. Where the device's memory is
// too small for that many, it halves *limit, which stays so for the next call, and
// tries again.
func Split[T any](items []T, limit *int, run func([]T) error) error {
	for len(items) > 0 {
		n := min(len(items), *limit)
		err := run(items[:n])
		switch {
		case err == nil:
			items = items[n:]
		case !errors.Is(err, ErrOutOfMemory):
			return err
		case n == 1:
			return fmt.Errorf("%w even for a batch of 1: free memory on it, or use another one (--device cpu)", err)
		default:
			*limit = n / 2
		}
	}
	return nil
}
