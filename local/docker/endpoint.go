package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"
)

// endpoint is an address of an engine, and who named it.
type endpoint struct {
	host   string // unix:///…, tcp://…, npipe://…
	source string // what named the host, for messages: DOCKER_HOST, context "x", …
	tls    tlsFiles
}

// tlsFiles are the PEM files of a TLS connection; an empty name is left out.
type tlsFiles struct {
	use, insecure bool
	ca, cert, key string
}

// resolveEndpoint finds the engine as the docker CLI does: host when given,
// else DOCKER_HOST, else the context named by DOCKER_CONTEXT or by config.json,
// else the platform's default socket.
func resolveEndpoint(host string, getenv func(string) string) (endpoint, error) {
	if host != "" {
		return hostEndpoint(host, "the given host", getenv)
	}
	if host := getenv("DOCKER_HOST"); host != "" {
		return hostEndpoint(host, "DOCKER_HOST", getenv)
	}
	dir := configDir(getenv)
	name, source := getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	if name == "" {
		var err error
		if name, err = currentContext(dir); err != nil {
			return endpoint{}, err
		}
		source = filepath.Join(dir, "config.json")
	}
	if name == "" || name == "default" {
		return endpoint{host: client.DefaultDockerHost, source: "the default socket"}, nil
	}
	return contextEndpoint(dir, name, source)
}

// hostEndpoint checks a host and adds the TLS files that the environment names.
func hostEndpoint(host, source string, getenv func(string) string) (endpoint, error) {
	ep := endpoint{host: host, source: source}
	if err := checkHost(ep); err != nil {
		return endpoint{}, err
	}
	verify, dir := getenv("DOCKER_TLS_VERIFY") != "", getenv("DOCKER_CERT_PATH")
	if !strings.HasPrefix(host, "tcp://") || !verify && dir == "" {
		return ep, nil
	}
	if dir == "" {
		dir = configDir(getenv)
	}
	ep.tls = tlsFiles{
		use: true, insecure: !verify,
		ca:   filepath.Join(dir, "ca.pem"),
		cert: filepath.Join(dir, "cert.pem"),
		key:  filepath.Join(dir, "key.pem"),
	}
	return ep, nil
}

// checkHost refuses an address that the API client cannot dial.
func checkHost(ep endpoint) error {
	u, err := client.ParseHostURL(ep.host)
	if err != nil {
		return wrongHost(ep, `an address has the form unix:///path or tcp://host:port`, err)
	}
	switch u.Scheme {
	case "unix", "tcp", "npipe", "http", "https":
		return nil
	case "ssh":
		return wrongHost(ep, "an engine over ssh is not supported: the connection would need a subprocess",
			errors.New("forward its socket with: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, and set DOCKER_HOST=unix:///tmp/docker.sock"))
	default:
		return wrongHost(ep, `the scheme must be unix, tcp or npipe`, nil)
	}
}

// configDir is the folder of the docker CLI's configuration.
func configDir(getenv func(string) string) string {
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home := getenv("HOME")
	if home == "" {
		home = getenv("USERPROFILE")
	}
	return filepath.Join(home, ".docker")
}

// currentContext reads the selected context's name; "" when none is selected.
func currentContext(dir string) (string, error) {
	name := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return "", fmt.Errorf("%s is not valid JSON: %w; mend or remove it", name, err)
	}
	return config.CurrentContext, nil
}

// contextEndpoint reads a context as the docker CLI stores it: its metadata and
// TLS files lie in folders named by the SHA-256 of the context's name.
func contextEndpoint(dir, name, source string) (endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	ep := endpoint{source: fmt.Sprintf("context %q of %s", name, source)}
	data, err := os.ReadFile(filepath.Join(dir, "contexts", "meta", id, "meta.json"))
	if err != nil {
		ep.host = name
		return endpoint{}, wrongHost(ep, fmt.Sprintf("there is no docker context %q", name), err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(data, &meta); err != nil {
		ep.host = name
		return endpoint{}, wrongHost(ep, "its metadata is not valid JSON", err)
	}
	ep.host = meta.Endpoints["docker"].Host
	if ep.host == "" {
		ep.host = client.DefaultDockerHost
	}
	if err := checkHost(ep); err != nil {
		return endpoint{}, err
	}
	ep.tls = contextTLS(filepath.Join(dir, "contexts", "tls", id, "docker"))
	ep.tls.insecure = meta.Endpoints["docker"].SkipTLSVerify
	ep.tls.use = strings.HasPrefix(ep.host, "tcp://") && (ep.tls.use || ep.tls.insecure)
	return ep, nil
}

// contextTLS lists the TLS files that are there.
func contextTLS(dir string) tlsFiles {
	var t tlsFiles
	for name, field := range map[string]*string{"ca.pem": &t.ca, "cert.pem": &t.cert, "key.pem": &t.key} {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err == nil {
			*field, t.use = file, true
		}
	}
	return t
}
