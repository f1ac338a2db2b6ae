package serve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	gorilla "github.com/gorilla/websocket"
)

// What goes on is what was decided about, whatever the request said beside it.
func TestForwardedIsWhatWasAuthorised(t *testing.T) {
	t.Parallel()
	got := make(chan []string, 1)
	o := openProxy(t)
	o.at("80", plain(t, func(w http.ResponseWriter, r *http.Request) {
		var lines []string
		for name, values := range r.Header {
			lines = append(lines, name+": "+strings.Join(values, ","))
		}
		text, _ := io.ReadAll(r.Body)
		lines = append(lines, r.Method+" "+r.Host+" "+r.RequestURI+" "+string(text))
		got <- lines
		w.Header().Set(headerRefused, "says the server")
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, "ok")
		w.Header().Set("X-Sum", "1")
	}))
	o.names["site.test."] = []string{siteAddr}
	r := o.say(t, apiAddr, "POST http://SITE.test./a%2Fb?q=%zz;x HTTP/1.1\r\nHost: evil.test\r\nProxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\n"+
		"Connection: X-Hop\r\nX-Hop: 1\r\nTe: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\nX-Forwarded-For: 6.6.6.6\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nhi")
	if r == nil || r.StatusCode != 200 || r.Header.Get(headerRefused) != "" {
		t.Fatalf("answer %+v, expected 200 without %s", r, headerRefused)
	}
	if text := body(t, r, nil); text != "ok" || r.Trailer.Get("X-Sum") != "1" {
		t.Errorf("%q, trailer %v", text, r.Trailer)
	}
	want := []string{"Content-Length: 2", "X-Forwarded-For: 6.6.6.6", "X-Kept: 1", "Http2-Settings: AA", "POST site.test /a%2Fb?q=%zz;x hi"}
	if diff := cmp.Diff(sorted(want), sorted(<-got)); diff != "" {
		t.Error(diff)
	}
}

func sorted(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

// A redirect is the client's to follow, which then asks again.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("80", plain(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
	}))
	response, err := o.client(t, nil, "").Get("http://site.test/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusFound || response.Header.Get("Location") != "http://169.254.169.254/latest/meta-data/" {
		t.Errorf("%d %v, expected the redirect as it came", response.StatusCode, response.Header)
	}
	if _, dialled := o.seen(); len(dialled) != 1 {
		t.Errorf("dialled %q, expected the site only", dialled)
	}
}

// One connection asks for many hosts, and each request is decided about.
func TestEachRequestIsDecidedAbout(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("80", plain(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }))
	conn := o.from(t, apiAddr)
	reader := bufio.NewReader(conn)
	for _, host := range []string{"site.test", "a.wild.test", "site.test"} {
		fmt.Fprintf(conn, "GET http://%s/ HTTP/1.1\r\nHost: evil.test\r\n\r\n", host)
		r, err := http.ReadResponse(reader, nil)
		if got := body(t, r, err); got != host {
			t.Errorf("%q, expected %q", got, host)
		}
	}
	fmt.Fprint(conn, "GET http://evil.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n")
	if r, err := http.ReadResponse(reader, nil); err != nil || r.StatusCode != http.StatusForbidden {
		t.Errorf("%+v, %v, expected 403", r, err)
	}
}

// Two WebSocket clients that were written apart get out by the proxy: one asks
// with an absolute address, the other opens a tunnel, whose port the list gives.
func TestWebSocketGetsOut(t *testing.T) {
	t.Parallel()
	echo := plain(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		kind, data, err := conn.Read(r.Context())
		if err == nil {
			_ = conn.Write(r.Context(), kind, data)
		}
		conn.Close(websocket.StatusNormalClosure, "")
	})
	o := openProxy(t)
	o.at("80", echo)
	o.at("5432", echo)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	one, _, err := websocket.Dial(ctx, "ws://site.test/", &websocket.DialOptions{HTTPClient: o.client(t, nil, "")})
	if err != nil {
		t.Fatal(err)
	}
	defer one.CloseNow()
	_ = one.Write(ctx, websocket.MessageText, []byte("hello"))
	if _, got, err := one.Read(ctx); string(got) != "hello" {
		t.Errorf("%q, %v, expected hello", got, err)
	}
	proxy, _ := url.Parse(o.url)
	two, _, err := (&gorilla.Dialer{Proxy: http.ProxyURL(proxy)}).DialContext(ctx, "ws://db.test:5432/", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	_ = two.WriteMessage(gorilla.TextMessage, []byte("hello"))
	if _, got, err := two.ReadMessage(); string(got) != "hello" {
		t.Errorf("%q, %v, expected hello", got, err)
	}
}

// A slow upload or download passes as it comes.
func TestPlainStreamIsNotHeldBack(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("80", rawApp(t, func(conn net.Conn) {
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
		io.Copy(io.Discard, conn) // never the second
	}))
	conn := o.from(t, apiAddr)
	io.WriteString(conn, "GET http://site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(r.Body).ReadString('\n'); line != "first\n" {
		t.Errorf("%q, %v, expected the first line while the answer goes on", line, err)
	}
}
