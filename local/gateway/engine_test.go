package gateway_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// rig is an engine with an internal network, and the means to run containers.
type rig struct {
	tb       testing.TB
	docker   *client.Client
	internal string // network
	image    string // of testdata/app
	labels   map[string]string
	sysctls  map[string]string // of a gateway, as this engine takes them
}

// newRig fails where no engine answers, or skips the test where
// ENVCTL_TEST_ENGINE=none says that there is none. Everything it makes is removed.
func newRig(tb testing.TB) *rig {
	tb.Helper()
	docker, err := client.New(client.FromEnv)
	if err == nil {
		_, err = docker.Ping(tb.Context(), client.PingOptions{NegotiateAPIVersion: true})
	}
	if err != nil {
		if os.Getenv("ENVCTL_TEST_ENGINE") != "none" {
			tb.Fatal("a Docker engine is required: ", err)
		}
		tb.Skip("no Docker engine: ", err)
	}
	id := "envctl.gatewaytest." + strings.ToLower(rand.Text()[:8])
	r := &rig{tb: tb, docker: docker, internal: id, labels: map[string]string{"dev.envctl.experiment": id}}
	tb.Cleanup(func() { docker.Close() })
	info, err := docker.Info(tb.Context(), client.InfoOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	remapped := slices.ContainsFunc(info.Info.SecurityOptions, func(option string) bool {
		return strings.HasPrefix(option, "name=rootless") || strings.HasPrefix(option, "name=userns")
	})
	r.sysctls = gateway.Sysctls(versions.LessThan(docker.ClientVersion(), "1.46") && !remapped)
	_, err = docker.NetworkCreate(tb.Context(), id, client.NetworkCreateOptions{
		Driver: "bridge", Internal: true, Labels: r.labels,
		Options: map[string]string{"com.docker.network.bridge.inhibit_ipv4": "true"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	r.cleanup(func(ctx context.Context) error {
		_, err := docker.NetworkRemove(ctx, id, client.NetworkRemoveOptions{})
		return err
	})
	r.image = r.appImage("./testdata/app", "envctl/gatewaytest:"+id[len(id)-8:])
	return r
}

// cleanup runs f after the test, whose own context has ended then.
func (r *rig) cleanup(f func(context.Context) error) {
	ctx := context.WithoutCancel(r.tb.Context())
	r.tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if err := f(ctx); err != nil {
			r.tb.Error("cleaning up: ", err)
		}
	})
}

func (r *rig) load(archive io.Reader) {
	r.tb.Helper()
	result, err := r.docker.ImageLoad(r.tb.Context(), archive)
	if err != nil {
		r.tb.Fatal(err)
	}
	defer result.Close()
	if text, err := io.ReadAll(result); err != nil || bytes.Contains(text, []byte(`"error"`)) {
		r.tb.Fatalf("load: %s, %v", text, err)
	}
}

// appImage builds the program in dir, which may be a module of its own, into an image
// of one file.
func (r *rig) appImage(dir, ref string) string {
	r.tb.Helper()
	file := filepath.Join(r.tb.TempDir(), "app")
	build := exec.CommandContext(r.tb.Context(), "go", "build", "-ldflags=-s -w", "-o", file, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := build.CombinedOutput(); err != nil {
		r.tb.Fatalf("build the app: %v\n%s", err, text)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return tarOf(file) })
	if err != nil {
		r.tb.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		r.tb.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		r.tb.Fatal(err)
	}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config.Entrypoint = []string{"/app"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		r.tb.Fatal(err)
	}
	tag, err := name.NewTag(ref)
	if err != nil {
		r.tb.Fatal(err)
	}
	var archive bytes.Buffer
	if err := tarball.Write(tag, image, &archive); err != nil {
		r.tb.Fatal(err)
	}
	r.load(&archive)
	r.cleanup(func(ctx context.Context) error {
		_, err := r.docker.ImageRemove(ctx, ref, client.ImageRemoveOptions{Force: true})
		return err
	})
	return ref
}

// spec is what the containers of a rig differ in.
type spec struct {
	name, image, network string
	cmd, env             []string
	publish              []int
	hosts                []string      // name:address
	mounts               []mount.Mount // volumes
	memory               int64         // bytes; 0: 64 MiB
}

// create makes a container with the hardening of a sandbox.
func (r *rig) create(s spec) string {
	r.tb.Helper()
	pids := int64(64)
	config := &container.Config{Image: s.image, Cmd: s.cmd, Env: s.env, User: gateway.User, Labels: r.labels, ExposedPorts: network.PortSet{}}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(s.network), ReadonlyRootfs: true, CapDrop: []string{"ALL"},
		SecurityOpt: []string{"no-new-privileges"}, DNS: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		Resources:    container.Resources{PidsLimit: &pids, Memory: cmp.Or(s.memory, 64<<20)},
		PortBindings: network.PortMap{}, ExtraHosts: s.hosts, Mounts: s.mounts,
	}
	switch {
	case strings.HasPrefix(s.network, "container:"):
		host.DNS = nil // it is the other container's
	case s.name == "gateway":
		host.Sysctls = r.sysctls
	}
	for _, p := range s.publish {
		port := network.MustParsePort(fmt.Sprintf("%d/tcp", p))
		config.ExposedPorts[port] = struct{}{}
		host.PortBindings[port] = []network.PortBinding{{HostIP: netip.MustParseAddr("127.0.0.1")}}
	}
	options := client.ContainerCreateOptions{Name: r.internal + "." + s.name, Config: config, HostConfig: host}
	if s.network == r.internal {
		options.NetworkingConfig = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			r.internal: {Aliases: []string{s.name}},
		}}
	}
	made, err := r.docker.ContainerCreate(r.tb.Context(), options)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.cleanup(func(ctx context.Context) error {
		_, err := r.docker.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		return err
	})
	return made.ID
}

