package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
)

// Apply implements [run.Runner].
func (r *Runner) Apply(ctx context.Context, spec run.Spec) (run.Status, error) {
	if err := check(spec); err != nil {
		return run.Status{}, err
	}
	images, err := r.withImages(ctx, spec, func(images []loaded) error {
		if spec.Kind == run.Job {
			return nil
		}
		return r.bring(ctx, spec, images)
	})
	if err == nil && spec.Kind == run.Job {
		return run.Status{State: run.Stopped, Revision: spec.Revision}, r.forget(ctx, spec, images)
	}
	var failed *failure
	if errors.As(err, &failed) {
		return run.Status{State: run.Failed, Reason: failed.reason, Message: failed.message, Revision: spec.Revision}, nil
	}
	if err != nil {
		return run.Status{}, fmt.Errorf("run %s %s: %w", spec.Kind, spec.Name, err)
	}
	st, err := r.await(ctx, spec)
	if err != nil {
		return st, fmt.Errorf("wait for %s %s: %w", spec.Kind, spec.Name, err)
	}
	return st, r.forget(ctx, spec, images)
}

// check refuses what this package has no means for.
func check(spec run.Spec) error {
	if spec.ID == "" || spec.Name == "" || spec.Environment == "" {
		return fmt.Errorf("a simulated workload has id %q, name %q and environment %q; none of them may be empty", spec.ID, spec.Name, spec.Environment)
	}
	if spec.Kind != run.App && spec.Kind != run.Job {
		return fmt.Errorf("%s is a %q; only %q and %q can be run", spec.Name, spec.Kind, run.App, run.Job)
	}
	owner := map[string]string{}
	for _, c := range append(slices.Clone(spec.Init), spec.Container) {
		if c.Memory <= 0 || c.CPU <= 0 {
			return fmt.Errorf("container %q of %s has cpu %v and memory %d; both are above 0", c.Name, spec.Name, c.CPU, c.Memory)
		}
		for _, v := range c.Volumes {
			if other, ok := owner[v.Name]; ok && other != c.Name {
				return fmt.Errorf("volume %q of %s is in the containers %q and %q; a simulated app's volumes are in one container each", v.Name, spec.Name, other, c.Name)
			}
			owner[v.Name] = c.Name
		}
	}
	return nil
}

// bring makes the containers, the gateway, and starts them. Starting comes last, so
// that the gateway is not made anew while the app already takes requests.
func (r *Runner) bring(ctx context.Context, spec run.Spec, images []loaded) error {
	p := r.environment(spec.Environment, spec.Tags)
	if err := r.place(ctx, p, spec, images); err != nil {
		return err
	}
	// With a lock of its own: of apps that come at once, the first makes the
	// gateway for all that are there by then.
	unlock, err := r.lock(ctx, p.id)
	if err != nil {
		return err
	}
	fresh, err := r.reconcile(ctx, p)
	unlock()
	if err != nil || spec.Replicas == 0 {
		return err
	}
	if err := r.attend(ctx, p, spec); err != nil {
		return err
	}
	for i := range spec.Init {
		if err := r.runInit(ctx, p, p.container(spec.Name, kindInit, strconv.Itoa(i)), spec.Init[i].Name); err != nil {
			return err
		}
	}
	return r.startAll(ctx, p, spec.ID, fresh)
}

// startAll starts the containers of an app that do not run, and has a gateway that
// was there before them look anew.
func (r *Runner) startAll(ctx context.Context, p place, id string, fresh bool) error {
	list, err := r.find(ctx, labelID, id, LabelKind, kindApp)
	if err != nil {
		return err
	}
	started := false
	for _, c := range list {
		if c.State != "created" && c.State != "exited" {
			continue
		}
		started = true
		if err := r.start(ctx, c.ID); err != nil {
			return err
		}
	}
	if !started || fresh {
		return nil
	}
	return r.wake(ctx, p.id, true)
}

