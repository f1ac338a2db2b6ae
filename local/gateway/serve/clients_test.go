package serve

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// containers is a name server of a network: names and their addresses.
type containers struct {
	mu    sync.Mutex
	where map[string]string
	asked int
}

func (c *containers) set(name, addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.where[name+"."] = addr
}

// lookup says nothing for a name that it does not know, as an engine does.
func (c *containers) lookup(ctx context.Context, _, name string) ([]netip.Addr, error) {
	c.mu.Lock()
	c.asked++
	addr := c.where[name]
	c.mu.Unlock()
	if addr != "" {
		return []netip.Addr{netip.MustParseAddr(addr)}, nil
	}
	<-ctx.Done()
	return nil, errors.New("no such host")
}

func (c *containers) questions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func knownClients(list ...client) (*clients, *containers) {
	net := &containers{where: map[string]string{}}
	d := newDialer()
	d.lookup, d.inner = net.lookup, nil
	return newClients(list, d), net
}

func TestClientIsKnownByItsAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, net := knownClients(client{"api", "api--replicas"}, client{"job", "job--replicas"}, client{"fixed", "10.0.0.9"})
		net.set("api--replicas", "10.0.0.2")
		for addr, want := range map[string]string{"10.0.0.2": "api", "::ffff:10.0.0.2": "api", "10.0.0.9": "fixed", "10.0.0.3": ""} {
			if app, ok := c.of(t.Context(), netip.MustParseAddr(addr)); app != want || ok != (want != "") {
				t.Errorf("%s is %q, %v, expected %q", addr, app, ok, want)
			}
		}
		net.set("job--replicas", "10.0.0.3")
		if app, _ := c.of(t.Context(), netip.MustParseAddr("10.0.0.3")); app != "job" {
			t.Errorf("a container that started later is %q, expected job", app)
		}
	})
}

// An address that another container got is the other's, after the time fresh.
func TestAddressThatChangedHands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, net := knownClients(client{"api", "api--replicas"}, client{"job", "job--replicas"})
		net.set("api--replicas", "10.0.0.2")
		addr := netip.MustParseAddr("10.0.0.2")
		if app, _ := c.of(t.Context(), addr); app != "api" {
			t.Fatalf("first %q, expected api", app)
		}
		net.set("api--replicas", "")
		net.set("job--replicas", "10.0.0.2")
		time.Sleep(clientFresh)
		if app, _ := c.of(t.Context(), addr); app != "job" {
			t.Errorf("then %q, expected job", app)
		}
		net.set("job--replicas", "")
		time.Sleep(clientFresh)
		if app, ok := c.of(t.Context(), addr); ok {
			t.Errorf("at last %q, expected nobody", app)
		}
	})
}

// Strangers cannot make the gateway ask without end.
func TestStrangersCostFewQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, net := knownClients(client{"api", "api--replicas"})
		net.set("api--replicas", "10.0.0.2")
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				if app, ok := c.of(t.Context(), netip.MustParseAddr("10.0.0.77")); ok {
					t.Errorf("a stranger is %q", app)
				}
			})
		}
		group.Wait()
		if n := net.questions(); n > 2 {
			t.Errorf("%d questions for many strangers at once, expected 2 at most", n)
		}
		start := time.Now()
		for range 10 {
			c.of(t.Context(), netip.MustParseAddr("10.0.0.77"))
		}
		if took := time.Since(start); took < 9*clientPause {
			t.Errorf("ten strangers, one after another, in %v, expected one in %v", took, clientPause)
		}
		net.asked = 0
		c.of(t.Context(), netip.MustParseAddr("10.0.0.2"))
		for range 1000 {
			c.of(t.Context(), netip.MustParseAddr("10.0.0.2"))
		}
		if n := net.questions(); n > 1 {
			t.Errorf("%d questions for a client that asks at once again, expected 1 at most", n)
		}
	})
}
