package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// upstream is a model server with OpenAI's API.
type upstream struct {
	base      *url.URL
	token     func(ctx context.Context) (string, error)
	transport http.RoundTripper
	idle      time.Duration
}

func newUpstream(c Config) (*upstream, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("models: %q is no address of a model server: expected one as http://localhost:11434/v1", c.URL)
	}
	if base.User != nil {
		return nil, fmt.Errorf("models: the address of the model server at %q has a password in it: set OPENAI_API_KEY instead", base.Host)
	}
	base.Path = strings.TrimRight(base.Path, "/")
	if c.Provider == ProviderAzure && !strings.HasSuffix(base.Path, "/openai/v1") {
		base.Path += "/openai/v1"
	}
	u := &upstream{base: base, token: c.Token, transport: c.Transport, idle: c.Limits.Idle}
	if u.transport == nil {
		u.transport = newTransport(c.Limits)
	}
	if base.Scheme == "http" && !loopback(base.Hostname()) {
		u.token = nil // no credential goes over a network in clear
	}
	if c.Provider == ProviderAzure && !loopback(base.Hostname()) && (base.Scheme != "https" || !azureHost(base.Hostname())) {
		return nil, fmt.Errorf("models: %q is no address of Azure OpenAI, and your token is sent there: expected https://NAME.openai.azure.com", c.URL)
	}
	return u, nil
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// azureHost says that a host is one of Azure's AI services, in any cloud.
func azureHost(host string) bool {
	for _, service := range []string{"openai", "cognitiveservices", "services.ai"} {
		for _, cloud := range []string{"com", "us", "cn"} {
			if strings.HasSuffix(strings.ToLower(host), "."+service+".azure."+cloud) {
				return true
			}
		}
	}
	return false
}

func newTransport(l Limits) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  l.Header,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // it would hold back events
	}
}

// answer implements [provider]. Nothing but the call's own fields reaches the server:
// no header of the app, and no address but the configured one. Redirects are answers.
func (u *upstream) answer(ctx context.Context, c *call) (*answer, error) {
	body, err := c.body(c.server)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	target := *u.base
	target.Path += "/" + c.kind
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	if c.stream {
		request.Header.Set("Accept", "text/event-stream")
	}
	request.Header.Set("User-Agent", "envctl")
	if err := u.authorize(ctx, request); err != nil {
		cancel(nil)
		return nil, err
	}
	// RoundTrip follows no redirect and keeps no cookie.
	got, err := u.transport.RoundTrip(request)
	if err != nil {
		cause := context.Cause(ctx)
		cancel(nil)
		return nil, u.unreached(err, cause)
	}
	return &answer{status: got.StatusCode, header: got.Header, body: newImpatient(got.Body, u.idle, cancel)}, nil
}

func (u *upstream) authorize(ctx context.Context, request *http.Request) error {
	if u.token == nil {
		return nil
	}
	token, err := u.token(ctx)
	if err != nil {
		return fmt.Errorf("no credential for the model server at %s: %w", u.base.Host, err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// unreached says that no answer came.
func (u *upstream) unreached(err, cause error) error {
	var timeout net.Error
	switch {
	case cause != nil:
		return refuse(http.StatusServiceUnavailable, "model_server", "the call was given up: %v", cause)
	case errors.As(err, &timeout) && timeout.Timeout():
		return refuse(http.StatusGatewayTimeout, "model_server", "the model server at %s does not answer in time: %v", u.base.Host, err)
	}
	return refuse(http.StatusBadGateway, "model_server",
		"the model server at %s cannot be reached (%v): start it, or mend targets.local.models.url", u.base.Host, err)
}

// impatient is a body that is given up when nothing of it comes for a while.
type impatient struct {
	io.ReadCloser
	idle   time.Duration
	cancel context.CancelCauseFunc
	once   sync.Once
	timer  *time.Timer
	late   chan struct{}
}

func newImpatient(body io.ReadCloser, idle time.Duration, cancel context.CancelCauseFunc) *impatient {
	i := &impatient{ReadCloser: body, idle: idle, cancel: cancel, late: make(chan struct{})}
	i.timer = time.AfterFunc(idle, func() {
		i.once.Do(func() { close(i.late) })
		cancel(errors.New("late"))
	})
	return i
}

func (i *impatient) Read(p []byte) (int, error) {
	n, err := i.ReadCloser.Read(p)
	select {
	case <-i.late:
		if err != nil {
			return n, fmt.Errorf("the model server has sent nothing for %s", i.idle)
		}
	default:
		i.timer.Reset(i.idle)
	}
	return n, err
}

func (i *impatient) Close() error {
	i.timer.Stop()
	i.cancel(nil)
	return i.ReadCloser.Close()
}
