package ports

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// Line is the host's end of a stream.
type Line struct {
	session   *yamux.Session
	listeners map[int]*listener
}

// Accept returns the host's end of a stream, once the box's end has said that its
// ports are open. It closes the stream if that does not come before ctx ends.
func Accept(ctx context.Context, stream io.ReadWriteCloser, ports ...int) (*Line, error) {
	if err := greeted(ctx, stream); err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	session, err := yamux.Server(&guarded{ReadWriteCloser: stream}, settings())
	if err != nil {
		return nil, errors.Join(err, stream.Close())
	}
	l := &Line{session: session, listeners: map[int]*listener{}}
	for _, port := range ports {
		l.listeners[port] = &listener{
			line: l, addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port},
			conns: make(chan net.Conn), closed: make(chan struct{}),
		}
	}
	go l.run()
	return l, nil
}

// greeted reads the first line.
func greeted(ctx context.Context, stream io.ReadWriteCloser) error {
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() })
	line := make([]byte, len(greeting))
	_, err := io.ReadFull(stream, line)
	switch {
	case !stop():
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("the ports of the box are not opened: %w", err)
	case string(line) != greeting:
		return fmt.Errorf("the ports of the box are not opened: %q, expected %q", line, greeting)
	}
	return nil
}

// Listener returns what accepts the connections to one of the ports. Its connections
// end with the line.
func (l *Line) Listener(port int) net.Listener { return l.listeners[port] }

// Done is closed when the line has ended.
func (l *Line) Done() <-chan struct{} { return l.session.CloseChan() }

// Close ends the line with all of its connections.
func (l *Line) Close() error { return l.session.Close() }

// run takes streams while there is a place for them.
func (l *Line) run() {
	slots := make(chan struct{}, Most)
	for {
		select {
		case slots <- struct{}{}:
		case <-l.Done():
			return
		}
		stream, err := l.session.AcceptStream()
		if err != nil || l.session.NumStreams() > mostStreams {
			_ = l.session.Close() // by one who does not close what is closed
			return
		}
		go l.hand(&conn{Stream: stream, leave: sync.OnceFunc(func() { <-slots })})
	}
}

// hand gives a connection to the listener of its port.
func (l *Line) hand(c *conn) {
	_ = c.SetReadDeadline(time.Now().Add(openTime))
	var port [2]byte
	_, err := io.ReadFull(c, port[:])
	to := l.listeners[int(binary.BigEndian.Uint16(port[:]))]
	if err != nil || to == nil {
		_ = c.Close()
		return
	}
	_ = c.SetReadDeadline(time.Time{})
	c.addr = to.addr
	select {
	case to.conns <- c:
	case <-to.closed:
		_ = c.Close()
	case <-l.Done():
		_ = c.Close()
	}
}

// listener has the connections to one port.
type listener struct {
	line   *Line
	addr   *net.TCPAddr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
	case <-l.line.Done():
	}
	return nil, net.ErrClosed
}

// Close implements net.Listener. Connections and other listeners go on.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.addr }

// conn is one connection.
type conn struct {
	*yamux.Stream
	addr  *net.TCPAddr
	leave func()
}

// Read implements net.Conn. Being late is what net's own connections call it.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	return n, late(err)
}

// Write implements net.Conn, as Read.
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Stream.Write(p)
	return n, late(err)
}

func late(err error) error {
	if errors.Is(err, yamux.ErrTimeout) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	defer c.leave()
	return c.Stream.Close()
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.addr }

// RemoteAddr implements net.Conn. Who connects has no name in the box either.
func (c *conn) RemoteAddr() net.Addr { return c.addr }
