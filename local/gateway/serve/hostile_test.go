package serve

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
)

func TestAppThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	closed := func(t *testing.T) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}
	reset := func(t *testing.T) string {
		return rawApp(t, func(conn net.Conn) {
			http.ReadRequest(bufio.NewReader(conn))
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		})
	}
	ends := func(t *testing.T) string {
		return rawApp(t, func(conn net.Conn) {
			http.ReadRequest(bufio.NewReader(conn))
			conn.Close()
		})
	}
	garbage := func(t *testing.T) string {
		return rawApp(t, func(conn net.Conn) {
			http.ReadRequest(bufio.NewReader(conn))
			io.WriteString(conn, "\x1b[31mnot HTTP\r\n\r\n")
			conn.Close()
		})
	}
	// Which of them depends on whether the end comes before or while net/http reads.
	const none = "(connection reset|no valid HTTP answer)"
	cases := map[string]struct {
		app    func(*testing.T) string
		status int
		text   string
		event  string
	}{
		"refuses":         {closed, 502, "app api refused the connection: it is still starting, or listens on another port or on 127.0.0.1 only", "connection refused"},
		"resets":          {reset, 502, "app api did not answer: " + none, none},
		"ends":            {ends, 502, "app api did not answer: " + none, none},
		"talks otherwise": {garbage, 502, "app api did not answer: " + none, none},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := openGate(t, test.app(t), newDialer())
			response, err := http.Post(g.url, "text/plain", strings.NewReader("x"))
			if got := body(t, response, err); !whole(test.text).MatchString(got) || response.StatusCode != test.status {
				t.Errorf("answer %d %q, expected %d %q", response.StatusCode, got, test.status, test.text)
			}
			if reason := regexp.MustCompile(`"reason":"` + test.event + `"`); !reason.MatchString(g.events.String()) {
				t.Errorf("events %s, expected one with %q", g.events, test.event)
			}
		})
	}
}

// whole matches a text that is all of an expression.
func whole(expression string) *regexp.Regexp { return regexp.MustCompile("^(?:" + expression + ")$") }

func TestAppIsFoundAsSoonAsItsNameResolves(t *testing.T) {
	t.Parallel()
	app := rawApp(t, func(conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		conn.Close()
	})
	host, port := split(t, app)
	var started atomic.Bool
	dial := unresolved(func() string {
		if started.Load() {
			return host
		}
		return ""
	})
	named := openRoute(t, protocol.Route{App: "api", Listen: 1, Host: "api", Port: port}, dial)
	response, err := http.Get(named.url)
	if got := body(t, response, err); response.StatusCode != 503 || got != "app api is not running yet, or not any more" {
		t.Errorf("before: %d %q", response.StatusCode, got)
	}
	started.Store(true)
	response, err = http.Get(named.url)
	if got := body(t, response, err); response.StatusCode != 200 || got != "hi" {
		t.Errorf("after: %d %q", response.StatusCode, got)
	}
}

// With a fake clock a silent app is waited for at once.
func TestSilentAppTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, upstream := net.Pipe()
		tr := newTransport(newDialer())
		tr.http1.DialContext = nil
		tr.http1.Dial = func(string, string) (net.Conn, error) { return client, nil }
		go io.Copy(io.Discard, upstream)
		request, err := http.NewRequest(http.MethodGet, "http://api/", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = tr.RoundTrip(request)
		if explain(err) != "timed out" || time.Since(start) != answerTimeout {
			t.Errorf("%v after %v, expected a timeout after %v", err, time.Since(start), answerTimeout)
		}
		upstream.Close()
	})
}

func TestResetInTheMiddleReachesTheClient(t *testing.T) {
	t.Parallel()
	app := rawApp(t, func(conn net.Conn) {
		http.ReadRequest(bufio.NewReader(conn))
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		time.Sleep(50 * time.Millisecond)
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	})
	g := openGate(t, app, newDialer())
	response, err := http.Get(g.url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); string(got) != "half" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body %q, %v, expected half of it and an error", got, err)
	}
}

func TestClientThatLeavesFreesTheApp(t *testing.T) {
	t.Parallel()
	came, left := make(chan struct{}), make(chan struct{})
	g := gateTo(t, func(_ http.ResponseWriter, r *http.Request) {
		close(came)
		<-r.Context().Done()
		close(left)
	})
	conn := g.connect(t)
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-came
	conn.Close()
	select {
	case <-left:
	case <-time.After(20 * time.Second):
		t.Fatal("the app's request goes on 20 s after the client left")
	}
	if got := g.events.String(); got != "" {
		t.Errorf("events %s, expected none: a client that leaves is no news", got)
	}
}

