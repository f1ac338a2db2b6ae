package serve

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// stretch is a connection that goes silent: what was written to it is lost, and
// nothing is read from it any more, as when the host's process is stopped.
type stretch struct {
	net.Conn
	silent chan struct{}
}

func (s stretch) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	select {
	case <-s.silent:
		select {} // for good
	default:
		return n, err
	}
}

func (s stretch) Write(p []byte) (int, error) {
	select {
	case <-s.silent:
		return len(p), nil
	default:
		return s.Conn.Write(p)
	}
}

func TestSilentHostSideIsNoticed(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	conn := stretch{f.dialTunnel(), make(chan struct{})}
	t.Cleanup(func() { conn.Close() })
	asked, ready := make(chan struct{}), make(chan struct{})
	go func() {
		_ = gateway.Attach(t.Context(), conn, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(asked)
			<-t.Context().Done()
		}), func() { close(ready) })
	}()
	<-ready
	status := make(chan int, 1)
	f.models.patience = 5 * time.Second
	go func() {
		response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
		_ = body(t, response, err)
		status <- response.StatusCode
	}()
	<-asked
	close(conn.silent)
	began := time.Now()
	select {
	case got := <-status:
		if took := time.Since(began); got != http.StatusBadGateway || took > hostSilence+hostGone+3*time.Second {
			t.Errorf("status %d after %v, expected 502 within %v", got, took, hostSilence+hostGone)
		}
	case <-time.After(25 * time.Second):
		t.Fatal("a request waits for a host side that is silent")
	}
	if !f.models.line.is(nil) {
		t.Error("the silent host side is still in service")
	}
}

func TestWhatIsNoHostSideIsNotPutIntoService(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	for name, say := range map[string]string{
		"closes at once": "", "speaks HTTP/1.1": "HTTP/1.1 204 No Content\r\n\r\n", "nonsense": strings.Repeat("\x00\xff", 5000),
	} {
		conn := f.dialTunnel()
		_, _ = io.WriteString(conn, say)
		if say == "" {
			conn.Close()
		}
		defer conn.Close()
		time.Sleep(20 * time.Millisecond)
		if !f.models.line.is(nil) {
			t.Errorf("%s: put into service", name)
		}
	}
	f.attach(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "well") })
	response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
	if got := body(t, response, err); got != "well" {
		t.Errorf("%q, expected the answer of the real one", got)
	}
}

func TestTunnelJoinsItsStreamsToTheGateway(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	near, far := net.Pipe() // the engine's exec
	ended := make(chan error, 1)
	go func() { ended <- Tunnel(t.Context(), f.socket, far, far); far.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- gateway.Attach(ctx, near, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "for "+r.Header.Get(protocol.HeaderApp))
		}), func() { close(ready) })
	}()
	<-ready
	f.models.patience = 5 * time.Second
	response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
	if got := body(t, response, err); got != "for api" {
		t.Errorf("%q through the tunnel", got)
	}
	cancel() // the host goes: its end is closed, and the tunnel ends by itself
	<-done
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the tunnel ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the tunnel outlives the host")
	}
	var out bytes.Buffer
	if err := Tunnel(t.Context(), "@envctl-no-such-gateway", strings.NewReader(""), &out); err == nil || !strings.Contains(err.Error(), "no gateway") {
		t.Errorf("without a gateway: %v", err)
	}
}

func TestSlowBodyHasAnEnd(t *testing.T) {
	t.Parallel()
	// The deadline of a body is lifted once it was read: an answer may take longer.
	f := openFront(t)
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for range 3 {
			_, _ = io.WriteString(w, "part ")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(150 * time.Millisecond)
		}
	})
	f.models.arrive = 250 * time.Millisecond
	for _, h1 := range []bool{true, false} {
		client := f.client("127.0.0.1")
		if h1 {
			transport := client.Transport.(*http.Transport)
			transport.ForceAttemptHTTP2 = false
			transport.Protocols = new(http.Protocols)
			transport.Protocols.SetHTTP1(true)
		}
		response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
		if got := body(t, response, err); got != "part part part" || (response.ProtoMajor == 1) != h1 {
			t.Errorf("%s: %q, expected the whole answer", response.Proto, got)
		}
		out, in := io.Pipe()
		go func() {
			_, _ = io.WriteString(in, "{") // and never the rest
			// Go's client of HTTP/1.1 does not look at an answer before it is rid of its request.
			time.Sleep(2 * time.Second)
			_ = in.CloseWithError(io.ErrUnexpectedEOF)
		}()
		response, err = client.Do(f.call(t.Context(), "POST", chatURL, out))
		if err == nil {
			if got := body(t, response, err); response.StatusCode != http.StatusRequestTimeout {
				t.Errorf("%s: %d %s, expected 408", response.Proto, response.StatusCode, got)
			}
		}
		f.models.notes.tell()
		want := `"reason":"a request that did not arrive"`
		eventually(t, want, func() bool { f.models.notes.tell(); return strings.Contains(f.events.String(), want) })
	}
}
