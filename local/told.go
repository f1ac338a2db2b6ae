package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/stacks"
)

// NoGatewayError says that an experiment has no gateway, so nobody tells what its
// workloads tried.
type NoGatewayError struct{ Ref stacks.Ref }

func (e *NoGatewayError) Error() string {
	return fmt.Sprintf("%s (instance %s) has no gateway here, so nothing tells what its apps tried", e.Ref.Experiment, e.Ref.Instance)
}

// Hint says how to mend it.
func (*NoGatewayError) Hint() string {
	return "it has one once it is up and an app has ingress, egress or models: envctl up"
}

// Code is the error's name in JSON.
func (*NoGatewayError) Code() string { return "no-gateway" }

// Egress calls on for each thing that the experiment's gateway told of egress, of
// every time it ran, the app's of o.App where that is not empty; with Follow until
// ctx ends or the gateway does.
func (t *Target) Egress(ctx context.Context, ref stacks.Ref, o LogOptions, on func(protocol.Event) error) error {
	var last []protocol.Event // of Tail
	err := t.told(ctx, ref, o, func(e protocol.Event) error {
		wanted := e.Event == protocol.EventCanary && o.App == "" ||
			e.Event == protocol.EventEgress && (o.App == "" || o.App == e.App)
		switch {
		case !wanted, e.Time.Before(o.Since), o.Tail == 0:
			return nil
		case o.Tail < 0 || o.Follow:
			return on(e)
		}
		if last = append(last, e); len(last) > o.Tail {
			last = last[1:]
		}
		return nil
	})
	for _, e := range last {
		err = errors.Join(err, on(e))
	}
	return err
}

// told passes on what the gateway told, and waits for no gateway.
func (t *Target) told(ctx context.Context, ref stacks.Ref, o LogOptions, on func(protocol.Event) error) error {
	labels := target.Selector(ref.Experiment, ref.Instance)
	labels[target.LabelKind] = target.Gateway
	list, err := t.Engine.Containers(ctx, docker.Filter{Labels: labels})
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return &NoGatewayError{Ref: ref}
	}
	err = gateway.Follow(ctx, containerLog{t.Engine, list[0].ID, o}, on)
	if errors.Is(err, gateway.ErrStopped) {
		return nil
	}
	return err
}

// containerLog is all that a container ever wrote. It implements
// [gateway.LogSource].
type containerLog struct {
	engine *docker.Engine
	id     string
	o      LogOptions
}

// Logs implements [gateway.LogSource].
func (c containerLog) Logs(ctx context.Context) (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() {
		_ = w.CloseWithError(c.engine.Logs(ctx, c.id, docker.LogOptions{Follow: c.o.Follow, Since: c.o.Since}, w, io.Discard))
	}()
	return r, nil
}

// roleOpenAIUser is the role that an app with models has on Azure.
const roleOpenAIUser = "Cognitive Services OpenAI User"

// bare is a resource as it is told of: SDKs add a slash, or the default scope.
func bare(resource string) string {
	return strings.TrimRight(strings.TrimSuffix(resource, "/.default"), "/")
}

// roleOf is the role that tokens for a resource are good for; empty: none that
// envctl gives.
func roleOf(resource string) string {
	switch resource {
	case "https://cognitiveservices.azure.com", "https://ai.azure.com":
		return roleOpenAIUser
	}
	return ""
}

// Identity says which roles each workload was given, and which resources it asked
// tokens for since the gateway was made. A role that was never used is among them.
func (t *Target) Identity(ctx context.Context, ref stacks.Ref, p *plan.Plan) ([]stacks.IdentityUse, error) {
	u := uses{}
	err := t.told(ctx, ref, LogOptions{Tail: -1}, func(e protocol.Event) error { u.add(e); return nil })
	if missing := (*NoGatewayError)(nil); errors.As(err, &missing) && p != nil {
		err = nil // it was given what it was given all the same
	}
	return u.beside(given(p)), err
}

// given are the roles of each workload by the plan.
func given(p *plan.Plan) map[string][]string {
	out := map[string][]string{}
	if p == nil {
		return out
	}
	for _, w := range p.Spec().Workloads {
		if len(w.Models) > 0 {
			out[w.Name] = []string{roleOpenAIUser}
		}
	}
	return out
}

// uses are counts by app and resource.
type uses map[[2]string]*stacks.IdentityUse

func (u uses) add(e protocol.Event) {
	if e.Event != protocol.EventIdentity {
		return
	}
	e.Resource = bare(e.Resource)
	key := [2]string{e.App, e.Resource}
	use := u[key]
	if use == nil {
		use = &stacks.IdentityUse{App: e.App, Resource: e.Resource, Role: roleOf(e.Resource)}
		u[key] = use
	}
	if n := max(1, e.Count); e.Allowed {
		use.Granted += n
	} else {
		use.Refused += n
		use.Reason = e.Reason
	}
	use.Last = later(use.Last, e.Time)
}

// beside completes the uses by what was given, sorted by app and resource.
func (u uses) beside(given map[string][]string) []stacks.IdentityUse {
	var out []stacks.IdentityUse
	used := map[[2]string]bool{}
	for _, use := range u {
		use.Given = use.Role != "" && slices.Contains(given[use.App], use.Role)
		used[[2]string{use.App, use.Role}] = true
		out = append(out, *use)
	}
	for app, roles := range given {
		for _, role := range roles {
			if !used[[2]string{app, role}] {
				out = append(out, stacks.IdentityUse{App: app, Role: role, Given: true})
			}
		}
	}
	slices.SortFunc(out, stacks.IdentityUse.Compare)
	return out
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
