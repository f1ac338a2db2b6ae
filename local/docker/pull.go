package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/lazyregexp"
)

// PullReason is why a reference cannot be pulled.
type PullReason string

// The reasons.
const (
	PullInvalid      PullReason = "invalid-reference"
	PullNoSuchHost   PullReason = "no-such-host"
	PullUnreachable  PullReason = "unreachable"
	PullUnauthorized PullReason = "unauthorized"
	PullNotFound     PullReason = "not-found"
	PullNoPlatform   PullReason = "no-platform"
	PullLimited      PullReason = "rate-limited"
	PullOther        PullReason = "other"
)

// PullError is a reference that cannot be pulled.
type PullError struct {
	Ref     string
	Reason  PullReason
	Message string // the engine's
}

// Error says which image, why and what to do.
func (e *PullError) Error() string {
	return fmt.Sprintf("cannot pull image %q: %s; %s", e.Ref, e.Message, e.Hint())
}

// Hint says what to do.
func (e *PullError) Hint() string {
	how := "check the reference and the engine's log"
	switch e.Reason {
	case PullInvalid:
		how = "an image reference has the form [HOST/]NAME[:TAG|@DIGEST]"
	case PullNoSuchHost:
		how = "check the registry's name and this machine's network; an image that the engine has already needs no pull"
	case PullUnreachable:
		how = "check this machine's network and proxy; an image that the engine has already needs no pull"
	case PullUnauthorized:
		how = "run docker login " + domainOf(e.Ref) + ", or check the name: registries answer so for a repository that does not exist, too"
	case PullNotFound:
		how = "check the name and the tag or digest"
	case PullNoPlatform:
		how = "choose an image that is made for this machine's platform"
	case PullLimited:
		how = "wait, or run docker login " + domainOf(e.Ref)
	}
	return how
}

func domainOf(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// Pull gets an image from its registry with the credentials of the docker
// config. A reference that cannot be pulled is a [*PullError]. Events, when not
// nil, are called from the calling goroutine.
func (e *Engine) Pull(ctx context.Context, ref string, events func(BuildEvent)) (Image, error) {
	named, err := reference.ParseDockerRef(ref)
	if err != nil {
		return Image{}, &PullError{Ref: ref, Reason: PullInvalid, Message: err.Error()}
	}
	if events == nil {
		events = func(BuildEvent) {}
	}
	auth, err := e.credentials().header(reference.Domain(named))
	if err != nil {
		return Image{}, fmt.Errorf("read the credentials for %s: %w; mend the docker config or run docker login %s",
			reference.Domain(named), err, reference.Domain(named))
	}
	if err := e.pull(ctx, ref, named.String(), auth, events); err != nil {
		return Image{}, err
	}
	img, ok, err := e.ResolveImage(ctx, named.String())
	if err == nil && !ok {
		err = fmt.Errorf("the engine pulled %q and does not have it; was it removed meanwhile?", ref)
	}
	return img, err
}

func (e *Engine) pull(ctx context.Context, ref, full, auth string, events func(BuildEvent)) error {
	fail := func(err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return &PullError{Ref: ref, Reason: pullReason(err.Error()), Message: err.Error()}
	}
	answer, err := e.api.ImagePull(ctx, full, client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return fail(err)
	}
	defer answer.Close()
	for m, err := range answer.JSONMessages(ctx) {
		if err == nil && m.Error != nil {
			err = errors.New(m.Error.Message)
		}
		if err != nil {
			return fail(err)
		}
		event := BuildEvent{Step: "pull " + ref, State: StepLog, Log: m.Status}
		if m.ID != "" {
			event.State, event.Log, event.Detail = StepProgress, "", m.ID+" "+m.Status
		}
		if m.Progress != nil {
			event.Current, event.Total = m.Progress.Current, m.Progress.Total
		}
		events(event)
	}
	events(BuildEvent{Step: "pull " + ref, State: StepDone})
	return nil
}

// pullSigns are parts of the engine's messages, most telling first. The API has
// no codes for what a registry answered.
var pullSigns = []struct {
	sign   string
	reason PullReason
}{
	{"toomanyrequests", PullLimited},
	{"no such host", PullNoSuchHost},
	{"server misbehaving", PullNoSuchHost},
	{"temporary failure in name resolution", PullNoSuchHost},
	{"no matching manifest", PullNoPlatform},
	{"no match for platform", PullNoPlatform},
	{"repository does not exist", PullUnauthorized},
	{"unauthorized", PullUnauthorized},
	{"authorization failed", PullUnauthorized},
	{"denied", PullUnauthorized},
	{"no basic auth credentials", PullUnauthorized},
	{"manifest unknown", PullNotFound},
	{"name unknown", PullNotFound},
	{"not found", PullNotFound},
	{"connection refused", PullUnreachable},
	{"network is unreachable", PullUnreachable},
	{"no route to host", PullUnreachable},
	{"timeout", PullUnreachable},
	{"deadline exceeded", PullUnreachable},
	{"http response to https client", PullUnreachable},
	{"x509", PullUnreachable},
	{"connection reset", PullUnreachable},
	{"eof", PullUnreachable},
	{"lookup ", PullNoSuchHost},
}

func pullReason(message string) PullReason {
	message = strings.ToLower(message)
	for _, s := range pullSigns {
		if strings.Contains(message, s.sign) {
			return s.reason
		}
	}
	return PullOther
}

var pullStep = lazyregexp.New(`^(?:\[internal\] load metadata for|resolve image config for|docker-image://|\[[^\]]*\] FROM) ?(\S+)`)

// pullProblem reads a failed build step that was about to get an image.
func pullProblem(step, message string) (ref string, reason PullReason, ok bool) {
	m := pullStep().FindStringSubmatch(step)
	if m == nil {
		return "", "", false
	}
	return m[1], pullReason(message), true
}
