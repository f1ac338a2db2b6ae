package serve

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// tunnelIdle is how long a tunnel may carry nothing in either direction.
const tunnelIdle = 10 * time.Minute

// tunnelBuffer is what one direction of a tunnel holds at most, in bytes: with
// 1,024 tunnels 32 MiB.
const tunnelBuffer = 16 << 10

// buffers are the buffers of ended tunnels and answers.
type buffers struct {
	pool sync.Pool
	size int
}

func newBuffers(size int) *buffers { return &buffers{size: size} }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, b.size)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// tunnel passes bytes between two connections as they come.
type tunnel struct {
	a, b    net.Conn
	idle    time.Duration
	buffers *buffers
	moved   atomic.Int64 // reads that brought something, in either direction
}

// pass works until both directions have ended, one has failed, or nothing came
// for the time idle. The end of one direction is passed on and leaves the other
// open; a failure resets both.
func (t *tunnel) pass() {
	var group sync.WaitGroup
	group.Go(func() { t.direction(t.b, t.a) })
	t.direction(t.a, t.b)
	group.Wait()
	t.close()
}

func (t *tunnel) direction(to, from net.Conn) {
	buf := t.buffers.Get()
	defer t.buffers.Put(buf)
	var seen int64
	for {
		_ = from.SetReadDeadline(time.Now().Add(t.idle))
		n, err := from.Read(buf)
		if n > 0 {
			t.moved.Add(1)
			_ = to.SetWriteDeadline(time.Now().Add(t.idle))
			if _, failed := to.Write(buf[:n]); failed != nil {
				t.reset()
				return
			}
		}
		switch moved := t.moved.Load(); {
		case err == nil:
		case errors.Is(err, io.EOF):
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			return
		case errors.Is(err, os.ErrDeadlineExceeded) && moved != seen:
			seen = moved // the other direction is busy
		default:
			t.reset()
			return
		}
	}
}

// reset ends both connections so that neither peer takes it for an end in order.
func (t *tunnel) reset() {
	for _, conn := range []net.Conn{t.a, t.b} {
		if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
			_ = tcp.SetLinger(0)
		}
	}
	t.close()
}

func (t *tunnel) close() {
	_ = t.a.Close()
	_ = t.b.Close()
}
