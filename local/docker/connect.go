package docker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/docker/go-connections/tlsconfig"
	"github.com/moby/moby/client"
)

// pingTimeout bounds the first request: a healthy engine answers within
// milliseconds, one that hangs never does.
const pingTimeout = 10 * time.Second

// Engine is a connection to one Docker Engine. It is safe for concurrent use.
type Engine struct {
	api    *client.Client
	host   string
	ep     endpoint
	getenv func(string) string
	labels sync.Map // of images, by ID
}

// Connect finds the engine (host when not empty, else DOCKER_HOST, the current
// docker context, or the default socket), negotiates the API version in one
// request and returns the connection. An engine that cannot be used is an
// [*UnavailableError]. getenv is asked for DOCKER_HOST, DOCKER_CONTEXT,
// DOCKER_CONFIG, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY, DOCKER_API_VERSION and HOME.
func Connect(ctx context.Context, host string, getenv func(string) string) (*Engine, error) {
	ep, err := resolveEndpoint(host, getenv)
	if err != nil {
		return nil, err
	}
	api, err := newClient(ep, getenv("DOCKER_API_VERSION"))
	if err != nil {
		return nil, err
	}
	pinged, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if _, err := api.Ping(pinged, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		_ = api.Close()
		return nil, systemProber(getenv).diagnose(ctx, ep, err)
	}
	return &Engine{api: api, host: ep.host, ep: ep, getenv: getenv}, nil
}

// Explain returns an error of a later call as an [*UnavailableError], when it
// says that the engine no longer answers; every other error as it is.
func (e *Engine) Explain(ctx context.Context, err error) error {
	if err == nil || !client.IsErrConnectionFailed(err) || errors.Is(err, ErrUnavailable) {
		return err
	}
	return systemProber(e.getenv).diagnose(ctx, e.ep, err)
}

// Close gives idle connections back.
func (e *Engine) Close() error { return e.api.Close() }

// Client is the API client, with the version negotiated.
func (e *Engine) Client() *client.Client { return e.api }

// Host is the engine's address.
func (e *Engine) Host() string { return e.host }

// APIVersion is the version that both sides speak, as in "1.41".
func (e *Engine) APIVersion() string { return e.api.ClientVersion() }

func newClient(ep endpoint, version string) (*client.Client, error) {
	var opts []client.Opt
	if ep.tls.use {
		conf, err := tlsConfig(ep.tls)
		if err != nil {
			return nil, &UnavailableError{
				Host: ep.host, Reason: BadTLS, Err: err,
				What: fmt.Sprintf("cannot use the Docker Engine at %s (from %s)", ep.host, ep.source),
				Why:  err.Error(),
				How:  "put ca.pem, cert.pem and key.pem where DOCKER_CERT_PATH says, or unset DOCKER_TLS_VERIFY",
			}
		}
		opts = append(opts, client.WithHTTPClient(&http.Client{
			Transport:     &http.Transport{TLSClientConfig: conf, MaxIdleConns: 6, IdleConnTimeout: 30 * time.Second},
			CheckRedirect: client.CheckRedirect,
		}))
	}
	opts = append(opts, client.WithHost(ep.host), client.WithAPIVersion(version), client.WithUserAgent("envctl"))
	api, err := client.New(opts...)
	if err != nil {
		return nil, wrongHost(ep, "the API client refuses it", err)
	}
	return api, nil
}

func tlsConfig(files tlsFiles) (*tls.Config, error) {
	return tlsconfig.Client(tlsconfig.Options{
		CAFile: files.ca, CertFile: files.cert, KeyFile: files.key,
		InsecureSkipVerify: files.insecure,
		ExclusiveRootPools: files.ca != "",
		MinVersion:         tls.VersionTLS12,
	})
}
