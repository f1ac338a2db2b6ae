package serve

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// inner is a listener that workloads reach, by HTTP/2.
type inner struct {
	dial      func() net.Conn
	authority string
	scheme    string
	headers   []hpack.HeaderField // of a request that is let through
	path      string
	under     *atomic.Int64 // requests that are at the app
	most      *atomic.Int64
	ask       func() (*http.Response, error) // as a client that means well
}

// holds counts the requests that are at an app, which answers when the client gives
// up or, for those that say so, at once.
func holds(under, most *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Now") != "" {
			return
		}
		now := under.Add(1)
		defer under.Add(-1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		<-r.Context().Done()
	}
}

// innerIngress is the listener at which apps call each other.
func innerIngress(t *testing.T) inner {
	t.Helper()
	var under, most atomic.Int64
	app := httptest.NewServer(holds(&under, &most))
	t.Cleanup(app.Close)
	host, port := split(t, app.Listener.Addr().String())
	server := newServer(insideHandler([]protocol.InsideRoute{{App: "api", Host: host, Port: port}}, newApps(newDialer(), nil, newEmitter(&lines{}), insideTotal)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(newCrowd(insideTotal, insideEach, func() {}).bound(l)) }()
	t.Cleanup(func() { server.Close() })
	return inner{
		authority: "api", scheme: "http", path: "/", under: &under, most: &most,
		dial: func() net.Conn {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			return conn
		},
		ask: func() (*http.Response, error) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
			if err != nil {
				return nil, err
			}
			request.Host = "api"
			request.Header.Set("X-Now", "1")
			return http.DefaultClient.Do(request)
		},
	}
}

// innerModels is the address of models.
func innerModels(t *testing.T) inner {
	t.Helper()
	var under, most atomic.Int64
	f := openFront(t)
	f.attach(holds(&under, &most))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(f.ca.PEM())
	bearer := "Bearer " + tokenOf(t, "api", protocol.Resource, time.Now())
	return inner{
		authority: modelsHost, scheme: "https", path: "/openai/v1/models", under: &under, most: &most,
		headers: []hpack.HeaderField{{Name: "authorization", Value: bearer}},
		dial: func() net.Conn {
			conn, err := tls.Dial("tcp", f.addr, &tls.Config{RootCAs: pool, ServerName: modelsHost, NextProtos: []string{"h2"}})
			if err != nil {
				t.Fatal(err)
			}
			return conn
		},
		ask: func() (*http.Response, error) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+modelsHost+"/openai/v1/models", nil)
			if err != nil {
				return nil, err
			}
			request.Header.Set("Authorization", bearer)
			request.Header.Set("X-Now", "1")
			return f.client("127.0.0.1").Do(request)
		},
	}
}

// underEachInner runs a test on each listener that workloads reach by HTTP/2.
func underEachInner(t *testing.T, test func(t *testing.T, in inner)) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) inner{"ingress": innerIngress, "models": innerModels} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// open begins a connection and returns it with the server's settings.
func (in inner) open(t *testing.T) (net.Conn, *http2.Framer, map[http2.SettingID]uint32) {
	t.Helper()
	conn := in.dial()
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	frame, err := framer.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("the server begins with %v", frame)
	}
	said := map[http2.SettingID]uint32{}
	_ = settings.ForeachSetting(func(s http2.Setting) error { said[s.ID] = s.Val; return nil })
	if err := framer.WriteSettingsAck(); err != nil {
		t.Fatal(err)
	}
	return conn, framer, said
}

// block encodes fields for one connection.
func block(encoder *hpack.Encoder, out *bytes.Buffer, fields []hpack.HeaderField) []byte {
	out.Reset()
	for _, f := range fields {
		_ = encoder.WriteField(f) // into memory
	}
	return out.Bytes()
}

// Streams that are opened and reset at once, thousands on each of some connections
// (CVE-2023-44487), are not all work for an app: at no time more than the streams that
// a connection may have. Others are served meanwhile, and nothing is left.
func TestRapidReset(t *testing.T) {
	underEachInner(t, rapidReset)
}

func rapidReset(t *testing.T, in inner) {
	const connections, streams = 4, 3000
	if answer, err := in.ask(); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("before: %+v, %v", answer, err)
	}
	before := runtime.NumGoroutine()
	for range connections {
		conn, framer, said := in.open(t)
		if n := said[http2.SettingMaxConcurrentStreams]; n == 0 || n > 250 {
			t.Errorf("the server allows %d streams", n)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }() // a server that cannot write would wait
		var out bytes.Buffer
		encoder := hpack.NewEncoder(&out)
		fields := append([]hpack.HeaderField{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: in.scheme}, {Name: ":authority", Value: in.authority}, {Name: ":path", Value: in.path},
		}, in.headers...)
		for i := range uint32(streams) {
			err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block(encoder, &out, fields), EndStream: true, EndHeaders: true})
			if err == nil {
				err = framer.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
			}
			if err != nil {
				break // it was thrown out
			}
		}
	}
	start := time.Now()
	if answer, err := in.ask(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("meanwhile: %+v, %v", answer, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("others wait for %v", took)
	}
	if n := in.most.Load(); n > connections*250 {
		t.Errorf("%d requests were at the app at a time", n)
	}
	eventually(t, "no request is left at the app", func() bool { return in.under.Load() == 0 })
	// Some connections are open still.
	eventually(t, "the goroutines of reset streams have ended", func() bool { return runtime.NumGoroutine() < before+20*connections })
}

// Extended CONNECT (RFC 8441) is not offered, and one that is sent all the same opens
// nothing, whatever it is for.
func TestExtendedConnectIsRefused(t *testing.T) {
	underEachInner(t, extendedConnect)
}

func extendedConnect(t *testing.T, in inner) {
	for _, protocol := range []string{"websocket", "connect-udp", "connect-ip", ""} {
		_, framer, said := in.open(t)
		if said[http2.SettingEnableConnectProtocol] != 0 {
			t.Error("extended CONNECT is offered")
		}
		fields := []hpack.HeaderField{{Name: ":method", Value: "CONNECT"}, {Name: ":authority", Value: in.authority}}
		if protocol != "" {
			fields = append(fields, hpack.HeaderField{Name: ":protocol", Value: protocol},
				hpack.HeaderField{Name: ":scheme", Value: in.scheme}, hpack.HeaderField{Name: ":path", Value: in.path})
		}
		var out bytes.Buffer
		err := framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: 1, BlockFragment: block(hpack.NewEncoder(&out), &out, append(fields, in.headers...)), EndHeaders: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := ended(t, framer); got != "reset PROTOCOL_ERROR" && !strings.HasPrefix(got, "status 4") {
			t.Errorf("CONNECT for %q: %s", protocol, got)
		}
	}
	if n := in.most.Load(); n != 0 {
		t.Errorf("%d requests came to the app", n)
	}
	if answer, err := in.ask(); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %+v, %v", answer, err)
	}
}

// ended is how the first stream ends.
func ended(t *testing.T, framer *http2.Framer) string {
	t.Helper()
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err.Error()
		}
		switch f := frame.(type) {
		case *http2.RSTStreamFrame:
			return "reset " + f.ErrCode.String()
		case *http2.GoAwayFrame:
			return "goaway " + f.ErrCode.String()
		case *http2.MetaHeadersFrame:
			return "status " + f.PseudoValue("status")
		}
	}
}
