package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// ErrUnavailable is what every [UnavailableError] is, for [errors.Is].
var ErrUnavailable = errors.New("the Docker Engine is not available")

// Reason is why an engine is not available.
type Reason string

// The reasons. Each has its own way to mend it.
const (
	NotInstalled     Reason = "not-installed"
	NotRunning       Reason = "not-running"
	PermissionDenied Reason = "permission-denied"
	WrongHost        Reason = "wrong-host"
	BadTLS           Reason = "bad-tls"
	NoAnswer         Reason = "no-answer"
	TooOld           Reason = "too-old"
)

// UnavailableError says why no engine can be used.
type UnavailableError struct {
	Host   string // the address that was tried
	Reason Reason
	What   string // what is wrong, with the address
	Why    string // what was found
	How    string // how to mend it
	Err    error  // the cause; may be nil
}

// Error gives the three parts in one line.
func (e *UnavailableError) Error() string { return e.What + ": " + e.Why + "; " + e.How }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Is makes every UnavailableError match [ErrUnavailable].
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

func wrongHost(ep endpoint, why string, err error) *UnavailableError {
	if err != nil {
		why += " (" + err.Error() + ")"
	}
	return &UnavailableError{
		Host: ep.host, Reason: WrongHost, Err: err,
		What: fmt.Sprintf("the Docker Engine's address %q, from %s, cannot be used", ep.host, ep.source),
		Why:  why,
		How:  "set DOCKER_HOST to the engine's address, or unset it to use " + client.DefaultDockerHost,
	}
}

// prober answers what a diagnosis asks of the machine.
type prober struct {
	dial   func(ctx context.Context, network, address string) error
	exists func(path string) bool
	getenv func(string) string
}

// systemProber asks this machine.
func systemProber(getenv func(string) string) prober {
	return prober{
		dial: func(ctx context.Context, network, address string) error {
			d := net.Dialer{Timeout: 2 * time.Second}
			conn, err := d.DialContext(ctx, network, address)
			if err == nil {
				_ = conn.Close()
			}
			return err
		},
		exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
		getenv: getenv,
	}
}

// diagnose turns a failed first request into the reason. The API client drops
// the cause of a failed connection, so the address is dialled once more.
func (p prober) diagnose(ctx context.Context, ep endpoint, cause error) error {
	if ctxErr := context.Cause(ctx); ctxErr != nil {
		return ctxErr
	}
	e := &UnavailableError{
		Host: ep.host, Err: cause,
		What: fmt.Sprintf("cannot use the Docker Engine at %s (from %s)", ep.host, ep.source),
	}
	u, err := client.ParseHostURL(ep.host)
	if err != nil {
		return wrongHost(ep, "it cannot be read", err)
	}
	network := u.Scheme
	if network == "http" || network == "https" {
		network = "tcp"
	}
	if network == "npipe" {
		e.Reason, e.Why, e.How = NotRunning, cause.Error(), "start Docker Desktop"
		return e
	}
	err = p.dial(ctx, network, u.Host)
	var dns *net.DNSError
	switch {
	case err == nil:
		p.answered(e, ep, cause)
	case errors.Is(err, fs.ErrPermission):
		e.Reason, e.Why = PermissionDenied, "this user may not open the socket "+u.Host
		e.How = fmt.Sprintf("run: sudo usermod -aG docker %s, then log in again (or run: newgrp docker)", p.user())
	case errors.Is(err, fs.ErrNotExist):
		p.missingSocket(e, u.Host)
	case errors.As(err, &dns):
		e.Reason, e.Why = WrongHost, fmt.Sprintf("the name %q does not resolve (%v)", dns.Name, err)
		e.How = "correct the name in " + ep.source
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Reason, e.Why = NotRunning, "nothing listens there"
		e.How = p.startHint(network)
	default:
		e.Reason, e.Why = NoAnswer, err.Error()
		e.How = "check the address in " + ep.source + " and that the engine runs"
	}
	return e
}

// answered covers an address that takes connections and yet fails.
func (p prober) answered(e *UnavailableError, ep endpoint, cause error) {
	text := cause.Error()
	switch {
	case strings.Contains(text, "TLS"), strings.Contains(text, "tls:"), strings.Contains(text, "x509"),
		strings.Contains(text, "certificate"), strings.Contains(text, "HTTP response to HTTPS client"):
		e.Reason, e.Why = BadTLS, text
		e.How = "check DOCKER_TLS_VERIFY and the ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH"
		if !ep.tls.use {
			e.How = "the engine wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem"
		}
	case strings.Contains(text, "is not supported by this client"):
		e.Reason, e.Why = TooOld, text
		e.How = "update Docker Engine to 20.10 or later"
	case strings.Contains(text, "malformed HTTP"):
		e.Reason, e.Why = WrongHost, "what listens there is not a Docker Engine ("+text+")"
		e.How = "correct the address in " + ep.source
	default:
		e.Reason, e.Why = NoAnswer, text
		e.How = "look at the engine's log (journalctl -u docker) and restart it (sudo systemctl restart docker)"
	}
}

// missingSocket tells an engine that is not installed from one that is not running.
func (p prober) missingSocket(e *UnavailableError, socket string) {
	if dir := p.getenv("XDG_RUNTIME_DIR"); dir != "" {
		if rootless := filepath.Join(dir, "docker.sock"); rootless != socket && p.exists(rootless) {
			e.Reason, e.Why = WrongHost, "there is no socket "+socket+", but a rootless engine's at "+rootless
			e.How = "run: export DOCKER_HOST=unix://" + rootless
			return
		}
	}
	for _, binary := range []string{
		"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd", "/snap/bin/docker",
		"/Applications/Docker.app",
	} {
		if p.exists(binary) {
			e.Reason, e.Why = NotRunning, fmt.Sprintf("Docker is installed (%s) but there is no socket %s", binary, socket)
			e.How = p.startHint("unix")
			return
		}
	}
	e.Reason, e.Why = NotInstalled, fmt.Sprintf("there is no socket %s and no Docker Engine is installed", socket)
	e.How = "install it (Debian, Ubuntu: sudo apt-get install docker.io), or set DOCKER_HOST to an engine elsewhere"
}

func (p prober) startHint(network string) string {
	if network == "tcp" {
		return "start the engine there, or correct the address"
	}
	return "start it: sudo systemctl start docker (or sudo service docker start, or open Docker Desktop)"
}

func (p prober) user() string {
	if user := p.getenv("USER"); user != "" {
		return user
	}
	return "$USER"
}
