package ports_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/local/box/ports"
)

// rig is a box with two ports, 80 and 81, and the host's end of its line.
type rig struct {
	t    *testing.T
	line *ports.Line
	at   map[int]string // the address in the box by the port
	cut  func()         // ends the stream, as the box's end does when it is killed
	over chan error     // what Forward returned
}

func newRig(t *testing.T) *rig {
	t.Helper()
	inside, outside := net.Pipe()
	r := &rig{t: t, at: map[int]string{}, cut: func() { _ = inside.Close() }, over: make(chan error, 1)}
	listeners := map[int]net.Listener{}
	for _, port := range []int{80, 81} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[port], r.at[port] = l, l.Addr().String()
	}
	go func() { r.over <- ports.Forward(inside, listeners) }()
	var err error
	if r.line, err = ports.Accept(t.Context(), outside, 80, 81); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.line.Close() })
	return r
}

// serve serves a port on the host.
func (r *rig) serve(port int, handler http.HandlerFunc) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(r.line.Listener(port)) }()
	r.t.Cleanup(func() { _ = server.Close() })
}

func (r *rig) dial(port int) net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.at[port])
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

func get(url string) (string, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func TestConnectionsReachTheListenerOfTheirPort(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, port := range []int{80, 81} {
		r.serve(port, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "port %d", port) })
	}
	var group sync.WaitGroup
	for i := range 300 { // more than there may be at a time: the others wait
		port := 80 + i%2
		group.Go(func() {
			if got, err := get("http://" + r.at[port]); err != nil || got != fmt.Sprintf("port %d", port) {
				t.Errorf("%q, %v from port %d", got, err, port)
			}
		})
	}
	group.Wait()
}

func TestLargeBodiesGoBothWays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.serve(80, func(w http.ResponseWriter, q *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex() // or the server reads ahead on its own
		_, _ = io.Copy(w, q.Body)
	})
	const size = 20 << 20
	response, err := http.Post("http://"+r.at[80], "text/plain", io.LimitReader(letters{}, size))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n != size {
		t.Errorf("%d bytes came back, %v", n, err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// A program that still sends reads the answer that refuses to go on.
func TestAnEarlyAnswerIsRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.serve(80, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
	})
	conn := r.dial(80)
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
	go func() { _, _ = io.CopyN(conn, letters{}, 5_000_000) }()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%v, %v", response, err)
	}
}

// The end of what a program sends leaves it the answer, as on a network.
func TestHalfCloseLeavesTheAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	go func() {
		c, err := r.line.Listener(80).Accept()
		if err != nil {
			return
		}
		text, _ := io.ReadAll(c)
		fmt.Fprintf(c, "%d bytes", len(text))
		_ = c.Close()
	}()
	conn := r.dial(80)
	fmt.Fprint(conn, "hello")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || string(text) != "5 bytes" {
		t.Errorf("%q, %v", text, err)
	}
}

// Deadlines are those of net's own connections, by which servers bound what a client
// may take.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.dial(80)
	c, err := r.line.Listener(80).Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read of nothing: %v", err)
	}
	big := make([]byte, 8<<20) // more than the windows and the sockets hold
	if _, err := c.Write(big); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write to nobody: %v", err)
	}
	if addr := c.RemoteAddr().String(); addr != "127.0.0.1:80" || c.LocalAddr().String() != addr {
		t.Errorf("addresses %s and %s", addr, c.LocalAddr())
	}
}

// One program that does not read keeps no other from its answers.
func TestWhoDoesNotReadIsAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.serve(80, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, letters{}, 64<<20) })
	r.serve(81, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })
	for range 40 {
		fmt.Fprint(r.dial(80), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for range 20 {
		if got, err := get("http://" + r.at[81]); err != nil || got != "here" {
			t.Fatalf("%q, %v", got, err)
		}
	}
}

// Ten thousand connections that say nothing take no more places than there are, and
// once they are gone others are served.
func TestManyConnectionsThatSayNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	counted := &counting{Listener: r.line.Listener(80)}
	server := &http.Server{
		ReadHeaderTimeout: 200 * time.Millisecond,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }),
	}
	go func() { _ = server.Serve(counted) }()
	t.Cleanup(func() { _ = server.Close() })
	var held []net.Conn
	for range 500 { // at a time, 10,000 altogether
		if conn, err := net.DialTimeout("tcp", r.at[80], time.Second); err == nil {
			held = append(held, conn)
		}
	}
	for i := range 9500 {
		_ = held[i%len(held)].Close()
		if conn, err := net.DialTimeout("tcp", r.at[80], time.Second); err == nil {
			held[i%len(held)] = conn
		}
	}
	for _, conn := range held {
		_ = conn.Close()
	}
	if got, err := get("http://" + r.at[80]); err != nil || got != "here" {
		t.Errorf("%q, %v", got, err)
	}
	if most := counted.most.Load(); most > ports.Most {
		t.Errorf("%d connections at a time, at most %d may be", most, ports.Most)
	}
}

// counting counts the connections that are not closed yet.
type counting struct {
	net.Listener
	live, most atomic.Int64
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	live := c.live.Add(1)
	for most := c.most.Load(); live > most && !c.most.CompareAndSwap(most, live); most = c.most.Load() {
	}
	return &counted{Conn: conn, close: sync.OnceFunc(func() { c.live.Add(-1) })}, nil
}

// counted is counted until just before its place is free.
type counted struct {
	net.Conn
	close func()
}

func (c *counted) Close() error {
	c.close()
	return c.Conn.Close()
}

func TestTheLineEndsWithEitherEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	conn := r.dial(80)
	accepted, err := r.line.Listener(80).Accept()
	if err != nil {
		t.Fatal(err)
	}
	r.cut()
	select {
	case <-r.line.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the host does not see that the box's end is gone")
	}
	if _, err := r.line.Listener(80).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept on an ended line: %v", err)
	}
	if _, err := accepted.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives its line")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a program's connection outlives its line")
	}

	r = newRig(t)
	if err := r.line.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-r.over:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the box's end does not see that the host is gone")
	}
	if conn, err := net.DialTimeout("tcp", r.at[80], time.Second); err == nil {
		conn.Close()
		t.Error("the box's port is open without a host")
	}
}

// A listener that is closed leaves the others.
func TestAListenerIsClosedAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.serve(81, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })
	if err := r.line.Listener(80).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.dial(80).Read(make([]byte, 1)); err == nil {
		t.Error("something came of a listener that is closed")
	}
	if got, err := get("http://" + r.at[81]); err != nil || got != "here" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAcceptWantsTheGreeting(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{"another line": "something else\n" + strings.Repeat("x", 100), "half of it": "envctl po"} {
		inside, outside := net.Pipe()
		go func() {
			_, _ = io.WriteString(inside, said)
			_ = inside.Close()
		}()
		if _, err := ports.Accept(t.Context(), outside, 80); err == nil || !strings.Contains(err.Error(), "not opened") {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent, outside := net.Pipe()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too late"))
	defer cancel()
	if _, err := ports.Accept(ctx, outside, 80); err == nil || !strings.Contains(err.Error(), "too late") {
		t.Errorf("nothing said: %v", err)
	}
	if _, err := silent.Write([]byte("x")); err == nil {
		t.Error("the stream is left open")
	}
}
