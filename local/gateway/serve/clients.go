package serve

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const (
	// clientFresh is how long an address is taken for a client's without another
	// look: less than it takes to end one container and start another, which may
	// get the same address.
	clientFresh = 250 * time.Millisecond
	// clientPause is the least time between two searches among all clients, so
	// that strangers cost the name server a few questions a second at most.
	clientPause = 200 * time.Millisecond
	// clientLookup bounds one look-up of a client: more than a busy engine needs,
	// because a client that is not found is refused.
	clientLookup = 2 * time.Second
)

// client is a workload, and what its containers are called on the internal
// network or their address.
type client struct{ app, host string }

// clients knows workloads by the address that they speak from. A container that
// starts later is found as soon as its name resolves. It is safe for concurrent
// use.
type clients struct {
	list   []client
	dial   *dialer
	search chan struct{} // holds one value while nobody searches
	// last is the end of the last search, and whole the begin of the last one that
	// heard of every client; both belong to the searcher.
	last, whole time.Time

	mu    sync.Mutex
	known map[netip.Addr]sighting
}

// sighting is a client that was found at an address, and when.
type sighting struct {
	client
	at time.Time
}

func newClients(list []client, dial *dialer) *clients {
	c := &clients{list: list, dial: dial, search: make(chan struct{}, 1), known: map[netip.Addr]sighting{}}
	c.search <- struct{}{}
	return c
}

// of returns the workload whose address addr is; ok is false for nobody's. A
// client's answer is remembered for clientFresh, a stranger's never.
func (c *clients) of(ctx context.Context, addr netip.Addr) (app string, ok bool) {
	addr = addr.Unmap()
	if s, ok := c.sighted(addr); ok {
		if time.Since(s.at) < clientFresh {
			return s.app, true
		}
		if c.has(ctx, s.client, addr) {
			return s.app, true
		}
	}
	return c.find(ctx, addr)
}

// find asks for the addresses of all clients, one search at a time. Many strangers
// share one.
func (c *clients) find(ctx context.Context, addr netip.Addr) (app string, ok bool) {
	arrived := time.Now()
	select {
	case <-ctx.Done():
		return "", false
	case <-c.search:
		defer func() { c.last = time.Now(); c.search <- struct{}{} }()
	}
	// Another search may have answered while this one waited for its turn.
	if s, ok := c.sighted(addr); ok && time.Since(s.at) < clientFresh {
		return s.app, true
	}
	if c.whole.After(arrived) {
		return "", false
	}
	if !sleep(ctx, clientPause-time.Since(c.last)) {
		return "", false
	}
	began := time.Now()
	app, ok = c.askAll(ctx, addr)
	if !ok && ctx.Err() == nil {
		c.whole = began
	}
	return app, ok
}

// askAll asks for all clients at once and is done with the first that has addr:
// the name of one that is not running has no answer.
func (c *clients) askAll(ctx context.Context, addr netip.Addr) (app string, ok bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.forget(addr)
	found := make(chan *client, len(c.list))
	for _, one := range c.list {
		go func() {
			if c.has(ctx, one, addr) {
				found <- &one
			} else {
				found <- nil
			}
		}()
	}
	for range c.list {
		if one := <-found; one != nil {
			return one.app, true
		}
	}
	return "", false
}

// has says whether addr is an address of one, and notes all that it has.
func (c *clients) has(ctx context.Context, one client, addr netip.Addr) (has bool) {
	for _, a := range c.addresses(ctx, one) {
		a = a.Unmap()
		c.note(a, one)
		has = has || a == addr
	}
	return has
}

func (c *clients) addresses(ctx context.Context, one client) []netip.Addr {
	if own, err := netip.ParseAddr(one.host); err == nil {
		return []netip.Addr{own}
	}
	ctx, cancel := context.WithTimeout(ctx, clientLookup)
	defer cancel()
	all, err := c.dial.lookup(ctx, "ip4", one.host+".")
	if err != nil {
		return nil
	}
	return all
}

func (c *clients) sighted(addr netip.Addr) (sighting, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.known[addr]
	return s, ok
}

func (c *clients) note(addr netip.Addr, one client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[addr] = sighting{one, time.Now()}
}

// forget drops what is known of addr, and of every address that was not asked
// about for a while, so that addresses of ended containers do not add up.
func (c *clients) forget(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, addr)
	for a, s := range c.known {
		if time.Since(s.at) > time.Minute {
			delete(c.known, a)
		}
	}
}
