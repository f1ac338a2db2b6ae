package containment

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/owner"
	"github.com/envctl/envctl/local/sandbox"
)

// The labels of what a run makes. They are those of an experiment, so that what a
// killed run leaves is found as one's.
const (
	labelExperiment = "dev.envctl.experiment"
	labelInstance   = "dev.envctl.instance"
	labelTarget     = "dev.envctl.target"
	labelKind       = "dev.envctl.kind"
	kindProbe       = "probe" // of containers and networks, not of the image
	experiment      = "envctl-containment"
)

// victimPort is where the other experiment's app listens.
const victimPort = 8000

// world is everything around the hostile program: its network, another experiment,
// the host's services and the outside.
type world struct {
	engine  *docker.Engine
	runtime string // of sandboxes
	run     string // eight hexadecimal digits
	image   string
	labels  map[string]string

	secret   string // that the other app has
	leak     string // what is sent out, so that it can be recognised
	inside   string // network of the sandbox
	bridge   netip.Addr
	victim   netip.Addr
	other    string     // network of the victim
	proxy    netip.Addr // of the gateway
	outside  *canary
	overhead *canary // nil: packets of the host cannot be watched
	host     *canary // listeners of the host
	api      int     // port of the host that stands for the engine's API
	socket   string  // abstract
	folder   string  // of the host, with a file "secret"
	memory   int     // key of shared memory
	closers  []func()
}

// newIdentity is a world that has nothing in it yet.
func newIdentity(engine *docker.Engine, runtime string) (*world, error) {
	id := make([]byte, 4)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	w := &world{engine: engine, runtime: runtime, run: hex.EncodeToString(id)}
	w.secret = "secret-" + strings.ToLower(rand.Text())
	w.leak = "leak-" + strings.ToLower(rand.Text()[:12])
	w.image = "envctl/containment:" + w.run
	self, err := owner.Self()
	if err != nil {
		return nil, err
	}
	w.labels = map[string]string{labelExperiment: experiment, labelInstance: w.run, labelTarget: "local", owner.Label: self.String()}
	return w, nil
}

// newWorld makes it. What was made is gone again when it fails.
func newWorld(ctx context.Context, engine *docker.Engine, runtime string) (_ *world, err error) {
	w, err := newIdentity(engine, runtime)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(ctx))
		}
	}()
	for _, step := range []func(context.Context) error{w.makeFolder, w.load, w.makeNetworks, w.makeHost, w.makeOutside, w.makeVictim, w.makeGateway} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// close removes all that carries the run's labels, and closes what listens.
func (w *world) close(ctx context.Context) error {
	for i := len(w.closers) - 1; i >= 0; i-- {
		w.closers[i]()
	}
	const within = time.Minute
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	_, err := w.engine.Sweep(ctx, w.labels, docker.SweepOptions{})
	// The gateway's image has no label that a sweep goes by.
	_, untagged := w.engine.Untag(ctx, gateway.Repository(ownerOf(w.run)))
	return errors.Join(err, untagged)
}

// kindLabels are the labels of what is no image: a container that had but those of its
// image would be taken for somebody else's.
func (w *world) kindLabels() map[string]string {
	labels := maps.Clone(w.labels)
	labels[labelKind] = kindProbe
	return labels
}

func (w *world) makeNetworks(ctx context.Context) error {
	for _, n := range []struct {
		name    *string
		purpose string
	}{{&w.inside, "inside"}, {&w.other, "other"}} {
		*n.name = "envctl-containment-" + w.run + "-" + n.purpose
		var options client.NetworkCreateOptions
		sandbox.InternalNetwork().Apply(&options)
		options.Labels = w.kindLabels()
		if _, err := w.engine.Client().NetworkCreate(ctx, *n.name, options); err != nil {
			return fmt.Errorf("network of the containment suite: %w", err)
		}
	}
	got, err := w.engine.Client().NetworkInspect(ctx, w.inside, client.NetworkInspectOptions{})
	if err != nil {
		return err
	}
	if differences := sandbox.VerifyNetwork(got.Network, sandbox.InternalNetwork()); len(differences) > 0 {
		return fmt.Errorf("the engine made another network than was asked for: %v", differences)
	}
	w.bridge = got.Network.IPAM.Config[0].Subnet.Masked().Addr().Next()
	return nil
}

// makeHost makes what a careless host has: a service at every address, one at a port
// of the engine's API, an abstract socket, shared memory and a file.
func (w *world) makeHost(context.Context) error {
	w.host = &canary{words: "listeners of the host"}
	w.closers = append(w.closers, w.host.close)
	l, err := net.Listen("tcp", ":0") //nolint:gosec // what a sandbox must not reach
	if err != nil {
		return err
	}
	w.host.accept(l)
	w.host.tcp = []int{l.Addr().(*net.TCPAddr).Port}
	for _, port := range []string{"2375", "2376", "2377"} {
		if api, err := net.Listen("tcp", ":"+port); err == nil { //nolint:gosec // as above
			w.host.accept(api)
			w.api = api.Addr().(*net.TCPAddr).Port
			break
		}
	}
	w.socket = "@envctl-containment-" + w.run
	if s, err := net.Listen("unix", w.socket); err == nil {
		w.closers = append(w.closers, func() { s.Close() })
	}
	var forget func()
	w.memory, forget = plantMemory()
	w.closers = append(w.closers, forget)
	return nil
}

