package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	// grace is what a program gets between SIGTERM and SIGKILL; experiments are
	// ephemeral, so it is short.
	grace = 2 * time.Second
	// initRetries is how often an init container that fails is run again.
	initRetries = 5
	// scratch is where a volume counts as the sandbox's own scratch folder.
	scratch = "/tmp"
)

// request is a container to make.
type request struct {
	name     string
	kind     string // of the label
	hostname string
	aliases  []string
	labels   map[string]string
	env      map[string]string // beside the container's own
	retries  int               // of an init container or a job
	outputs  string            // folder of a job whose content is kept
}

// runSpec is the engine's request, with the hardening of a local sandbox.
func runSpec(p place, of run.Spec, q request, c run.Container, img loaded) docker.RunSpec {
	more := given(of, c)
	maps.Copy(more, q.env)
	spec := docker.RunSpec{
		Name: q.name,
		Config: container.Config{
			Image: img.id, Hostname: q.hostname, Entrypoint: c.Command, Cmd: c.Args,
			Env: environ(c.Env, more), Labels: with(q.labels, LabelKind, q.kind),
		},
		Networking: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			p.network(): {Aliases: q.aliases},
		}},
	}
	hardening := profile(p, q, c, img)
	reach(&hardening, p, of)
	hardening.Apply(&spec.Config, &spec.HostConfig)
	if q.outputs != "" {
		spec.Outputs = &docker.OutputSpec{Path: q.outputs, UID: int(img.user), GID: int(img.user)}
	}
	return spec
}

// profile is the hardening of a container. Its volumes are folders in memory, each
// of half the container's memory at most, as is the kernel's own measure for them.
func profile(p place, q request, c run.Container, img loaded) sandbox.Profile {
	w := plan.Workload{User: img.user, CPU: c.CPU, Memory: c.Memory}
	folder := c.Memory / 2
	for _, v := range c.Volumes {
		if v.Path == scratch {
			w.Scratch = folder
		}
	}
	kind := sandbox.Job
	if q.kind == kindApp {
		kind = sandbox.App
	}
	out := sandbox.New(kind, w, p.network())
	for _, v := range c.Volumes {
		if v.Path == scratch || v.Path == q.outputs {
			continue
		}
		if out.Tmpfs == nil {
			out.Tmpfs = map[string]string{}
		}
		out.Tmpfs[v.Path] = sandbox.TmpfsOptions(folder)
	}
	if q.retries > 0 {
		out.Restart, out.MaxRetries = "on-failure", q.retries
	}
	return out
}

// environ are the variables in the order of their names; later ones win.
func environ(list []run.KV, more map[string]string) []string {
	all := map[string]string{}
	for _, kv := range list {
		all[kv.Name] = kv.Value
	}
	maps.Copy(all, more)
	out := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, name+"="+all[name])
	}
	return out
}

// create makes a container that is not started. One that has the name already is
// somebody's: the caller has looked.
func (r *Runner) create(ctx context.Context, spec docker.RunSpec) error {
	_, err := r.engine.Create(ctx, spec)
	return err
}

// start starts a container. What the program's image or command is to blame for
// is a [*failure].
func (r *Runner) start(ctx context.Context, name string) error {
	_, err := r.engine.Client().ContainerStart(ctx, name, client.ContainerStartOptions{})
	if err == nil {
		return nil
	}
	if text := err.Error(); strings.Contains(text, "OCI runtime") || strings.Contains(text, "executable file not found") ||
		strings.Contains(text, "no command specified") {
		return &failure{"ContainerCreateFailure", "its program cannot be started: " + oneLine(text)}
	}
	return fmt.Errorf("start container %s: %w", name, err)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// drop ends a container, its program first, and removes it with its anonymous
// volumes. One that is gone is as good.
func (r *Runner) drop(ctx context.Context, id string) error {
	seconds := int(grace / time.Second)
	_, err := r.engine.Client().ContainerStop(ctx, id, client.ContainerStopOptions{Timeout: &seconds})
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
		return fmt.Errorf("stop container %s: %w", id, err)
	}
	for {
		_, err = r.engine.Client().ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil, cerrdefs.IsNotFound(err):
			return nil
		case !cerrdefs.IsConflict(err): // somebody else removes it
			return fmt.Errorf("remove container %s: %w", id, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollLock):
		}
	}
}

// find lists containers by labels, which are names and values in turn.
func (r *Runner) find(ctx context.Context, labels ...string) ([]docker.Container, error) {
	return r.engine.Containers(ctx, docker.Filter{Labels: r.mine(labels...)})
}
