package provider

import (
	"context"
	"sync"

	"github.com/moby/moby/client"
)

// Ahead makes networks before the Pulumi engine asks for them: a network takes the
// Docker Engine some 45 ms, and the Pulumi engine 10 ms until its first question. What
// is made ahead is adopted like what a killed command left; whatever goes wrong here
// goes wrong again, and is told, when the engine asks.
type Ahead struct {
	networks networks

	mu    sync.Mutex
	begun map[string]*making // by the network's name
}

// making is a network on its way.
type making struct {
	done  chan struct{}
	id    string // once done; empty: it was not made
	taken bool   // the Pulumi engine knows of it
}

// NewAhead returns an Ahead that makes networks through api.
func NewAhead(api *client.Client) *Ahead {
	return &Ahead{networks: networks{api: api, containers: api, host: api.DaemonHost()}, begun: map[string]*making{}}
}

// Network begins to make a network, unless there is one of that name. A context that
// ends does not stop it: what is made has to be known.
func (a *Ahead) Network(ctx context.Context, name string, want client.NetworkCreateOptions) {
	m := &making{done: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun[name] = m
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(m.done)
		if found, err := a.networks.byName(ctx, name); err != nil || len(found) > 0 {
			return
		}
		if made, err := a.networks.api.NetworkCreate(ctx, name, want); err == nil {
			m.id = made.ID
		}
	}()
}

// wait returns once a network of that name is no longer on its way.
func (a *Ahead) wait(ctx context.Context, name string) error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	m := a.begun[name]
	a.mu.Unlock()
	if m == nil {
		return nil
	}
	select {
	case <-m.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m.taken = true
	return nil
}

// Drop removes the network of that name where it was made ahead and the Pulumi engine
// did not wait for it.
func (a *Ahead) Drop(ctx context.Context, name string) error {
	a.mu.Lock()
	m := a.begun[name]
	delete(a.begun, name)
	a.mu.Unlock()
	if m == nil || m.taken {
		return nil
	}
	<-m.done
	if m.id == "" {
		return nil
	}
	return a.networks.remove(ctx, m.id, false)
}