// makeFolder makes the folder with the secret, and says in it whose all the rest of
// the run on this machine is. It comes before the rest.
func (w *world) makeFolder(context.Context) (err error) {
	if w.folder, err = os.MkdirTemp("", folderPrefix+w.run+"-"); err != nil {
		return err
	}
	w.closers = append(w.closers, func() { _ = os.RemoveAll(w.folder) })
	return errors.Join(
		os.WriteFile(filepath.Join(w.folder, ownerFile), []byte(w.labels[owner.Label]), 0o600),
		os.Chmod(w.folder, 0o755), os.WriteFile(filepath.Join(w.folder, "secret"), []byte(w.secret), 0o644),
	)
}

// makeOutside makes the canary, or takes listeners of the host for it.
func (w *world) makeOutside(ctx context.Context) error {
	var err error
	if w.outside, err = newCanary(ctx, w.run); err != nil {
		if w.outside, err = listenHere(w.defaultGateway(ctx), err); err != nil {
			return err
		}
	}
	w.closers = append(w.closers, w.outside.close)
	if w.overhead = overhear(w.leak); w.overhead != nil {
		w.closers = append(w.closers, w.overhead.close)
	}
	return nil
}

// defaultGateway is the host's address on the engine's own bridge.
func (w *world) defaultGateway(ctx context.Context) netip.Addr {
	got, err := w.engine.Client().NetworkInspect(ctx, "bridge", client.NetworkInspectOptions{})
	if err == nil {
		for _, c := range got.Network.IPAM.Config {
			if c.Gateway.IsValid() {
				return c.Gateway
			}
			if c.Subnet.IsValid() {
				return c.Subnet.Masked().Addr().Next()
			}
		}
	}
	return netip.MustParseAddr("172.17.0.1") // what engines take by default
}

// makeVictim starts the app of another experiment, which has a secret.
func (w *world) makeVictim(ctx context.Context) error {
	spec := w.sandboxed(sandbox.App, w.other, attempt.ModeServe, fmt.Sprint(victimPort))
	spec.Config.Env = []string{"SECRET=" + w.secret}
	spec.Name = "envctl-containment-" + w.run + "-victim"
	id, err := w.engine.Create(ctx, spec)
	if err != nil {
		return err
	}
	if _, err := w.engine.Client().ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start the other experiment's app under %q: %w", w.runtime, err)
	}
	got, ok, err := w.engine.Inspect(ctx, id)
	if err != nil || !ok {
		return errors.Join(err, errors.New("the other experiment's app is gone"))
	}
	w.victim = got.NetworkSettings.Networks[w.other].IPAddress
	return nil
}

// The size of a sandbox that the program runs in.
const (
	memory  = 256 << 20
	scratch = 16 << 20
	user    = 65532
)

// profile is the hardening of an experiment's container.
func (w *world) profile(kind, network string) sandbox.Profile {
	p := sandbox.New(kind, plan.Workload{Kind: kind, Name: "probe", User: user, CPU: 0.5, Memory: memory, Scratch: scratch}, network)
	p.Runtime = w.runtime
	return p
}

// sandboxed is the program in a sandbox.
func (w *world) sandboxed(kind, network string, args ...string) docker.RunSpec {
	spec := w.bare(network, args...)
	w.profile(kind, network).Apply(&spec.Config, &spec.HostConfig)
	return spec
}

// bare is the program in a container as an engine makes it without being told more.
func (w *world) bare(on string, args ...string) docker.RunSpec {
	spec := docker.RunSpec{
		Config:     container.Config{Image: w.image, Cmd: args, Labels: w.kindLabels()},
		HostConfig: container.HostConfig{NetworkMode: container.NetworkMode(on)},
		Timeout:    2 * time.Minute, Grace: time.Second,
	}
	if on == w.inside || on == w.other {
		spec.Networking = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{on: {}}}
	}
	return spec
}

// attempt runs a task and returns the results by row.
func (w *world) attempt(ctx context.Context, spec docker.RunSpec, task attempt.Task) (map[string]attempt.Result, error) {
	text, err := json.Marshal(task)
	if err != nil {
		return nil, err
	}
	spec.Config.Env = append(spec.Config.Env, attempt.EnvTask+"="+string(text))
	var out, errs bytes.Buffer
	end, err := w.engine.Run(ctx, spec, docker.Streams{Stdout: &out, Stderr: &errs})
	if err != nil {
		return nil, err
	}
	results := map[string]attempt.Result{}
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var r attempt.Result
		if err := decoder.Decode(&r); err != nil {
			return nil, fmt.Errorf("what the probe printed: %w", err)
		}
		results[r.Row] = r
	}
	if end.ExitCode != 0 || end.TimedOut {
		return results, fmt.Errorf("the probe ended with status %d, timed out %v: %s", end.ExitCode, end.TimedOut, errs.String())
	}
	return results, nil
}
