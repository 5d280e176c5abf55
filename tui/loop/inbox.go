package loop

import (
	"context"
	"sync"
)

// inbox is a queue whose sender never waits.
type inbox[T any] struct{ *box[T] }

type box[T any] struct {
	mu    sync.Mutex
	items []T
	some  chan struct{} // holds one token while there are items
}

func newInbox[T any]() inbox[T] { return inbox[T]{&box[T]{some: make(chan struct{}, 1)}} }

func (b *box[T]) put(item T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, item)
	select {
	case b.some <- struct{}{}:
	default:
	}
}

// take waits for items and returns all of them.
func (b *box[T]) take(ctx context.Context) ([]T, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-b.some:
		return b.now(), nil
	}
}

// now returns the items without waiting, possibly none.
func (b *box[T]) now() []T {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	select {
	case <-b.some:
	default:
	}
	return items
}
