package serve

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/envctl/envctl/local/gateway/authority"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// servicesTotal and servicesEach bound the connections to tokens and to models,
	// altogether and of one address.
	servicesTotal = 1024
	servicesEach  = 256
)

// services are what workloads with an identity ask: tokens and models.
type services struct {
	entrance
	line *hostLine // nil: nothing is asked of the host
}

// openServices opens the services of cfg, which need the gateway's key. An error
// leaves nothing open.
func openServices(ctx context.Context, cfg protocol.Config, opts Options, dial *dialer, notes *notes) (*services, error) {
	s := &services{}
	if err := s.open(ctx, cfg, opts, dial, notes); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *services) open(ctx context.Context, cfg protocol.Config, opts Options, dial *dialer, notes *notes) error {
	if cfg.NeedsKey() && len(opts.Key) < protocol.MinKey {
		return errNoKey
	}
	if cfg.Identity.Forward || cfg.Models.On() {
		var err error
		if s.line, err = listenHostLine(ctx, opts.Tunnel); err != nil {
			return err
		}
	}
	if cfg.Identity.Forward {
		if err := s.openTokens(ctx, cfg, opts, notes); err != nil {
			return err
		}
	}
	if len(cfg.Identity.Clients) > 0 {
		var list []client
		for _, c := range cfg.Identity.Clients {
			list = append(list, client{c.App, c.Host})
		}
		listeners, err := opts.listenInside(ctx, "identity", cfg.Identity.Listen)
		if err != nil {
			return err
		}
		handler := newIdentity(cfg.Identity, opts.Key, newClients(list, dial), notes)
		s.add(listeners, func() *http.Server { return newIdentityServer(handler) })
	}
	if cfg.Models.On() {
		return s.openModels(ctx, cfg, opts, dial, notes)
	}
	return nil
}

// openModels opens the address of models, whose clients find its authority before
// they can connect, and the way to the host.
func (s *services) openModels(ctx context.Context, cfg protocol.Config, opts Options, dial *dialer, notes *notes) error {
	ca, err := authority.New(cfg.Models.Host, func(purpose string) []byte { return protocol.Derive(opts.Key, purpose) })
	if err != nil {
		return err
	}
	if err := ca.Write(cfg.Models.Trust, protocol.TrustFile); err != nil {
		return err
	}
	listeners, err := opts.listenInside(ctx, "models", cfg.Models.Listen)
	if err != nil {
		return err
	}
	var list []client
	for _, c := range cfg.Models.Clients {
		list = append(list, client{c.App, c.Host})
	}
	handler := newModels(cfg.Models, opts.Key, cfg.Identity.Tenant, newClients(list, dial), s.line, notes)
	if cfg.Models.Forward {
		peers, err := opts.neighbours()
		if err != nil {
			return err
		}
		handler = newForward(isModelPath, peers, s.line, notes)
	}
	s.addTLS(listeners, ca.Server(time.Now), func() *http.Server { return newModelsServer(handler) })
	return nil
}

// openTokens opens the address of tokens that the host gives.
func (s *services) openTokens(ctx context.Context, cfg protocol.Config, opts Options, notes *notes) error {
	peers, err := opts.neighbours()
	if err != nil {
		return err
	}
	listeners, err := opts.listenInside(ctx, "identity", cfg.Identity.Listen)
	if err != nil {
		return err
	}
	handler := newForward(isTokenPath, peers, s.line, notes)
	s.add(listeners, func() *http.Server { return newModelsServer(handler) })
	return nil
}

func (s *services) run(ctx context.Context) error {
	functions := []function{s.entrance.run}
	if s.line != nil {
		functions = append(functions, s.line.run)
	}
	return together(ctx, functions)
}

func (s *services) close() {
	s.entrance.close()
	if s.line != nil {
		_ = s.line.listener.Close()
	}
}

// add puts listeners into service, each with a server of its own.
func (s *services) add(listeners []net.Listener, server func() *http.Server) {
	crowd := newCrowd(servicesTotal, servicesEach, func() {})
	for _, l := range listeners {
		s.listeners = append(s.listeners, crowd.bound(l))
		s.servers = append(s.servers, server())
	}
}

// addTLS is add for listeners with TLS.
func (s *services) addTLS(listeners []net.Listener, settings *tls.Config, server func() *http.Server) {
	first := len(s.listeners)
	s.add(listeners, server)
	for i := first; i < len(s.listeners); i++ {
		s.listeners[i] = tls.NewListener(s.listeners[i], settings)
	}
}

// newIdentityServer bounds everything: a question and its answer are short, and
// every SDK asks by HTTP/1.1, one at a time on a connection.
func newIdentityServer(handler http.Handler) *http.Server {
	server := newServer(handler)
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.ReadTimeout, server.WriteTimeout = headerTimeout, headerTimeout
	return server
}

// newModelsServer serves HTTP/1.1 and HTTP/2 over TLS. What a request may take is
// bounded by the handler: answers are streams.
func newModelsServer(handler http.Handler) *http.Server {
	server := newServer(handler)
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(true)
	server.HTTP2.SendPingTimeout, server.HTTP2.WriteByteTimeout = 30*time.Second, readTimeout
	return server
}