func TestMalformedRequestsDoNotReachTheApp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	g := gateTo(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	cases := map[string]struct {
		request string
		status  int
	}{
		"not HTTP":               {"hello, is anybody there?\r\n\r\n", 400},
		"no host":                {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":              {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"space in a name":        {"GET / HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n", 400},
		"two lengths":            {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		"negative length":        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
		"unknown coding":         {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		"null byte":              {"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"HTTP/3":                 {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
		"header of 60 KiB":       {"GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("a", 60<<10) + "\r\n\r\n", 431},
		"path of 60 KiB":         {"GET /" + strings.Repeat("a", 60<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		"TLS hello on this port": {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := g.send(t, test.request); r == nil || r.StatusCode != test.status {
				t.Errorf("answer %+v, expected %d", r, test.status)
			}
		})
	}
	t.Cleanup(func() {
		if n := asked.Load(); n != 0 {
			t.Errorf("the app was asked %d times, expected never", n)
		}
	})
}

// What an app reads has one framing, made by the gateway, whatever the client
// wrote: app and gateway cannot disagree on where a request ends.
func TestRequestIsFramedAnew(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 1)
	app := rawApp(t, func(conn net.Conn) {
		defer conn.Close()
		conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		text, _ := io.ReadAll(conn)
		arrived <- string(text)
	})
	for name, framing := range map[string]string{
		"both":          "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
		"folded":        "Content-Length: 6\r\nTransfer-Encoding:\r\n chunked\r\n",
		"same twice":    "Content-Length: 6\r\nContent-Length: 6\r\n",
		"named as hop":  "Content-Length: 6\r\nConnection: Content-Length\r\n",
		"bare line end": "Content-Length: 6\nTransfer-Encoding: chunked\n",
	} {
		g := openGate(t, app, newDialer())
		g.send(t, "POST / HTTP/1.1\r\nHost: a\r\n"+framing+"\r\n1\r\na\r\n0\r\n\r\n")
		got := <-arrived
		framings := strings.Count(got, "Content-Length:") + strings.Count(got, "Transfer-Encoding:")
		if framings != 1 || strings.Count(got, "POST ") != 1 {
			t.Errorf("%s: the app was sent %q, expected one request with one framing", name, got)
		}
	}
}

// The header's time is real time here, in a server with a shorter limit.
func TestSlowHeaderIsCutOff(t *testing.T) {
	t.Parallel()
	server := newServer(http.NotFoundHandler())
	if server.ReadHeaderTimeout != headerTimeout || server.IdleTimeout != idleTimeout {
		t.Fatalf("timeouts %v, %v, expected %v, %v", server.ReadHeaderTimeout, server.IdleTimeout, headerTimeout, idleTimeout)
	}
	server.ReadHeaderTimeout = 300 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(l)
	defer server.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	io.WriteString(conn, "GET / HTTP/1.1\r\n")
	for i := 0; time.Since(start) < 20*time.Second; i++ {
		if _, err := fmt.Fprintf(conn, "X-%d: a\r\n", i); err != nil {
			return // cut off
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("a header that trickles is still read after 20 s, expected an end after 0.3 s")
}

// Half a gigabyte goes each way; what the gateway holds is bounded.
func TestLargeBodiesAreStreamed(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 1 GiB")
	}
	const size = 512 << 20
	app := rawApp(t, func(conn net.Conn) {
		defer conn.Close()
		request, err := http.ReadRequest(bufio.NewReaderSize(conn, 64<<10))
		if err != nil {
			return
		}
		sum := sha256.New()
		if n, _ := io.CopyBuffer(struct{ io.Writer }{sum}, request.Body, make([]byte, 64<<10)); n != size {
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Sum: %x\r\n\r\n", size, sum.Sum(nil))
		io.CopyN(conn, zeros{}, size)
	})
	g := openGate(t, app, newDialer())
	peak := watchHeap(t)
	response, err := http.Post(g.url, "application/octet-stream", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if n != size || err != nil {
		t.Errorf("download of %d bytes, %v, expected %d", n, err, size)
	}
	sum := sha256.New()
	io.CopyN(sum, zeros{}, size)
	if got := response.Header.Get("X-Sum"); got != fmt.Sprintf("%x", sum.Sum(nil)) {
		t.Errorf("upload arrived with SHA-256 %s", got)
	}
	if grown := peak(); grown > 32<<20 {
		t.Errorf("heap grew by %d MiB, expected at most 32", grown>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// watchHeap returns a function that stops watching and tells by how much the
// heap grew at most, in bytes.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		for {
			select {
			case <-stop:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
			}
		}
	}()
	return func() uint64 { close(stop); return <-peak }
}
