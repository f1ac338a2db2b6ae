package serve

import (
	"context"
	"sync"
)

// bell wakes everybody who waits for its next ring. The zero value is ready.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns what the next ring closes.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
	}
	b.next = nil
}

// ringFor rings for each value of asked until ctx ends.
func ringFor[T any](ctx context.Context, b *bell, asked <-chan T) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			b.ring()
		}
	}
}

// until returns a context that ends with ctx or at rung. The caller cancels it.
func until(ctx context.Context, rung <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-ctx.Done():
		case <-rung:
		}
	}()
	return ctx, cancel
}
