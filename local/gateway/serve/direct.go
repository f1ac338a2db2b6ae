package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/envctl/envctl/local/gateway/authority"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// Direct is the addresses of tokens and of models for one workload whose connections
// reach the host themselves, without a gateway between: they are bounded, checked and
// answered as a gateway's are, and who asks is known by the connection.
type Direct struct {
	identity, models http.Handler
	settings         *tls.Config
	authority        *authority.Authority
}

// NewDirect serves what cfg grants the workload app, by a key of its own of
// protocol.MinKey bytes or more. handler gets the requests for models that are let
// through, with protocol.HeaderApp and HeaderModels, whatever the workload sent under
// these names.
func NewDirect(cfg protocol.Config, app, key string, handler http.Handler) (*Direct, error) {
	if len(key) < protocol.MinKey {
		return nil, fmt.Errorf("services of %q: a key of %d bytes, expected %d or more", app, len(key), protocol.MinKey)
	}
	ca, err := authority.New(cfg.Models.Host, func(purpose string) []byte { return protocol.Derive(key, purpose) })
	if err != nil {
		return nil, err
	}
	untold := newNotes(newEmitter(io.Discard))
	models := newModels(cfg.Models, key, cfg.Identity.Tenant, only(app), nil, untold)
	models.next = straight(handler)
	return &Direct{
		identity: newIdentity(cfg.Identity, key, only(app), untold), models: models,
		settings: ca.Server(time.Now), authority: ca,
	}, nil
}

// Trust are the files, by their names, of the folder in which clients find the
// authority that vouches for the address of models.
func (d *Direct) Trust() (map[string][]byte, error) { return d.authority.Files(protocol.TrustFile) }

// Serve serves the connections of two listeners until ctx ends, or one of them does.
// Their connections have addresses of IP, which may be any.
func (d *Direct) Serve(ctx context.Context, identity, models net.Listener) error {
	return together(ctx, []function{
		func(ctx context.Context) error { return serveUntil(ctx, newIdentityServer(d.identity), identity) },
		func(ctx context.Context) error {
			return serveUntil(ctx, newModelsServer(d.models), tls.NewListener(models, d.settings))
		},
	})
}

// only is the workload that every connection is of.
type only string

// of implements knower.
func (o only) of(context.Context, netip.Addr) (app string, ok bool) { return string(o), true }

// straight answers the requests that were let through by handler, in this process.
func straight(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := r.Clone(r.Context())
		sign(signed.Header, callOf(r).client)
		handler.ServeHTTP(w, signed)
	})
}
