package inference

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Batches shrink until they fit, every item is run once and in order, and the size that
// fits is kept.
func TestSplit(t *testing.T) {
	var sizes, done []int
	run := func(items []int) error {
		sizes = append(sizes, len(items))
		if len(items) > 3 {
			return fmt.Errorf("run: %w", ErrOutOfMemory)
		}
		done = append(done, items...)
		return nil
	}
	items, limit := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 16
	if err := Split(items, &limit, run); err != nil || !slices.Equal(done, items) || limit != 2 {
		t.Errorf("%v done with a limit of %d, %v", done, limit, err)
	}
	if want := []int{10, 5, 2, 2, 2, 2, 2}; !slices.Equal(sizes, want) {
		t.Errorf("batches of %v, want %v", sizes, want)
	}
}

func TestSplitErrors(t *testing.T) {
	limit := 4
	err := Split([]int{1, 2, 3}, &limit, func([]int) error { return ErrOutOfMemory })
	if !errors.Is(err, ErrOutOfMemory) || !strings.Contains(err.Error(), "even for a batch of 1") {
		t.Errorf("no memory for one: %v", err)
	}
	limit, calls, broken := 4, 0, errors.New("broken")
	err = Split([]int{1, 2, 3}, &limit, func([]int) error { calls++; return broken })
	if err != broken || calls != 1 || limit != 4 {
		t.Errorf("%d calls, a limit of %d, %v", calls, limit, err)
	}
}
