package serve

import (
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// What no client sends in good faith is answered in a way that says so, at the
// proxy as at the ingress of an app, and neither resolves nor reaches anything.
func TestBadInputIsAnsweredByTheProxy(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"not HTTP":          {"hello, is anybody there?\r\n\r\n", 400},
		"SOCKS5":            {"\x05\x02\x00\x01\r\n\r\n", 400},
		"TLS":               {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		"no authority":      {"CONNECT HTTP/1.1\r\n\r\n", 400},
		"a path to CONNECT": {"CONNECT /x HTTP/1.1\r\nHost: site.test:443\r\n\r\n", 403},
		"header of 60 KiB":  {"GET http://site.test/ HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("a", 60<<10) + "\r\n\r\n", 431},
		"name of 60 KiB":    {"CONNECT " + strings.Repeat("a", 60<<10) + ".wild.test:443 HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		"name of 10 KiB":    {"CONNECT " + strings.Repeat("a.", 5<<10) + "wild.test:443 HTTP/1.1\r\nHost: a\r\n\r\n", 403},
		"two lengths":       {"POST http://site.test/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		"folded coding":     {"POST http://site.test/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n", 501},
		"bare line end":     {"GET http://site.test/ HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		"a space in a name": {"GET http://site.test/ HTTP/1.1\r\nHost: a\r\nX y: 1\r\n\r\n", 400},
		"HTTP/3":            {"GET http://site.test/ HTTP/3.0\r\nHost: a\r\n\r\n", 505},
	} {
		t.Run(name, func(t *testing.T) {
			if r := o.say(t, apiAddr, test.request); r == nil || r.StatusCode != test.status {
				t.Errorf("answer %+v, expected %d", r, test.status)
			}
		})
	}
	if asked, dialled := o.seen(); len(asked)+len(dialled) > 0 {
		t.Errorf("resolved %q, dialled %q, expected nothing", asked, dialled)
	}
}

func TestProxysServerHasLimits(t *testing.T) {
	t.Parallel()
	server := openProxy(t).proxy.newServer()
	if server.ReadHeaderTimeout != headerTimeout || server.IdleTimeout != idleTimeout || server.MaxHeaderBytes != maxHeader-4<<10 {
		t.Errorf("%v, %v, %d, expected %v, %v, %d", server.ReadHeaderTimeout, server.IdleTimeout, server.MaxHeaderBytes, headerTimeout, idleTimeout, maxHeader-4<<10)
	}
}

// One workload's connections, as many as it can get and each as slow as can be,
// leave the others theirs.
func TestSlowClientsHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("80", plain(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }))
	for range egressEach + 20 {
		io.WriteString(o.from(t, lonelyAddr), "GET http://site.test/ HT")
	}
	response, err := o.client(t, nil, "").Get("http://site.test/")
	if got := body(t, response, err); got != "hi" {
		t.Errorf("another workload got %q, expected hi", got)
	}
	if r := o.say(t, lonelyAddr, ""); r == nil || r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one connection more got %+v, expected 503", r)
	}
	if want := reasonCrowd; !strings.Contains(o.events.String(), want) {
		t.Errorf("events %s, expected %q", o.events, want)
	}
}

// An address that does not answer has its share of the time, and the next one is
// tried; the error is that of the first.
func TestEveryAddressIsTried(t *testing.T) {
	t.Parallel()
	o := openProxy(t)
	o.at("443", rawApp(t, func(conn net.Conn) { conn.Close() }))
	o.outside.mu.Lock()
	o.names["site.test."] = []string{"2606:4700::1", "140.82.121.9", siteAddr}
	o.outside.mu.Unlock()
	o.open(t, "site.test:443").Close()
	if _, dialled := o.seen(); !slices.Equal(dialled, []string{"140.82.121.9:443", siteAddr + ":443"}) {
		t.Errorf("dialled %q, expected IPv4 first, one after another", dialled)
	}
}

// rude are ways to leave a connection.
func rude() map[string]func(conn *net.TCPConn) {
	return map[string]func(*net.TCPConn){
		"closes":      func(conn *net.TCPConn) { conn.Close() },
		"resets":      func(conn *net.TCPConn) { conn.SetLinger(0); conn.Close() },
		"half-closes": func(conn *net.TCPConn) { conn.CloseWrite(); io.Copy(io.Discard, conn); conn.Close() },
	}
}

// Clients that leave at any moment leave nothing behind. Not parallel: it counts
// goroutines.
func TestClientsThatLeaveLeaveNothingAtTheProxy(t *testing.T) {
	o := openProxy(t, func(e *egress) { e.hello = 500 * time.Millisecond })
	o.at("5432", rawApp(t, func(conn net.Conn) { io.Copy(conn, conn); conn.Close() }))
	o.at("443", rawApp(t, func(conn net.Conn) { io.Copy(io.Discard, conn); conn.Close() }))
	o.at("80", plain(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	leaveAt(t, o.addr, func() int { return sizeOf(o.proxy.crowd) }, []string{
		"", "CONN", "CONNECT db.test:5432 HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT db.test:5432 HTTP/1.1\r\nHost: x\r\n\r\nsome data",
		"CONNECT site.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT site.test:443 HTTP/1.1\r\nHost: x\r\n\r\n" + string(helloOf(t, "site.test")[:40]),
		"CONNECT site.test:443 HTTP/1.1\r\nHost: x\r\n\r\n" + string(helloOf(t, "site.test")),
		"GET http://site.test/ HTTP/1.1\r\nHost: x\r\n\r\n", "POST http://site.test/ HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf",
		"POST http://site.test/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha",
	})
}

func TestClientsThatLeaveLeaveNothingAtAnApp(t *testing.T) {
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	leaveAt(t, g.addr, func() int { return 0 }, []string{
		"", "GE", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf",
		"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha", "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x05\x01\x04\x00\x00\x00\x01\x82\x84",
	})
	response, err := http.Get(g.url)
	if body(t, response, err); response.StatusCode != http.StatusOK {
		t.Errorf("afterwards %d, expected 200", response.StatusCode)
	}
}

// leaveAt begins with each of the texts and leaves in each way, and expects that
// no goroutine and no counted connection is left.
func leaveAt(t *testing.T, addr string, counted func() int, begin []string) {
	t.Helper()
	time.Sleep(20 * time.Millisecond)
	before := runtime.NumGoroutine()
	for range 3 {
		for _, text := range begin {
			for name, leave := range rude() {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				io.WriteString(conn, text)
				time.Sleep(2 * time.Millisecond)
				start := time.Now()
				leave(conn.(*net.TCPConn))
				if took := time.Since(start); took > 12*time.Second {
					t.Errorf("%q, then %s: an end after %v", text, name, took)
				}
			}
		}
	}
	settled(t, before)
	if n := counted(); n != 0 {
		t.Errorf("%d connections are still counted", n)
	}
}
