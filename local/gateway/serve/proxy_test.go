package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequestArrivesAsTheClientWroteIt(t *testing.T) {
	t.Parallel()
	type seen struct{ Method, Host, URI, UserAgent, Encoding, Body string }
	got := make(chan seen, 1)
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- seen{r.Method, r.Host, r.RequestURI, r.UserAgent(), r.Header.Get("Accept-Encoding"), string(text)}
	})
	cases := map[string]struct {
		request string
		want    seen
	}{
		"encoded path and odd query": {
			"GET /a%2Fb//c?x=1;y=%zz&&z HTTP/1.1\r\nHost: shop.example:99\r\n\r\n",
			seen{"GET", "shop.example:99", "/a%2Fb//c?x=1;y=%zz&&z", "", "", ""},
		},
		"unknown method with a body": {
			"BREW /pot HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\ntea",
			seen{"BREW", "h", "/pot", "", "", "tea"},
		},
		"chunked body": {
			"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
			seen{"POST", "h", "/", "", "", "abc"},
		},
		"absolute form goes to the app all the same": {
			"GET http://elsewhere.example/p?q HTTP/1.1\r\nHost: h\r\n\r\n",
			seen{"GET", "elsewhere.example", "/p?q", "", "", ""},
		},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			if r := g.send(t, test.request); r == nil || r.StatusCode != http.StatusOK {
				t.Fatalf("answer %+v", r)
			}
			if diff := cmp.Diff(test.want, <-got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestForwardedHeadersAreTheGatewaysOwn(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	g := gateTo(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	request, err := http.NewRequest(http.MethodGet, g.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "app.example"
	for name, value := range map[string]string{
		"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https",
		"X-Forwarded-Client-Cert": "Hash=0", "X-Forwarded-Port": "443", "Forwarded": "for=6.6.6.6",
		"Connection": "X-Hop, keep-alive", "X-Hop": "1", "Keep-Alive": "1", "Proxy-Authorization": "x", "Te": "gzip",
		"X-Custom": "kept",
	} {
		request.Header.Set(name, value)
	}
	body(t, do(t, request), nil)
	want := http.Header{
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"app.example"}, "X-Forwarded-Proto": {"http"},
		"X-Custom": {"kept"}, "User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"},
	}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Error(diff)
	}
}

func do(t *testing.T, r *http.Request) *http.Response {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// An event must arrive while the handler still runs: the handler does not end
// before the client has read it.
func TestServerSentEventsAreNotHeldBack(t *testing.T) {
	t.Parallel()
	received := make(chan struct{})
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-received:
			case <-time.After(20 * time.Second):
				return
			}
		}
	})
	response, err := http.Get(g.url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	reader := bufio.NewReader(response.Body)
	for i := range 3 {
		line, err := reader.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
			t.Fatalf("event %q, %v, expected %q", line, err, want)
		}
		reader.ReadString('\n')
		received <- struct{}{}
	}
	if rest, err := io.ReadAll(reader); len(rest) > 0 || err != nil {
		t.Errorf("after the last event %q, %v", rest, err)
	}
}

// A slow app's pieces arrive one by one, and its trailers at the end; over HTTP/2
// as over HTTP/1.1.
func TestSlowAnswerAndItsTrailersPass(t *testing.T) {
	t.Parallel()
	received := make(chan struct{})
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		for i := range 3 {
			fmt.Fprintf(w, "piece %d\n", i)
			w.(http.Flusher).Flush()
			select {
			case <-received:
			case <-time.After(20 * time.Second):
				return
			}
		}
		w.Header().Set("X-Sum", "3")
	})
	for _, second := range []bool{false, true} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetHTTP1(!second)
		transport.Protocols.SetUnencryptedHTTP2(second)
		response, err := (&http.Client{Transport: transport}).Get(g.url)
		if err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(response.Body)
		for i := range 3 {
			if line, err := reader.ReadString('\n'); line != fmt.Sprintf("piece %d\n", i) {
				t.Fatalf("%s: %q, %v, expected piece %d", response.Proto, line, err, i)
			}
			received <- struct{}{}
		}
		if _, err := reader.ReadByte(); err != io.EOF || response.Trailer.Get("X-Sum") != "3" {
			t.Errorf("%s: at the end %v, trailer %v", response.Proto, err, response.Trailer)
		}
		response.Body.Close()
		transport.CloseIdleConnections()
	}
}

// Both bodies at once: the app answers each piece before the next one is sent.
func TestChunksGoBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintf(w, "%s!\n", lines.Text())
			control.Flush()
		}
	})
	conn := g.connect(t)
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\none1\n\r\n")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(response.Body)
	for i := 1; i <= 3; i++ {
		line, err := answers.ReadString('\n')
		if want := fmt.Sprintf("one%d!\n", i); line != want || err != nil {
			t.Fatalf("answer %q, %v, expected %q", line, err, want)
		}
		fmt.Fprintf(conn, "5\r\none%d\n\r\n", i+1)
	}
}

// A client that has sent its part may close its sending side of an upgraded
// connection and still get the app's.
func TestUpgradedConnectionMayBeHalfClosed(t *testing.T) {
	t.Parallel()
	app := rawApp(t, func(conn net.Conn) {
		defer conn.Close()
		reader := bufio.NewReader(conn)
		if _, err := http.ReadRequest(reader); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
		sent, _ := io.ReadAll(reader)
		fmt.Fprintf(conn, "got %s", sent)
	})
	g := openGate(t, app, newDialer())
	conn := g.connect(t)
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
	reader := bufio.NewReader(conn)
	if r, err := http.ReadResponse(reader, nil); err != nil || r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answer %+v, %v", r, err)
	}
	io.WriteString(conn, "all of it")
	conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(reader); string(got) != "got all of it" || err != nil {
		t.Errorf("after half-close %q, %v", got, err)
	}
}

func TestHTTP2WithoutTLSIsAccepted(t *testing.T) {
	t.Parallel()
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		text, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Proto, r.Header.Get("X-Forwarded-For"), text)
		w.Header().Set("Grpc-Status", "0")
	})
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	for kind, want := range map[string]string{
		"text/plain": "HTTP/1.1 127.0.0.1 hi", "application/grpc": "HTTP/2.0 127.0.0.1 hi", "application/grpc+proto": "HTTP/2.0 127.0.0.1 hi",
	} {
		response, err := (&http.Client{Transport: transport}).Post(g.url, kind, strings.NewReader("hi"))
		if got := body(t, response, err); got != want || response.ProtoMajor != 2 {
			t.Errorf("%s: %s %q, expected HTTP/2.0 %q", kind, response.Proto, got, want)
		}
		if got := response.Trailer.Get("Grpc-Status"); got != "0" {
			t.Errorf("%s: trailer %q, expected 0", kind, got)
		}
	}
}

func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	g := gateTo(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	r := g.send(t, "CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n")
	if r == nil || r.StatusCode != http.StatusMethodNotAllowed || asked.Load() != 0 {
		t.Errorf("answer %+v, app asked %d times", r, asked.Load())
	}
}

func TestThousandConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	const clients = 1000
	var together sync.WaitGroup
	together.Add(clients)
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		together.Done()
		together.Wait() // nobody is answered before all have come through
		io.WriteString(w, r.URL.Query().Get("n"))
	})
	transport := &http.Transport{MaxConnsPerHost: clients, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			response, err := client.Get(fmt.Sprintf("%s/?n=%d", g.url, i))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if text, err := io.ReadAll(response.Body); string(text) != fmt.Sprint(i) || err != nil {
				t.Errorf("client %d got %q, %v", i, text, err)
			}
		})
	}
	group.Wait()
}
