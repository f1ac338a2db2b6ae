package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/moby/client"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

// dockerConfig writes a docker config with a context "far".
func dockerConfig(t *testing.T, config, host string) string {
	t.Helper()
	dir := t.TempDir()
	sum := sha256.Sum256([]byte("far"))
	id := hex.EncodeToString(sum[:])
	for name, content := range map[string]string{
		"config.json":                           config,
		"contexts/meta/" + id + "/meta.json":    fmt.Sprintf(`{"Name":"far","Endpoints":{"docker":{"Host":%q,"SkipTLSVerify":true}}}`, host),
		"contexts/tls/" + id + "/docker/ca.pem": "x",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestResolveEndpoint(t *testing.T) {
	t.Parallel()
	far := dockerConfig(t, `{"currentContext":"far"}`, "tcp://far:2376")
	none := dockerConfig(t, `{}`, "")
	ssh := dockerConfig(t, `{"currentContext":"far"}`, "ssh://me@far")
	broken := dockerConfig(t, `{`, "")
	for name, c := range map[string]struct {
		host    string
		getenv  func(string) string
		want    string
		tls     bool
		problem string
	}{
		"default":         {getenv: env("HOME", t.TempDir()), want: client.DefaultDockerHost},
		"given":           {host: "unix:///x", getenv: env("DOCKER_HOST", "unix:///y"), want: "unix:///x"},
		"DOCKER_HOST":     {getenv: env("DOCKER_HOST", "unix:///y", "DOCKER_CONFIG", far), want: "unix:///y"},
		"TLS":             {getenv: env("DOCKER_HOST", "tcp://h:1", "DOCKER_CERT_PATH", "/c"), want: "tcp://h:1", tls: true},
		"TLS from home":   {getenv: env("DOCKER_HOST", "tcp://h:1", "DOCKER_TLS_VERIFY", "1"), want: "tcp://h:1", tls: true},
		"no TLS on unix":  {getenv: env("DOCKER_HOST", "unix:///y", "DOCKER_CERT_PATH", "/c"), want: "unix:///y"},
		"context":         {getenv: env("DOCKER_CONFIG", far), want: "tcp://far:2376", tls: true},
		"context by env":  {getenv: env("DOCKER_CONFIG", none, "DOCKER_CONTEXT", "far"), want: client.DefaultDockerHost},
		"default context": {getenv: env("DOCKER_CONFIG", far, "DOCKER_CONTEXT", "default"), want: client.DefaultDockerHost},
		"no context":      {getenv: env("DOCKER_CONFIG", none), want: client.DefaultDockerHost},
		"unknown context": {getenv: env("DOCKER_CONFIG", none, "DOCKER_CONTEXT", "near"), problem: `there is no docker context "near"`},
		"ssh":             {getenv: env("DOCKER_CONFIG", ssh), problem: "over ssh is not supported"},
		"ssh by env":      {getenv: env("DOCKER_HOST", "ssh://x"), problem: "ssh -L"},
		"no scheme":       {getenv: env("DOCKER_HOST", "localhost:2375"), problem: `"localhost:2375", from DOCKER_HOST`},
		"unknown scheme":  {getenv: env("DOCKER_HOST", "fd://x"), problem: "the scheme must be"},
		"broken config":   {getenv: env("DOCKER_CONFIG", broken), problem: "is not valid JSON"},
	} {
		ep, err := resolveEndpoint(c.host, c.getenv)
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: error %v, want %q", name, err, c.problem)
			}
			continue
		}
		if err != nil || ep.host != c.want || ep.tls.use != c.tls || ep.source == "" {
			t.Errorf("%s: %+v, %v", name, ep, err)
		}
	}
}

