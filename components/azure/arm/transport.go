package arm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// maxBody is the most that an answer of Resource Manager may have, bytes. Its
// pages are under 8 MB; more is not an answer of Azure.
const maxBody = 16 << 20

var (
	errTooLarge  = fmt.Errorf("the answer has more than %d MiB", maxBody>>20)
	errEmpty     = errors.New("the answer is empty")
	errNotJSON   = errors.New("the answer is not JSON")
	errNotObject = errors.New("the answer is not a JSON object")
)

// baseTransport is net/http's, trusting the system's roots and those of caFile.
func baseTransport(caFile string) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   10,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: 3 * time.Minute, // a synchronous PUT may take minutes
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if caFile == "" {
		return t, nil
	}
	data, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("ENVCTL_AZURE_CA_FILE cannot be read: %w; name a PEM file of certificates, or unset it", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("ENVCTL_AZURE_CA_FILE is %q, which has no certificate: name a PEM file of certificates, or unset it", caFile)
	}
	t.TLSClientConfig.RootCAs = roots
	return t, nil
}

// fromTransporter makes a round tripper of azcore's interface.
type fromTransporter struct{ policy.Transporter }

func (f fromTransporter) RoundTrip(req *http.Request) (*http.Response, error) {
	return f.Do(req)
}

// sender is what a pipeline sends through: it notes Azure's time, follows no
// redirection, which would take the token elsewhere, and bounds the bodies.
type sender struct {
	next  http.RoundTripper
	clock clock
	limit int64 // bytes; 0: none
}

// Do sends a request.
func (s sender) Do(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	s.clock.see(resp.Header)
	if resp.Request == nil {
		resp.Request = req
	}
	if s.limit > 0 {
		resp.Body = &bounded{ReadCloser: resp.Body, left: s.limit}
	}
	return resp, nil
}

// bounded is a body that may not be longer than was agreed, and that says when
// it broke off.
type bounded struct {
	io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		n, err := b.ReadCloser.Read(make([]byte, 1))
		if n > 0 {
			return 0, permanent{errTooLarge}
		}
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) {
		err = &cutError{err}
	}
	return n, err
}

// permanent is an error that is not mended by asking again.
type permanent struct{ error }

// NonRetriable is azcore's mark.
func (permanent) NonRetriable()   {}
func (p permanent) Unwrap() error { return p.error }

// cutError is an answer that broke off.
type cutError struct{ cause error }

func (e *cutError) Error() string { return "the answer broke off: " + e.cause.Error() }
func (e *cutError) Unwrap() error { return e.cause }

// isPermanent tells whether a connection will fail again: the other side is not
// who it should be.
func isPermanent(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	return errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid) || errors.As(err, &verify)
}

// connectionError says in words why no whole answer came back.
func (c clock) connectionError(operation string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", operation, err)
	}
	var done *ConnectionError
	if errors.As(err, &done) {
		return done
	}
	e := &ConnectionError{Operation: operation, What: "Azure was not reached", Why: withoutURL(err), cause: err,
		Mend: "check the network and the proxy (HTTPS_PROXY, NO_PROXY)"}
	var dns *net.DNSError
	var cut *cutError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errNotJSON), errors.Is(err, errNotObject), errors.Is(err, errEmpty):
		e.What, e.Why = err.Error(), "something between here and Azure, as a proxy or a login page, answered in its place"
		e.Mend = "check the proxy (HTTPS_PROXY, NO_PROXY) and ENVCTL_AZURE_RESOURCE_MANAGER; --record keeps the answer"
	case errors.As(err, &cut):
		e.What, e.Why = "the answer broke off", cut.cause.Error()
		e.Mend = "run the command again: it takes up what has been made; if it happens often check the network and the proxy"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.What, e.Mend = "the certificate is not valid at this time", mendClock
	case isPermanent(err):
		e.What = "the other side's certificate is not trusted"
		e.Mend = "if a proxy of yours opens TLS, name its root in ENVCTL_AZURE_CA_FILE (PEM); for the simulator use the file that it names"
	case errors.As(err, &dns):
		e.What = fmt.Sprintf("the name %q is not known", dns.Name)
		e.Mend = "check the network and its name service; a registry or account that was just made may take minutes to be known"
	}
	return e
}

// withoutURL is the text of an error without net/http's repetition of the URL.
func withoutURL(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}
