package engine

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/pulumi/pulumi/pkg/v3/backend"
	"github.com/pulumi/pulumi/pkg/v3/engine"
	pkgresource "github.com/pulumi/pulumi/pkg/v3/resource"
	"github.com/pulumi/pulumi/pkg/v3/resource/deploy"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack/snapshot"
	"github.com/pulumi/pulumi/pkg/v3/secrets"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/version"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// interimKey is where the interim state of a stack is in the state store.
func interimKey(name string) string { return "envctl/interim/" + Project + "/" + name + ".json" }

// interim is what an update has done so far, put together from the engine's events
// and written beside the state while the update runs. Pulumi's own way, the whole
// state twice for each resource, is a third of the processor time of an update of
// 36 resources; this is at most one write in a time, of the same content.
type interim struct {
	bucket  *blob.Bucket
	key     string
	every   time.Duration
	secrets secrets.Manager
	base    *deploy.Snapshot // what the update began with; nil: nothing

	// before are the resources of base that nothing was done to so far; made are the
	// others, each after what it depends on, as the program registers them.
	before, made []*pkgresource.State
	refreshing   map[resource.URN]bool
}

// newInterim is for an update of s that begins now.
func newInterim(ctx context.Context, c *command, s backend.Stack) (*interim, error) {
	base, err := s.Snapshot(ctx, c.engine.secrets)
	if err != nil {
		return nil, err
	}
	bucket, err := openBucket(ctx, c.url)
	if err != nil {
		return nil, err
	}
	i := &interim{
		bucket: bucket, key: interimKey(s.Ref().Name().String()), every: c.engine.cfg.Interim,
		secrets: c.engine.secrets.manager(), base: base, refreshing: map[resource.URN]bool{},
	}
	if base != nil {
		i.before = slices.Clone(base.Resources)
		if secrets.AreCompatible(i.secrets, base.SecretsManager) {
			i.secrets = base.SecretsManager // what it encrypted already stays as it is
		}
	}
	return i, nil
}

// follow writes what the events tell until they end: each change within the time
// that is set. It calls stop, and writes no more, when that failed.
func (i *interim) follow(ctx context.Context, evs <-chan engine.Event, stop func()) (failed error) {
	due := time.NewTimer(i.every)
	due.Stop()
	defer due.Stop()
	waiting := false
	for {
		select {
		case ev, ok := <-evs:
			if !ok {
				return failed
			}
			if i.note(ev) && !waiting && failed == nil {
				due.Reset(i.every)
				waiting = true
			}
		case <-due.C:
			waiting = false
			if err := i.write(ctx); err != nil {
				failed = &RecordError{Err: err}
				stop()
			}
		}
	}
}

// note takes in one event, and says whether it changed anything.
func (i *interim) note(ev engine.Event) bool {
	switch p := ev.Payload().(type) {
	case engine.ResourcePreEventPayload:
		m := p.Metadata
		i.refreshing[m.URN] = m.Op == deploy.OpRefresh
		if m.New == nil || m.New.Custom || m.Op == deploy.OpRefresh {
			return false
		}
		i.put(m.New.State) // a component is there once it is registered
		return true
	case engine.ResourceOutputsEventPayload:
		return i.done(p.Metadata)
	case engine.ResourceOperationFailedPayload:
		return p.Status == resource.StatusPartialFailure && i.done(p.Metadata)
	}
	return false
}

// done takes in a step that has ended.
func (i *interim) done(m engine.StepEventMetadata) bool {
	switch {
	case m.Op == deploy.OpReplace: // the steps that it consists of tell
		return false
	case m.New == nil && m.Old == nil:
		return false
	case m.New == nil:
		i.drop(m.Old.State)
	case i.refreshing[m.URN]:
		i.refreshed(m.New.State)
	case m.Op == deploy.OpCreateReplacement:
		i.retire(m.URN)
		i.put(m.New.State)
	default:
		i.put(m.New.State)
	}
	return true
}

// put takes in a resource as it is now.
func (i *interim) put(s *pkgresource.State) {
	i.before = slices.DeleteFunc(i.before, current(s.URN))
	if at := slices.IndexFunc(i.made, current(s.URN)); at >= 0 {
		i.made[at] = s
		return
	}
	i.made = append(i.made, s)
}

