package serve

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"time"

	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/gateway/token"
)

const (
	// maxModelBody bounds a request to a model in bytes: some images within a prompt.
	maxModelBody = 32 << 20
	// bodyTimeout is what a request's body has to arrive in, which takes less than a
	// second within one machine.
	bodyTimeout = 2 * time.Minute
	// readTimeout is how long a client may not take what is written to it.
	readTimeout = time.Minute
	// attachPatience is how long a request waits for a host side: as long as an
	// envctl takes to attach again after it was started anew.
	attachPatience = 10 * time.Second
	// maxCalls is how many requests may be under way at a time: with the 56 KB
	// that one takes at the ingress, a quarter of the gateway's memory.
	maxCalls = 512
)

// models is the address of models: it knows who asks and passes requests on to the
// host side, which knows the models.
type models struct {
	clients  map[string]protocol.ModelsClient
	peers    knower
	issuer   *token.Issuer
	line     *hostLine
	notes    *notes
	now      func() time.Time
	patience time.Duration // attachPatience
	arrive   time.Duration // bodyTimeout
	slots    chan struct{} // as many as requests are under way, maxCalls at most
	next     http.Handler  // answers what is let through; of a gateway, by the line
	// forward says which paths go to the host with what they show; nil: this gateway
	// decides who asks.
	forward func(decoded, escaped string) bool
}

func newModels(cfg protocol.Models, key, tenant string, peers knower, line *hostLine, notes *notes) *models {
	m := &models{
		clients: make(map[string]protocol.ModelsClient, len(cfg.Clients)), peers: peers, issuer: newIssuer(key, tenant),
		line: line, notes: notes, now: time.Now, patience: attachPatience, arrive: bodyTimeout,
		slots: make(chan struct{}, maxCalls),
	}
	for _, c := range cfg.Clients {
		m.clients[c.App] = c
	}
	m.next = &httputil.ReverseProxy{
		Rewrite: m.rewrite, Transport: m, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
		ModifyResponse: m.watch, ErrorHandler: m.fail,
	}
	return m
}

// call is what is known of a request that goes to the host.
type call struct {
	client protocol.ModelsClient
	body   *bounded
}

// callKey is the key of the *call in a request's context.
type callKey struct{}

// callOf returns the call of a request that ServeHTTP has let through.
func callOf(r *http.Request) *call { return r.Context().Value(callKey{}).(*call) }

// ServeHTTP implements http.Handler.
func (m *models) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client, refused := m.admitted(r)
	if refused == nil {
		select {
		case m.slots <- struct{}{}:
			defer func() { <-m.slots }()
		default:
			refused = tooManyCalls()
		}
	}
	if refused != nil {
		m.note(client.App, refused.reason)
		refused.write(w)
		return
	}
	control := http.NewResponseController(w)
	// Both kinds of connection have deadlines; one that has none goes without.
	_ = control.SetReadDeadline(time.Now().Add(m.arrive))
	if r.ProtoMajor == 1 {
		_ = control.EnableFullDuplex() // as in newProxy
	}
	c := &call{client, &bounded{ReadCloser: http.MaxBytesReader(w, r.Body, maxModelBody), ended: func() {
		_ = control.SetReadDeadline(time.Time{})
	}}}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	r.Body = c.body
	m.next.ServeHTTP(patient{w, control}, r)
}

// admitted returns whose request it is, which the host side may see.
func (m *models) admitted(r *http.Request) (protocol.ModelsClient, *refusedModel) {
	if m.forward != nil {
		return protocol.ModelsClient{}, m.admitForward(r)
	}
	client, refused := m.authenticate(r)
	if refused == nil {
		refused = admit(r, client)
	}
	return client, refused
}

// admit refuses what the host side need not see.
func admit(r *http.Request, client protocol.ModelsClient) *refusedModel {
	path, ok := readModelPath(r.URL.Path, r.URL.EscapedPath())
	switch {
	case !ok:
		return notFound()
	case path.Deployment != "" && !mayCall(client, path.Deployment):
		return noDeployment()
	}
	return admitAny(r)
}

// admitAny refuses what no host side takes.
func admitAny(r *http.Request) *refusedModel {
	switch {
	case r.Method == http.MethodConnect || r.Header.Get("Upgrade") != "":
		return noUpgrade()
	case r.ContentLength > maxModelBody:
		return tooLarge()
	}
	return nil
}

func mayCall(client protocol.ModelsClient, model string) bool {
	for _, name := range client.Models {
		if name == model {
			return true
		}
	}
	return false
}

// rewrite makes of a workload's request one of the gateway's.
func (m *models) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", "host", ""
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	if m.forward != nil {
		dropHops(r.Out.Header)
		r.Out.Host = r.In.Host // the host side tells its names apart
		return
	}
	sign(r.Out.Header, callOf(r.In).client)
}

// dropHops takes out what only the gateway may say.
func dropHops(header http.Header) {
	for name := range header {
		if strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "Envctl-") {
			delete(header, name)
		}
	}
}

// sign makes of the header of a workload one of the gateway's: without credentials,
// with who asks.
func sign(header http.Header, client protocol.ModelsClient) {
	dropHops(header)
	for _, name := range []string{"Authorization", "Api-Key", "Ocp-Apim-Subscription-Key", "Cookie", "Expect", "Forwarded"} {
		header.Del(name)
	}
	header.Set(protocol.HeaderApp, client.App)
	header.Set(protocol.HeaderModels, strings.Join(client.Models, ","))
}

// RoundTrip implements http.RoundTripper: over the line, once a host is there.
func (m *models) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), m.patience)
	defer cancel()
	host, err := m.line.host(ctx)
	if err != nil {
		return nil, err
	}
	return host.RoundTrip(r)
}

// watch notes an answer that the host side did not bring to its end.
func (m *models) watch(r *http.Response) error {
	r.Body = &watched{ReadCloser: r.Body, broken: func(error) {
		if r.Request.Context().Err() == nil {
			m.note(callOf(r.Request).client.App, "the host side ended in the middle of an answer")
		}
	}}
	return nil
}

// fail answers for the host side.
func (m *models) fail(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	var refused *refusedModel
	// What the client did wrong comes first: a server ends the context for some of it.
	switch body := callOf(r).body.failure(); {
	case errors.As(body, &large):
		refused = tooLarge()
	case errors.Is(body, os.ErrDeadlineExceeded):
		refused = tooSlow()
	case r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // nobody is there to be told
	case errors.Is(err, errDetached):
		refused = detached()
	default:
		refused = hostFailed()
	}
	m.note(callOf(r).client.App, refused.reason)
	refused.write(w)
}

func (m *models) note(app, reason string) {
	m.notes.note(protocol.Event{Event: protocol.EventModels, App: app, Reason: reason})
}
