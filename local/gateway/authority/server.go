package authority

import (
	"crypto/tls"
	"sync"
	"time"
)

const (
	// leafLifetime is how long a server's certificate is good. It begins as long
	// before it was made, for clients whose clock is behind.
	leafLifetime = 48 * time.Hour
	// renewBefore is how long before its end a certificate is made anew.
	renewBefore = 24 * time.Hour
)

// Server returns what a TLS server of the authority's name needs: TLS 1.2 at least,
// HTTP/2 and HTTP/1.1, a certificate that is renewed while the server runs. now is
// the clock.
func (a *Authority) Server(now func() time.Time) *tls.Config {
	r := &renewer{authority: a, now: now}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return r.certificate()
		},
	}
}

// renewer has the certificate of the moment. It looks at the clock at each
// handshake, so that a machine that slept for a week serves a good one at once.
type renewer struct {
	authority *Authority
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
}

func (r *renewer) certificate() (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if c := r.current; c != nil && now.Before(c.Leaf.NotAfter.Add(-renewBefore)) && now.After(c.Leaf.NotBefore) {
		return c, nil
	}
	made, err := r.authority.leaf(now)
	if err != nil {
		return nil, err
	}
	r.current = made
	return made, nil
}
