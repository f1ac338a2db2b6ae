package provider

import (
	"context"
	"strings"
	"sync"
)

// locks lets changes beneath one parent go one after another, where Azure
// refuses them otherwise (RequestConflict for two deployments of an account).
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// take waits for the place of a key and returns what gives it back. An empty key
// is nobody's.
func (l *locks) take(ctx context.Context, key string) (func(), error) {
	if key == "" {
		return func() {}, nil
	}
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]chan struct{}{}
	}
	place, ok := l.held[key]
	if !ok {
		place = make(chan struct{}, 1)
		l.held[key] = place
	}
	l.mu.Unlock()
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// lockKey is the place that a change of a resource takes.
func (rt *resourceType) lockKey(id string) string {
	switch rt.lock {
	case "self":
		return strings.ToLower(strings.TrimRight(id, "/"))
	case "parent":
		return strings.ToLower(parentOf(id))
	}
	return ""
}