func TestDiagnose(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for name, c := range map[string]struct {
		ep     endpoint
		dial   error
		exists []string
		cause  string
		env    []string
		reason Reason
		how    string
	}{
		"not installed": {dial: syscall.ENOENT, reason: NotInstalled, how: "apt-get install docker.io"},
		"not running":   {dial: syscall.ENOENT, exists: []string{"/usr/sbin/dockerd"}, reason: NotRunning, how: "systemctl start docker"},
		"rootless": {
			dial: syscall.ENOENT, exists: []string{"/run/user/7/docker.sock"}, env: []string{"XDG_RUNTIME_DIR", "/run/user/7"},
			reason: WrongHost, how: "export DOCKER_HOST=unix:///run/user/7/docker.sock",
		},
		"stale socket": {dial: refused, reason: NotRunning, how: "systemctl start docker"},
		"permission":   {dial: syscall.EACCES, env: []string{"USER", "ann"}, reason: PermissionDenied, how: "usermod -aG docker ann"},
		"name":         {ep: endpoint{host: "tcp://nohost:1", source: "DOCKER_HOST"}, dial: &net.DNSError{Name: "nohost", Err: "no such host"}, reason: WrongHost, how: "DOCKER_HOST"},
		"tcp refused":  {ep: endpoint{host: "tcp://h:1"}, dial: refused, reason: NotRunning, how: "correct the address"},
		"timeout":      {ep: endpoint{host: "tcp://h:1"}, dial: os.ErrDeadlineExceeded, reason: NoAnswer, how: "check the address"},
		"wants TLS":    {ep: endpoint{host: "tcp://h:1"}, cause: "Client sent an HTTP request to an HTTPS server; TLS", reason: BadTLS, how: "DOCKER_TLS_VERIFY=1"},
		"bad cert":     {ep: endpoint{host: "tcp://h:1", tls: tlsFiles{use: true}}, cause: "tls: bad certificate", reason: BadTLS, how: "ca.pem"},
		"too old":      {cause: "API version 1.24 is not supported by this client", reason: TooOld, how: "20.10"},
		"no engine":    {cause: "malformed HTTP response", reason: WrongHost, how: "correct the address"},
		"hangs":        {cause: "context deadline exceeded", reason: NoAnswer, how: "restart"},
	} {
		if c.ep.host == "" {
			c.ep = endpoint{host: "unix:///var/run/docker.sock", source: "the default socket"}
		}
		p := prober{
			dial: func(context.Context, string, string) error { return c.dial },
			exists: func(path string) bool {
				for _, e := range c.exists {
					if e == path {
						return true
					}
				}
				return false
			},
			getenv: env(c.env...),
		}
		err := p.diagnose(t.Context(), c.ep, errors.New(c.cause))
		var u *UnavailableError
		if !errors.As(err, &u) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if u.Reason != c.reason || !strings.Contains(u.How, c.how) || u.What == "" || u.Why == "" || u.Host != c.ep.host {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

func TestConnectToWhatIsNoEngine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.24") }))
	defer old.Close()
	noise, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer noise.Close()
	go func() {
		for {
			conn, err := noise.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Read(make([]byte, 1024))
				_, _ = conn.Write([]byte("220 mail\r\n"))
				_ = conn.Close()
			}()
		}
	}()
	for host, want := range map[string]Reason{
		"unix://" + dir + "/none.sock":          NotRunning,
		"tcp://127.0.0.1:1":                     NotRunning,
		"tcp://" + noise.Addr().String():        WrongHost,
		"tcp://" + old.Listener.Addr().String(): TooOld,
		"http+unix://x":                         WrongHost,
	} {
		e, err := Connect(t.Context(), host, func(string) string { return "" }) // a rootless engine of this user's would be named
		var u *UnavailableError
		if !errors.As(err, &u) || e != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		// Whether an engine is installed here decides between these two.
		if u.Reason != want && !(want == NotRunning && u.Reason == NotInstalled) {
			t.Errorf("%s: %s (%v), want %s", host, u.Reason, u, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, "unix://"+dir+"/none.sock", os.Getenv); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Connect(t.Context(), "tcp://127.0.0.1:1", env("DOCKER_CERT_PATH", dir)); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("missing certificates: %v", err)
	}
}

// An engine that goes away later is told apart from an operation that failed.
func TestExplain(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			http.Error(w, `{"message":"no such container: x"}`, http.StatusNotFound)
		}
	}))
	defer server.Close()
	e, err := Connect(t.Context(), "tcp://"+server.Listener.Addr().String(), env("HOME", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Exec(t.Context(), "x", ExecOptions{Cmd: []string{"y"}})
	if explained := e.Explain(t.Context(), err); err == nil || explained.Error() != err.Error() || errors.Is(explained, ErrUnavailable) {
		t.Errorf("%v became %v", err, explained)
	}
	server.Close()
	_, err = e.Containers(t.Context(), Filter{})
	var u *UnavailableError
	if !errors.As(e.Explain(t.Context(), err), &u) || u.Reason != NotRunning {
		t.Errorf("%v became %v", err, e.Explain(t.Context(), err))
	}
	if e.Explain(t.Context(), nil) != nil {
		t.Error("no error was explained")
	}
}
