package serve

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// crowd bounds the connections that a listener has at a time: altogether, and
// from one address, so that no peer takes all of them.
type crowd struct {
	total, each int
	full        func() // told of each connection that is turned away

	mu    sync.Mutex
	all   int
	from  map[netip.Addr]int
	going chan struct{} // as many as are turned away politely at a time
}

// politely is how many connections at a time are told why they are turned away;
// more are only closed.
const politely = 64

// newCrowd returns a crowd of at most total connections, each of one address.
func newCrowd(total, each int, full func()) *crowd {
	return &crowd{total: total, each: each, full: full, from: map[netip.Addr]int{}, going: make(chan struct{}, politely)}
}

// bound wraps a listener. Several of them may share a crowd.
func (c *crowd) bound(l net.Listener) net.Listener { return crowdListener{l, c} }

func (c *crowd) enter(addr netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= c.total || c.from[addr] >= c.each {
		return false
	}
	c.all++
	c.from[addr]++
	return true
}

func (c *crowd) leave(addr netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.from[addr]--; c.from[addr] == 0 {
		delete(c.from, addr)
	}
}

type crowdListener struct {
	net.Listener
	crowd *crowd
}

// Accept implements net.Listener.
func (l crowdListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		tcp, isTCP := conn.(*net.TCPConn)
		if err != nil || !isTCP {
			_ = conn.Close()
			continue
		}
		addr := peer.Addr().Unmap()
		if l.crowd.enter(addr) {
			return &counted{TCPConn: tcp, left: sync.OnceFunc(func() { l.crowd.leave(addr) })}, nil
		}
		l.crowd.full()
		l.crowd.turnAway(tcp)
	}
}

// tooMany is what a connection too many is told.
const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 44\r\n\r\n" +
	"too many connections at a time: close some.\n"

// turnAway tells a connection why and closes it. What it sends is read for a
// moment, because an end with something unread would take the answer back.
func (c *crowd) turnAway(conn *net.TCPConn) {
	select {
	case c.going <- struct{}{}:
	default:
		_ = conn.Close()
		return
	}
	go func() {
		defer func() { _ = conn.Close(); <-c.going }()
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		_, _ = io.WriteString(conn, tooMany)
		_ = conn.CloseWrite()
		_, _ = io.CopyN(io.Discard, conn, maxHeader)
	}()
}

// counted is a connection that leaves its crowd when it is closed.
type counted struct {
	*net.TCPConn
	left func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.left()
	return c.TCPConn.Close()
}
