package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Place is a repository of a registry.
type Place struct {
	Registry   string // HOST or HOST:PORT; one on a loopback address may speak HTTP
	Repository string
	// Auth are the credentials; nil: none.
	Auth authn.Authenticator
	// Transport makes the requests; nil: http.DefaultTransport. One that
	// go-containerregistry made authenticates by itself, for the scopes it was made
	// with.
	Transport http.RoundTripper
}

// Ref is the name of a digest there.
func (p Place) Ref(digest string) string { return p.Registry + "/" + p.Repository + "@" + digest }

// maxManifest is the most bytes of a manifest that is read; registries take 4 MiB.
const maxManifest = 4 << 20

// patience bounds what is tried again: requests that a registry is too busy for,
// and connections that break. Each wait is twice the one before.
type patience struct {
	tries int
	first time.Duration
	sleep func(ctx context.Context, d time.Duration) error
}

func defaultPatience() patience {
	return patience{tries: 6, first: 500 * time.Millisecond, sleep: func(ctx context.Context, d time.Duration) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(d):
			return nil
		}
	}}
}

func (p patience) wait(ctx context.Context, try int, asked time.Duration) error {
	const most = 30 * time.Second
	return p.sleep(ctx, min(max(p.first<<min(try, 10), asked), most))
}

// session speaks to one repository.
type session struct {
	place    Place
	client   *http.Client
	patience patience
}

// newSession authenticates; with push for writing, with others for reading from
// those repositories too.
func newSession(ctx context.Context, p Place, patience patience, push bool, others ...string) (*session, error) {
	inner := p.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	if _, ready := inner.(*transport.Wrapper); !ready {
		registry, err := name.NewRegistry(p.Registry)
		if err != nil {
			return nil, fmt.Errorf("%q is no registry: %w", p.Registry, err)
		}
		auth := p.Auth
		if auth == nil {
			auth = authn.Anonymous
		}
		scopes := []string{"repository:" + p.Repository + ":pull"}
		if push {
			scopes[0] += ",push"
		}
		for _, other := range others {
			scopes = append(scopes, "repository:"+other+":pull")
		}
		for try := 0; ; try++ {
			made, err := transport.NewWithContext(ctx, registry, auth, inner, scopes)
			if err == nil {
				inner = made
				break
			}
			if ctx.Err() != nil || try+1 >= patience.tries || !passing(err) {
				return nil, fmt.Errorf("reach the registry %s: %w", p.Registry, err)
			}
			if err := patience.wait(ctx, try, 0); err != nil {
				return nil, err
			}
		}
	}
	return &session{place: p, client: &http.Client{Transport: inner}, patience: patience}, nil
}

// passing says whether an error is one that the next try may not have.
func passing(err error) bool {
	var told *transport.Error
	if errors.As(err, &told) {
		return busy(told.StatusCode)
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// busy says whether a status asks to come again.
func busy(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// url is the address of a path below the repository.
func (s *session) url(path string) string {
	return "https://" + s.place.Registry + "/v2/" + s.place.Repository + "/" + path
}

// request is one that can be made again: its body is small or none.
type request struct {
	method, url string
	header      http.Header
	body        string
	expect      []int // statuses; others are errors
}

// do makes a request until it is answered with what is expected, or refused.
func (s *session) do(ctx context.Context, r request) (*http.Response, error) {
	for try := 0; ; try++ {
		answer, err := s.once(ctx, r)
		if err == nil {
			return answer, nil
		}
		var refused *refusal
		told := errors.As(err, &refused)
		if ctx.Err() != nil || try+1 >= s.patience.tries || told && !busy(refused.status) || !told && !passing(err) {
			return nil, err
		}
		asked := time.Duration(0)
		if told {
			asked = refused.after
		}
		if err := s.patience.wait(ctx, try, asked); err != nil {
			return nil, err
		}
	}
}

func (s *session) once(ctx context.Context, r request) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.method, r.url, strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for key, values := range r.header {
		request.Header[key] = values
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, redact(r.url), err)
	}
	return check(answer, r.expect...)
}

// check takes an answer of an expected status, and makes an error of any other.
func check(answer *http.Response, expect ...int) (*http.Response, error) {
	for _, status := range expect {
		if answer.StatusCode == status {
			return answer, nil
		}
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 500)) // what there is of it
	seconds, _ := strconv.Atoi(answer.Header.Get("Retry-After"))
	return nil, &refusal{
		method: answer.Request.Method, url: redact(answer.Request.URL.String()), status: answer.StatusCode,
		said: strings.TrimSpace(string(said)), after: time.Duration(seconds) * time.Second,
	}
}

// redact drops the query, which may hold signatures of storage.
func redact(address string) string {
	if u, err := url.Parse(address); err == nil {
		u.RawQuery, u.User = "", nil
		return u.String()
	}
	return "the registry"
}

// refusal is an answer that was not expected.
type refusal struct {
	method, url string
	status      int
	said        string
	after       time.Duration // that the registry asks to wait
}

func (e *refusal) Error() string {
	return fmt.Sprintf("%s %s: the registry answers %d %s: %s", e.method, e.url, e.status, http.StatusText(e.status), e.said)
}

// statusOf is the status of a refusal; 0 for other errors.
func statusOf(err error) int {
	var refused *refusal
	if errors.As(err, &refused) {
		return refused.status
	}
	return 0
}

// resolve makes the Location of an answer absolute.
func resolve(answer *http.Response) (string, error) {
	raw := answer.Header.Get("Location")
	at, err := answer.Request.URL.Parse(raw)
	if raw == "" || err != nil {
		return "", fmt.Errorf("%s %s: the registry names no place to go on at (Location %q)", answer.Request.Method, redact(answer.Request.URL.String()), raw)
	}
	return at.String(), nil
}
