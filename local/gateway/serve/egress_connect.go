package serve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/envctl/envctl/local/gateway/allow"
)

// established answers CONNECT.
const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// accessDenied is a fatal TLS alert (RFC 8446, 6.2): the client's own library then
// says that it was refused, and not that the connection broke.
const accessDenied = "\x15\x03\x03\x00\x02\x02\x31"

// connect opens a tunnel to a target that is allowed. The connection outside
// stands before the client is told so; not a byte of the client's goes into it
// before its TLS has named the host, unless the decision is Raw.
func (e *egress) connect(w http.ResponseWriter, r *http.Request, app string, host allow.Host, port int, decision allow.Decision) {
	e.tunnels.Add(1)
	defer e.tunnels.Done()
	upstream, err := e.out.connect(r.Context(), host, port)
	if err != nil {
		e.unreachable(w, r, app, hostPort(host, port), err)
		return
	}
	defer upstream.Close()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(e.hello))
	if _, err := io.WriteString(conn, established); err != nil {
		return
	}
	early := make([]byte, buffered.Reader.Buffered())
	_, _ = io.ReadFull(buffered.Reader, early) // they are in memory
	if decision != allow.Raw {
		var reason string
		if early, reason = namedHello(early, conn, host); reason != "" {
			e.log.refused(app, hostPort(host, port), reason)
			deny(conn)
			return
		}
	}
	e.log.allowed(app, hostPort(host, port), "")
	if _, err := upstream.Write(early); err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	e.carry(&tunnel{a: conn, b: upstream, idle: e.idle, buffers: e.buffers})
}

// namedHello reads a ClientHello that begins with early. It returns all that was
// read, or why the tunnel is refused.
func namedHello(early []byte, conn net.Conn, host allow.Host) (read []byte, reason string) {
	waiting := bytes.NewReader(early)
	read, name, ok := readHello(io.MultiReader(waiting, conn))
	switch {
	case !ok:
		return nil, reasonNoTLS
	case name == "":
		return nil, reasonNoName
	case !sameHost(name, host):
		return nil, reasonOtherName
	}
	rest, _ := io.ReadAll(waiting)
	return append(read, rest...), ""
}

// carry passes the tunnel's bytes until it ends, or the proxy does.
func (e *egress) carry(t *tunnel) {
	over := make(chan struct{})
	defer close(over)
	go func() {
		select {
		case <-over:
		case <-e.ended:
			t.close()
		}
	}()
	t.pass()
}

// deny ends a tunnel whose TLS is refused. What the client sent is read for a
// moment, because an end with something unread would take the alert back.
func deny(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, accessDenied)
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, conn, maxHello)
}

// unreachable answers for a host that is allowed by name and was not reached.
func (e *egress) unreachable(w http.ResponseWriter, r *http.Request, app, host string, err error) {
	var refused refusal
	if errors.As(err, &refused) {
		e.refuse(w, r, app, host, refused.Error())
		return
	}
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
	reason, status := explain(err), http.StatusBadGateway
	switch {
	case errors.Is(err, errUnknownHost):
		reason = errUnknownHost.Error()
	case reason == "timed out":
		status = http.StatusGatewayTimeout
	}
	e.log.allowed(app, host, "not reached: "+reason)
	w.Header().Set("Connection", "close")
	http.Error(w, "envctl: "+host+" is allowed, but was not reached: "+reason, status)
}