// refreshed takes in what a refresh found of a resource, in its place: a refresh
// goes by no order.
func (i *interim) refreshed(s *pkgresource.State) {
	if at := slices.IndexFunc(i.before, current(s.URN)); at >= 0 {
		i.before[at] = s
	}
}

// retire marks a resource as one to delete, since its replacement is there.
func (i *interim) retire(urn resource.URN) {
	if at := slices.IndexFunc(i.before, current(urn)); at >= 0 && !i.before[at].PendingReplacement {
		old := i.before[at].Copy()
		old.Delete = true
		i.before = slices.Insert(i.before, at, old) // put takes the other one away
	}
}

// drop takes out what was deleted, unless its replacement is still to come.
func (i *interim) drop(old *pkgresource.State) {
	gone := func(s *pkgresource.State) bool { return s.URN == old.URN && s.ID == old.ID && s.Delete == old.Delete }
	if at := slices.IndexFunc(i.before, gone); at >= 0 && old.PendingReplacement && !i.before[at].PendingReplacement {
		i.before[at] = old
		return
	}
	i.before = slices.DeleteFunc(i.before, gone)
	i.made = slices.DeleteFunc(i.made, gone)
}

// current finds the resource of a URN that is not one to delete.
func current(urn resource.URN) func(*pkgresource.State) bool {
	return func(s *pkgresource.State) bool { return s.URN == urn && !s.Delete }
}

// resources are those so far, each after what it depends on.
func (i *interim) resources() []*pkgresource.State { return slices.Concat(i.made, i.before) }

// write writes the state so far. One that Pulumi would refuse to read, as while
// something is deleted that a resource further on still names, is left out.
func (i *interim) write(ctx context.Context) error {
	deployment, err := i.deployment(ctx)
	if err != nil || deployment == nil {
		return err
	}
	raw, err := json.Marshal(deployment)
	if err != nil {
		return err
	}
	return i.bucket.WriteAll(ctx, i.key, raw, nil)
}

func (i *interim) deployment(ctx context.Context) (*apitype.UntypedDeployment, error) {
	manifest := deploy.Manifest{Time: time.Now(), Version: version.Version}
	manifest.Magic = manifest.NewMagic()
	snap := deploy.NewSnapshot(manifest, i.secrets, i.resources(), nil, deploy.SnapshotMetadata{}, nil, nil)
	typed, v, features, err := stack.SerializeDeploymentWithMetadata(ctx, snap, false)
	if err != nil {
		return nil, err
	}
	if snapshot.VerifyIntegrity(typed) != nil {
		return nil, nil
	}
	raw, err := json.Marshal(typed)
	return &apitype.UntypedDeployment{Version: v, Features: features, Deployment: raw}, err
}

// end closes the store; the interim state goes once the state itself has it all.
func (i *interim) end(ctx context.Context, recorded bool) error {
	defer func() { _ = i.bucket.Close() }()
	if !recorded {
		return nil
	}
	return dropObject(ctx, i.bucket, i.key)
}

func dropObject(ctx context.Context, bucket *blob.Bucket, key string) error {
	if err := bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

// takeInterim goes on from the interim state that a killed update left, where it is
// newer than the state: an update that was killed at its very end wrote both.
func (c *command) takeInterim(ctx context.Context, s backend.Stack) error {
	bucket, err := openBucket(ctx, c.url)
	if err != nil {
		return err
	}
	defer func() { _ = bucket.Close() }()
	key := interimKey(s.Ref().Name().String())
	raw, err := bucket.ReadAll(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	known, err := backend.ExportStackDeployment(ctx, s)
	if err != nil {
		return err
	}
	var left apitype.UntypedDeployment // one that is damaged was written at no time: what it had is found by name
	if json.Unmarshal(raw, &left) == nil && writtenAt(left).After(writtenAt(*known)) {
		if err := backend.ImportStackDeployment(ctx, s, &left); err != nil {
			return err
		}
	}
	return dropObject(ctx, bucket, key)
}

// writtenAt is when a state was written; zero for one that never was.
func writtenAt(d apitype.UntypedDeployment) time.Time {
	var content struct {
		Manifest struct {
			Time time.Time `json:"time"`
		} `json:"manifest"`
	}
	if json.Unmarshal(d.Deployment, &content) != nil {
		return time.Time{}
	}
	return content.Manifest.Time
}
