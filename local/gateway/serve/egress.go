package serve

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway/allow"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// egressEach and egressTotal bound the connections of one address and of all.
	egressEach  = 256
	egressTotal = 1024
	// helloTimeout is what a client has for its ClientHello once a tunnel is open.
	helloTimeout = 10 * time.Second
)

// headerRefused tells a workload why its request was refused; an answer from
// outside never has it.
const headerRefused = "Envctl-Refused"

// Reasons of a refusal, beside those of the package allow.
const (
	reasonCrowd     = "too many connections to the proxy at a time"
	reasonStranger  = "no workload with egress has the address that asks"
	reasonForm      = "a proxy is asked for an absolute http:// address, or for a tunnel by CONNECT"
	reasonUser      = "an address with a user before its host"
	reasonNoTLS     = "the tunnel carries no TLS: this port is for TLS only, unless the list gives the port"
	reasonNoName    = "the TLS in the tunnel names no host"
	reasonOtherName = "the TLS in the tunnel names another host than CONNECT did"
	reasonReadOnly  = "only GET and HEAD without a body are let through here: nothing may be sent out"
)

// egress is the proxy by which workloads get out.
type egress struct {
	clients *clients
	lists   map[string]allow.List
	reads   map[string]bool // workloads that may only read
	forward map[string]http.Handler
	out     *outward
	log     *egressLog
	buffers *buffers
	crowd   *crowd

	listeners []net.Listener
	tunnels   sync.WaitGroup
	ended     chan struct{} // closed when tunnels have to end

	hello, idle time.Duration
}

// newEgress returns the proxy of cfg without listeners.
func newEgress(cfg protocol.Egress, dial *dialer, out *outward, events *emitter) (*egress, error) {
	private, err := allow.Parse(cfg.Private)
	if err != nil {
		return nil, fmt.Errorf("egress to private addresses: %w", err)
	}
	out.private = private
	e := &egress{
		lists: map[string]allow.List{}, reads: map[string]bool{}, forward: map[string]http.Handler{}, out: out, log: newEgressLog(events),
		buffers: newBuffers(tunnelBuffer), ended: make(chan struct{}), hello: helloTimeout, idle: tunnelIdle,
	}
	e.crowd = newCrowd(egressTotal, egressEach, func() { e.log.refused("", "", reasonCrowd) })
	var list []client
	for _, c := range cfg.Clients {
		hosts, err := allow.Parse(c.Allow)
		if err != nil {
			return nil, fmt.Errorf("egress of %q: %w", c.App, err)
		}
		list = append(list, client{c.App, c.Host})
		e.lists[c.App], e.reads[c.App], e.forward[c.App] = hosts, c.ReadOnly, e.newForward(c.App)
	}
	e.clients = newClients(list, dial)
	return e, nil
}

// listenEgress opens the proxy at the inside addresses and proves that it refuses.
// Without clients there is none: nil, which runs and closes as nothing.
func listenEgress(ctx context.Context, cfg protocol.Egress, dial *dialer, opts Options, events *emitter) (*egress, error) {
	if len(cfg.Clients) == 0 {
		return nil, nil
	}
	out := opts.outward
	if out == nil {
		out = newOutward()
	}
	e, err := newEgress(cfg, dial, out, events)
	if err != nil {
		return nil, err
	}
	if err := e.canary(ctx, events); err != nil {
		return nil, err
	}
	listeners, err := opts.listenInside(ctx, "egress", cfg.Listen)
	if err != nil {
		return nil, err
	}
	for _, l := range listeners {
		e.listeners = append(e.listeners, e.crowd.bound(l))
	}
	return e, nil
}

// newServer returns a server of the proxy. It speaks HTTP/1.1, as clients of
// proxies do.
func (e *egress) newServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           http.HandlerFunc(e.serve),
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader - 4<<10,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext:       withAsker,
	}
}

