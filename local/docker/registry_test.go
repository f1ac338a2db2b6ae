package docker_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// lockedRegistry serves one image, REPO:1, to those who know the password. It
// listens on loopback, which engines take without TLS.
func lockedRegistry(t *testing.T, own map[string]string) (host string) {
	t.Helper()
	served := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "secret" {
			w.Header().Set("Www-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		served.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	file, err := empty.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	file.Config.Labels, file.Config.User = own, "77"
	img, err := mutate.ConfigFile(empty.Image, file)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/" + own[dockertest.Label] + ":1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img, remote.WithAuth(&authn.Basic{Username: "ann", Password: "secret"})); err != nil {
		t.Fatal(err)
	}
	return host
}

// as connects with a docker config that knows a password.
func as(t *testing.T, host, password string) *docker.Engine {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte("ann:" + password))
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := docker.Connect(t.Context(), "", func(key string) string {
		if key == "DOCKER_CONFIG" {
			return dir
		}
		return os.Getenv(key)
	})
	if err != nil {
		t.Fatalf("these tests need a Docker Engine: %v", err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// reachesLoopback skips a test with a registry of its own where the engine is rootless:
// its 127.0.0.1 is another one.
func reachesLoopback(t *testing.T, e *docker.Engine) {
	t.Helper()
	info, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.Rootless {
		t.Skip("a rootless engine does not reach this host's loopback")
	}
}

func TestPullWithCredentials(t *testing.T) {
	t.Parallel()
	e := engine(t)
	reachesLoopback(t, e)
	own := labels(t, e)
	host := lockedRegistry(t, own)
	ref := host + "/" + own[dockertest.Label]
	known := as(t, host, "secret")
	var events []docker.BuildEvent
	img, err := known.Pull(t.Context(), ref+":1", func(ev docker.BuildEvent) { events = append(events, ev) })
	if err != nil {
		t.Fatal(err)
	}
	if img.User != "77" || !slices.Contains(img.Tags, ref+":1") || len(img.RepoDigests) != 1 || !strings.HasPrefix(img.RepoDigests[0], ref+"@sha256:") {
		t.Errorf("%+v", img)
	}
	if len(events) == 0 || events[len(events)-1].State != docker.StepDone {
		t.Errorf("events = %+v", events)
	}
	// The digest that the registry gave names the same image.
	again, err := known.Pull(t.Context(), img.RepoDigests[0], nil)
	if err != nil || again.ID != img.ID {
		t.Errorf("by digest: %+v %v", again, err)
	}
	for name, c := range map[string]struct {
		e      *docker.Engine
		ref    string
		reason docker.PullReason
	}{
		"no such tag":    {known, ref + ":2", docker.PullNotFound},
		"wrong password": {as(t, host, "guess"), ref + ":1", docker.PullUnauthorized},
		"no password":    {engine(t), ref + ":1", docker.PullUnauthorized},
	} {
		_, err := c.e.Pull(t.Context(), c.ref, nil)
		var pull *docker.PullError
		if !errors.As(err, &pull) || pull.Reason != c.reason {
			t.Errorf("%s: %v, want %s", name, err, c.reason)
		}
	}
}

func TestBuildFromRegistryWithCredentials(t *testing.T) {
	t.Parallel()
	e := engine(t)
	reachesLoopback(t, e)
	own := labels(t, e)
	host := lockedRegistry(t, own)
	from := host + "/" + own[dockertest.Label] + ":1"
	request := docker.BuildRequest{
		Context: buildDir(t, map[string]string{"Dockerfile": "FROM " + from + "\nCOPY tool /tool\n"}),
		Labels:  own, Tag: dockertest.Tag(own),
	}
	_, err := as(t, host, "guess").Build(t.Context(), request, nil)
	var pull *docker.PullError
	if !errors.As(err, &pull) || pull.Ref != from || pull.Reason != docker.PullUnauthorized {
		t.Errorf("wrong password: %v", err)
	}
	img, err := as(t, host, "secret").Build(t.Context(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	if img.User != "77" {
		t.Errorf("%+v", img)
	}
}