// place makes the network and the containers of an app, and removes those that
// are not as spec says. None is started.
func (r *Runner) place(ctx context.Context, p place, spec run.Spec, images []loaded) error {
	unlock, err := r.lock(ctx, p.id)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.ensureGround(ctx, &p, spec); err != nil {
		return err
	}
	wanted, err := r.wanted(p, spec, images)
	if err != nil {
		return err
	}
	there, err := r.find(ctx, labelID, spec.ID)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, c := range there {
		want, ok := wanted[c.Name]
		if ok && !spec.Restart && c.Labels[labelSpec] == want.Config.Labels[labelSpec] {
			have[c.Name] = true
			continue
		}
		if err := r.drop(ctx, c.ID); err != nil {
			return err
		}
	}
	for name, c := range wanted {
		if have[name] {
			continue
		}
		if err := r.create(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// ensureGround makes what an environment's containers stand on. The caller holds the
// environment's lock.
func (r *Runner) ensureGround(ctx context.Context, p *place, spec run.Spec) (err error) {
	if p.address, err = r.ensureNetwork(ctx, *p); err != nil || servicesOf(spec) != servicesModels {
		return err
	}
	return r.ensureTrust(ctx, *p)
}

// wanted are the containers of an app by name. A stopped app has one, which keeps
// its place.
func (r *Runner) wanted(p place, spec run.Spec, images []loaded) (map[string]docker.RunSpec, error) {
	front, err := edgeOf(spec)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(front)
	if err != nil {
		return nil, err
	}
	labels := with(r.owned(spec.Tags), labelEnvironment, p.id, labelID, spec.ID, LabelComponent, spec.Name,
		labelRevision, spec.Revision, labelReplicas, strconv.Itoa(spec.Replicas))
	if services := servicesOf(spec); services != "" {
		labels[labelServices] = services
	}
	hash, err := hashOf(p, spec, images, text)
	if err != nil {
		return nil, err
	}
	labels[labelSpec] = hash
	out := map[string]docker.RunSpec{}
	for i, c := range spec.Init {
		name := p.container(spec.Name, kindInit, strconv.Itoa(i))
		out[name] = runSpec(p, spec, request{
			name: name, kind: kindInit, hostname: spec.Name, labels: labels, retries: initRetries,
		}, c, images[i])
	}
	for i := range max(spec.Replicas, 1) {
		name := p.container(spec.Name, strconv.Itoa(i))
		replica := replicaName(spec, i)
		out[name] = runSpec(p, spec, request{
			name: name, kind: kindApp, hostname: spec.Name, aliases: []string{replicas(spec.Name)},
			labels: with(labels, labelEdge, string(text), labelReplica, replica),
			env:    map[string]string{"CONTAINER_APP_REPLICA_NAME": replica},
		}, spec.Container, images[len(images)-1])
	}
	return out, nil
}

func replicaName(spec run.Spec, i int) string {
	name := spec.Revision
	if name == "" {
		name = spec.Name
	}
	return name + "-" + strconv.Itoa(i)
}

// hashOf is of everything that the containers are made from. What changes at every
// deployment without a change of what runs, such as the tag of the expiry, is not
// in it. A hash of secrets is no secret's loss: who reads labels of the engine reads
// its containers' variables too.
func hashOf(p place, spec run.Spec, images []loaded, front []byte) (string, error) {
	var ids []string
	for _, i := range images {
		ids = append(ids, i.id)
	}
	text, err := json.Marshal(struct {
		Revision  string
		Container run.Container
		Init      []run.Container
		Replicas  int
		Images    []string
		Edge      json.RawMessage
		Header    string
		Hosts     []string
		Gateway   netip.Addr
	}{spec.Revision, spec.Container, spec.Init, spec.Replicas, ids, front, spec.IdentityHeader, spec.Hosts, p.address})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// forget removes the names of images that spec no longer uses.
func (r *Runner) forget(ctx context.Context, spec run.Spec, images []loaded) error {
	var keep []string
	for _, i := range images {
		keep = append(keep, i.tag)
	}
	_, err := r.untag(ctx, r.repository(spec.ID, spec.Tags), keep)
	return err
}
