package ports_test

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/envctl/envctl/local/box/ports"
)

// Frames of yamux, as hostile code writes them.
const (
	data, window, ping, goAway = 0, 1, 2, 3
	syn, ack, fin, rst         = 1, 2, 4, 8
)

func frame(kind byte, flags uint16, stream, length uint32) []byte {
	out := []byte{0, kind}
	out = binary.BigEndian.AppendUint16(out, flags)
	out = binary.BigEndian.AppendUint32(out, stream)
	return binary.BigEndian.AppendUint32(out, length)
}

// opened is the stream of a box that hostile code has, and the host's end of it, where
// port 80 is accepted at; take gets the connections.
func opened(t testing.TB, take func(net.Conn)) (net.Conn, *ports.Line) {
	t.Helper()
	inside, outside := net.Pipe()
	go func() { _, _ = io.WriteString(inside, "envctl ports 1\n") }()
	line, err := ports.Accept(t.Context(), outside, 80)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = line.Close(), inside.Close() })
	go func() {
		for {
			conn, err := line.Listener(80).Accept()
			if err != nil {
				return
			}
			go take(conn)
		}
	}()
	return inside, line
}

func read(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}

// leave is a server that is busy otherwise.
func leave(net.Conn) {}

// ends fails unless a line ends in so long.
func ends(t *testing.T, name string, line *ports.Line, within time.Duration) {
	t.Helper()
	select {
	case <-line.Done():
	case <-time.After(within):
		t.Errorf("%s: the line goes on", name)
	}
}

// write writes until it is done or the line has ended.
func write(conn net.Conn, frames ...[]byte) {
	for _, f := range frames {
		if _, err := conn.Write(f); err != nil {
			return
		}
	}
}

func TestWhatNoHoldSendsEndsTheLine(t *testing.T) {
	t.Parallel()
	for name, frames := range map[string][][]byte{
		"text":                       {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")},
		"a question":                 {frame(ping, syn, 0, 1)},
		"a question after content":   {frame(data, syn, 1, 2), {0, 80}, frame(ping, syn|ack, 0, 1)},
		"a stream twice":             {frame(window, syn, 1, 0), frame(window, syn, 1, 0)},
		"more than the window":       {frame(window, syn, 1, 0), frame(data, 0, 1, 1<<30)},
		"a kind that there is not":   {frame(9, 0, 0, 0)},
		"a version that there isn't": {{7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, line := opened(t, read)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			go write(conn, frames...)
			ends(t, name, line, 10*time.Second)
		})
	}
}

// Whoever does not read what the host says, or stops in the middle of a frame, is
// found out by the host's questions.
func TestASilentBoxIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, frames := range map[string][][]byte{
		"does not read":         {frame(window, syn, 1, 0)},
		"stops within a frame":  {frame(window, syn, 1, 0), frame(data, 0, 1, 1000), {1, 2, 3}},
		"stops within a header": {frame(window, syn, 1, 0)[:5]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, line := opened(t, read)
			if name != "does not read" {
				go func() { _, _ = io.Copy(io.Discard, conn) }()
			}
			go write(conn, frames...)
			ends(t, name, line, 40*time.Second)
		})
	}
}

// However many streams are opened, and whatever is sent on them, the host holds no
// more than it says. It runs alone, for what it measures is the whole process's.
func TestAFloodIsBounded(t *testing.T) {
	content := make([]byte, 64<<10)
	for name, next := range map[string]func(i int) [][]byte{
		"left unread": func(i int) [][]byte {
			return [][]byte{frame(data, syn, uint32(2*i+1), 2), {0, 80}, frame(data, 0, uint32(2*i+1), 192<<10), content, content, content}
		},
		"opened":             func(i int) [][]byte { return [][]byte{frame(window, syn, uint32(2*i+1), 0)} },
		"opened and reset":   func(i int) [][]byte { return [][]byte{frame(window, syn|rst, uint32(2*i+1), 0)} },
		"opened and closed":  func(i int) [][]byte { return [][]byte{frame(window, syn|fin, uint32(2*i+1), 0)} },
		"for port 81":        func(i int) [][]byte { return [][]byte{frame(data, syn, uint32(2*i+1), 2), {0, 81}} },
		"full":               func(i int) [][]byte { return [][]byte{frame(data, syn, uint32(2*i+1), 64<<10), content} },
		"byte by byte":       func(i int) [][]byte { return [][]byte{frame(data, syn*uint16(1-min(i, 1)), 1, 1), {80}} },
		"for no stream":      func(i int) [][]byte { return [][]byte{frame(data, 0, uint32(2*i+1), 64<<10), content} },
		"answers to nothing": func(i int) [][]byte { return [][]byte{frame(ping, ack, 0, uint32(i))} },
		"windows":            func(i int) [][]byte { return [][]byte{frame(window, syn*uint16(1-min(i, 1)), 1, 1<<31)} },
	} {
		t.Run(name, func(t *testing.T) {
			take := read
			if name == "left unread" {
				take = leave
			}
			conn, line := opened(t, take)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			before, routines := heap(), runtime.NumGoroutine()
			for i, end := 0, time.Now().Add(time.Second); time.Now().Before(end); i++ {
				write(conn, next(i)...)
			}
			t.Logf("%d MiB more are held, %d goroutines", (max(heap(), before)-before)>>20, runtime.NumGoroutine()-routines)
			// What the package's comment says, and something for the rest.
			if now := heap(); now > before+(56<<20)+(8<<20) {
				t.Errorf("%d MiB more are held", (now-before)>>20)
			}
			if now := runtime.NumGoroutine(); now > routines+4*ports.Most {
				t.Errorf("%d goroutines more", now-routines)
			}
			_ = line.Close()
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Noise ends the line or waits for more, and never more than that.
func TestNoise(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		conn, line := opened(t, read)
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		random := rand.New(rand.NewPCG(seed, 1))
		kinds := []byte{data, window, ping, goAway}
		for range 50 {
			write(conn, frame(kinds[random.IntN(4)], uint16(random.IntN(16))&^(syn*uint16(random.IntN(2))), uint32(random.IntN(6)), uint32(random.IntN(20))))
		}
		_ = conn.Close()
		ends(t, "noise", line, 20*time.Second)
	}
}