func (r *rig) start(id string) {
	r.tb.Helper()
	if _, err := r.docker.ContainerStart(r.tb.Context(), id, client.ContainerStartOptions{}); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *rig) kill(id string) error {
	_, err := r.docker.ContainerKill(r.tb.Context(), id, client.ContainerKillOptions{Signal: "KILL"})
	return err
}

// startGateway loads the gateway's image and runs it for cfg between the internal
// network and the engine's default bridge.
func (r *rig) startGateway(cfg protocol.Config) string {
	r.tb.Helper()
	return r.startGatewayWith(cfg, spec{})
}

// startGatewayWith is startGateway with more of the container's spec.
func (r *rig) startGatewayWith(cfg protocol.Config, s spec) string {
	r.tb.Helper()
	archive, ref, err := gateway.Image(runtime.GOARCH, "gatewaytest.default")
	if err != nil {
		r.tb.Fatal(err)
	}
	r.load(archive) // left there: other sandboxes of this engine may use it
	text, err := cfg.Encode()
	if err != nil {
		r.tb.Fatal(err)
	}
	s.name, s.image, s.network = "gateway", ref, r.internal
	s.env = append(s.env, protocol.EnvConfig+"="+text)
	for _, route := range cfg.Ingress.Routes {
		s.publish = append(s.publish, route.Listen)
	}
	id := r.create(s)
	_, err = r.docker.NetworkConnect(r.tb.Context(), "bridge", client.NetworkConnectOptions{Container: id})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.start(id)
	// Until it listens the engine's own proxy takes connections and drops them.
	listens := errors.New("it listens")
	err = gateway.Follow(r.tb.Context(), logs{r, id}, func(e protocol.Event) error {
		if e.Event == protocol.EventStart {
			return listens
		}
		return nil
	})
	if !errors.Is(err, listens) {
		r.tb.Fatal(err)
	}
	return id
}

func (r *rig) inspect(id string) container.InspectResponse {
	r.tb.Helper()
	result, err := r.docker.ContainerInspect(r.tb.Context(), id, client.ContainerInspectOptions{})
	if err != nil {
		r.tb.Fatal(err)
	}
	return result.Container
}

// url is where a published port is reached.
func (r *rig) url(id string, port int) string {
	r.tb.Helper()
	bindings := r.inspect(id).NetworkSettings.Ports[network.MustParsePort(fmt.Sprintf("%d/tcp", port))]
	if len(bindings) != 1 || bindings[0].HostIP.String() != "127.0.0.1" {
		r.tb.Fatalf("port %d is published at %v, expected once at 127.0.0.1", port, bindings)
	}
	return "http://127.0.0.1:" + bindings[0].HostPort
}

// Logs implements gateway.LogSource for one container.
type logs struct {
	rig *rig
	id  string
}

func (l logs) Logs(ctx context.Context) (io.ReadCloser, error) {
	framed, err := l.rig.docker.ContainerLogs(ctx, l.id, client.ContainerLogsOptions{ShowStdout: true, Follow: true})
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		_, err := stdcopy.StdCopy(w, io.Discard, framed)
		framed.Close()
		w.CloseWithError(err)
	}()
	return r, nil
}

// run runs a container to its end and returns what it printed.
func (r *rig) run(s spec) string {
	r.tb.Helper()
	id := r.create(s)
	wait := r.docker.ContainerWait(r.tb.Context(), id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	r.start(id)
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		r.tb.Fatal(err)
	}
	return r.output(id)
}

// output returns what a container has printed so far.
func (r *rig) output(id string) string {
	r.tb.Helper()
	framed, err := r.docker.ContainerLogs(r.tb.Context(), id, client.ContainerLogsOptions{ShowStdout: true})
	if err != nil {
		r.tb.Fatal(err)
	}
	defer framed.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, io.Discard, framed); err != nil {
		r.tb.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

// status asks the gateway as `docker exec … /gateway status` does.
func (r *rig) status(id string) protocol.Status {
	r.tb.Helper()
	made, err := r.docker.ExecCreate(r.tb.Context(), id, client.ExecCreateOptions{AttachStdout: true, AttachStderr: true, Cmd: []string{gateway.Path, "status"}})
	if err != nil {
		r.tb.Fatal(err)
	}
	attached, err := r.docker.ExecAttach(r.tb.Context(), made.ID, client.ExecAttachOptions{})
	if err != nil {
		r.tb.Fatal(err)
	}
	defer attached.Close()
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, attached.Reader); err != nil {
		r.tb.Fatal(err)
	}
	var status protocol.Status
	if err := json.Unmarshal(stdout.Bytes(), &status); err != nil {
		r.tb.Fatalf("status %q, %q: %v", &stdout, &stderr, err)
	}
	return status
}

func get(tb testing.TB, url string) (int, string) {
	tb.Helper()
	response, err := (&http.Client{Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		tb.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}
