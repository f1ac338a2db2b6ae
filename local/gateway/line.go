package gateway

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// lineConn makes a net.Conn of a stream. It has no deadlines, which nothing of
// HTTP/2 without TLS depends on: a dead peer is found by a ping.
type lineConn struct {
	io.ReadWriteCloser
	closed chan struct{}

	once sync.Once
	mu   sync.Mutex
	err  error // why reading ended, other than by an end
}

// Read implements net.Conn.
func (c *lineConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		c.mu.Lock()
		defer c.mu.Unlock()
		select {
		case <-c.closed: // by this side
		default:
			c.err = err
		}
	}
	return n, err
}

// Close implements net.Conn.
func (c *lineConn) Close() error {
	var err error
	c.once.Do(func() {
		close(c.closed)
		err = c.ReadWriteCloser.Close()
	})
	return err
}

func (c *lineConn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// LocalAddr implements net.Conn.
func (*lineConn) LocalAddr() net.Addr { return lineAddr{} }

// RemoteAddr implements net.Conn.
func (*lineConn) RemoteAddr() net.Addr { return lineAddr{} }

// SetDeadline implements net.Conn.
func (*lineConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (*lineConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (*lineConn) SetWriteDeadline(time.Time) error { return nil }

type lineAddr struct{}

func (lineAddr) Network() string { return "tunnel" }
func (lineAddr) String() string  { return "gateway" }

// oneConn is a listener that accepts one connection, and ends with it.
type oneConn struct {
	conn *lineConn
	once sync.Once
}

// Accept implements net.Listener.
func (l *oneConn) Accept() (net.Conn, error) {
	first := false
	l.once.Do(func() { first = true })
	if first {
		return l.conn, nil
	}
	<-l.conn.closed
	return nil, net.ErrClosed
}

// Close implements net.Listener.
func (l *oneConn) Close() error { return l.conn.Close() }

// Addr implements net.Listener.
func (l *oneConn) Addr() net.Addr { return lineAddr{} }