func (e *egress) run(ctx context.Context) error {
	if e == nil {
		return nil
	}
	functions := []function{e.log.run}
	for _, l := range e.listeners {
		functions = append(functions, func(ctx context.Context) error { return serveUntil(ctx, e.newServer(), l) })
	}
	err := together(ctx, functions)
	close(e.ended)
	e.tunnels.Wait()
	e.log.end()
	return err
}

// tell writes what was only counted so far.
func (e *egress) tell() {
	if e != nil {
		e.log.end()
	}
}

func (e *egress) close() {
	if e == nil {
		return
	}
	for _, l := range e.listeners {
		_ = l.Close()
	}
}

// serve answers one request of a workload: who asks, then for what, and only
// then is anything resolved or connected.
func (e *egress) serve(w http.ResponseWriter, r *http.Request) {
	asked := asked(r)
	app, ok := e.who(r)
	if !ok {
		e.refuse(w, r, "", asked, reasonStranger)
		return
	}
	host, port, reason := target(r)
	if reason != "" {
		e.refuse(w, r, app, asked, reason)
		return
	}
	decision, reason := e.lists[app].Decide(host, port)
	if decision == allow.Refused {
		e.refuse(w, r, app, hostPort(host, port), reason)
		return
	}
	if r.Method == http.MethodConnect {
		e.connect(w, r, app, host, port, decision)
		return
	}
	if e.reads[app] && !onlyReads(r) {
		e.refuse(w, r, app, hostPort(host, port), reasonReadOnly)
		return
	}
	e.pass(w, r, app, host, port)
}

// onlyReads says that a request asks for something and brings nothing.
func onlyReads(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.ContentLength == 0 && r.Header.Get("Upgrade") == ""
}

// who returns the workload that asks.
func (e *egress) who(r *http.Request) (app string, ok bool) {
	if app, ok := asker(r.Context()); ok {
		return app, true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "", false
	}
	return e.clients.of(r.Context(), peer.Addr())
}

// target returns what a request is for: the authority of CONNECT, or that of an
// absolute address. A Host field beside it means nothing (RFC 9112, 3.2.2); what
// goes on has the host that was decided about.
func target(r *http.Request) (host allow.Host, port int, reason string) {
	var err error
	switch {
	case r.Method == http.MethodConnect:
		host, port, err = allow.ParseTarget(r.RequestURI, 0)
	case r.URL.Scheme != "http" || r.URL.Host == "" || r.URL.Opaque != "":
		return host, 0, reasonForm
	case r.URL.User != nil:
		return host, 0, reasonUser
	default:
		host, port, err = allow.ParseTarget(r.URL.Host, 80)
	}
	if err != nil {
		return host, 0, err.Error()
	}
	return host, port, ""
}

// asked is what a request is for in the client's words, for the log.
func asked(r *http.Request) string {
	if r.Method == http.MethodConnect {
		return r.RequestURI
	}
	if r.URL.Host == "" {
		return r.Host
	}
	if r.URL.Scheme == "http" && r.URL.Port() == "" {
		return r.URL.Host + ":80"
	}
	return r.URL.Host
}

// refuse answers with 403, before anything was resolved, connected or accepted.
func (e *egress) refuse(w http.ResponseWriter, r *http.Request, app, host, reason string) {
	if _, own := asker(r.Context()); !own {
		e.log.refused(app, host, reason)
	}
	w.Header().Set(headerRefused, reason)
	w.Header().Set("Connection", "close")
	http.Error(w, "envctl: egress to "+protocol.Reason(host)+" is refused: "+reason, http.StatusForbidden)
}

// hostPort is a target in its one spelling.
func hostPort(host allow.Host, port int) string {
	return fmt.Sprintf("%s:%d", host, port)
}

// sameHost says whether the server name of a TLS client is host.
func sameHost(name string, host allow.Host) bool {
	named, err := allow.ParseHost(strings.ToLower(name))
	return err == nil && named == host
}
