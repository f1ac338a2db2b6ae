package azure

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/words"
)

const (
	defaultDeadline = 15 * time.Minute
	firstLook       = 200 * time.Millisecond
	lastLook        = 10 * time.Second // between two looks, at most
	answerTimeout   = 30 * time.Second // of one request to an app: a cold start is in it
	maxAnswer       = 1 << 16          // bytes of an answer that are read
)

// NotReadyError is an app that did not come up in its time, or never will.
type NotReadyError struct {
	App    string
	Waited time.Duration // 0: there was nothing to wait for
	For    string        // what was waited for
	Reason string        // the last one
}

func (e *NotReadyError) Error() string {
	if e.Waited == 0 {
		return fmt.Sprintf("app %q will not come up: %s", e.App, e.Reason)
	}
	return fmt.Sprintf("app %q: waited %s for %s; the last reason: %s", e.App, e.Waited.Round(time.Second), e.For, e.Reason)
}

// Hint says how to mend it.
func (e *NotReadyError) Hint() string {
	return fmt.Sprintf("`envctl logs %s -t azure` has what it wrote, `envctl status -t azure` its state; `envctl up -t azure` goes on from here", e.App)
}

// Await implements [stacks.Waiter]: each app's latest revision runs, and each
// public app answers its health check through the ingress.
func (t *Target) Await(ctx context.Context, p *plan.Plan, onEvent func(stacks.Event)) error {
	deadline := t.Deadline
	if deadline == 0 {
		deadline = defaultDeadline
	}
	began := t.now()
	group, gctx := errgroup.WithContext(ctx)
	for _, w := range p.Spec().Workloads {
		if w.Kind == plan.App {
			group.Go(func() error { return t.awaitApp(gctx, p.Spec(), w, began, deadline, onEvent) })
		}
	}
	return group.Wait()
}

func (t *Target) awaitApp(
	ctx context.Context, spec plan.Spec, w plan.Workload, began time.Time, deadline time.Duration, onEvent func(stacks.Event),
) error {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		waits, why, err := t.lookOnce(ctx, spec, w)
		if err != nil || waits == "" {
			if err == nil {
				onEvent(stacks.Event{Time: t.now(), Type: stacks.EventResource, State: stacks.StateDone, Phase: "health", Resource: w.Name,
					Kind: "app", Seconds: t.now().Sub(began).Seconds()})
			}
			return err
		}
		if waited := t.now().Sub(began); waited >= deadline {
			return &NotReadyError{App: w.Name, Waited: waited, For: waits, Reason: why}
		}
		if err := t.wait(ctx, pause); err != nil {
			return err
		}
	}
}

// lookOnce says what is still waited for, and why; empty: the app works.
func (t *Target) lookOnce(ctx context.Context, spec plan.Spec, w plan.Workload) (waits, why string, err error) {
	object, err := t.Client.Get(ctx, ask.App(t.group(spec), t.names(spec).App(w.Name)), ask.Apps)
	if err != nil {
		if err = ignoreMissing(err); err == nil {
			return "its Container App", "it is not there yet", nil
		}
		return "", "", err
	}
	app, err := t.look(ctx, found{workload: w.Name, group: t.group(spec), name: t.names(spec).App(w.Name), object: object})
	if err != nil {
		return "", "", err
	}
	url := t.url(w, object)
	if st := t.status(w, app); st.State != stacks.AppRunning {
		if hopeless(app) {
			return "", "", &NotReadyError{App: w.Name, Reason: st.Reason}
		}
		if url == "" || st.State != stacks.AppStarting {
			return "its revision to run", st.Reason, nil
		}
	}
	if url == "" {
		return "", "", nil
	}
	path := "/"
	if w.Health != nil {
		path = w.Health.Path
	}
	if why := t.answers(ctx, url+path, w.Health != nil); why != "" {
		return "an answer of " + url + path, why, ctx.Err()
	}
	return "", "", nil
}

// hopeless says that an app fails for a reason that no waiting mends.
func hopeless(app running) bool {
	f, ok := words.Of(ask.Text(app.revision, "properties", "provisioningError"))
	if !ok {
		return false
	}
	switch f.Kind {
	case words.PullMissing, words.Platform, words.Secret, words.Start:
		return true
	}
	return false
}

// answers asks an app and returns why it does not work; empty: it does. With a
// health check the app itself says what is healthy; without one, any answer of the
// app is, but not those of the ingress for an app that is not there.
func (t *Target) answers(ctx context.Context, url string, checked bool) string {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	client := *t.Client.HTTPClient()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return "it does not answer: " + err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case resp.StatusCode == http.StatusNotFound && strings.Contains(string(body), "Container App is stopped or does not exist"):
		return "the ingress does not know the app yet"
	case checked && resp.StatusCode >= 200 && resp.StatusCode < 400, !checked && resp.StatusCode < 500:
		return ""
	}
	return fmt.Sprintf("it answers with status %d", resp.StatusCode)
}

// mostTries bounds how often an apply is made again; with the growing waits that is
// what a role takes to spread, and as long again.
const mostTries = 7

// mostFailing bounds it where Azure itself failed: a fault that passes is gone by
// then, within a minute and the time of the operations, and one that stays is told.
const mostFailing = 4

// Again implements [stacks.Repeater]: what failed for something that spreads, or that
// another operation holds, is tried again after a moment that grows. The try itself
// finds out whether it was enough. A soft-deleted account of ours is purged first.
func (t *Target) Again(ctx context.Context, p *plan.Plan, err error, tries int, onEvent func(stacks.Event)) bool {
	f, ok := words.Explain(err)
	if !ok { // through the engine only the text comes
		f, ok = words.Of(err.Error())
	}
	most := mostTries
	if f.Kind == words.Failing {
		most = mostFailing
	}
	if !ok || !f.Again || tries >= most {
		return false
	}
	if f.Kind == words.SoftDeleted && !t.purgeOurs(ctx, p.Spec()) {
		return false
	}
	pause := min(time.Duration(2)*time.Second<<(2*(tries-1)), time.Minute)
	onEvent(stacks.Event{Time: t.now(), Type: stacks.EventLog, Severity: "info",
		Message: fmt.Sprintf("%s: trying again in %s", f.What, pause)})
	return t.wait(ctx, pause) == nil
}

// purgeOurs purges the soft-deleted account of a plan and says whether there was one.
func (t *Target) purgeOurs(ctx context.Context, spec plan.Spec) bool {
	n, err := t.sweepDeleted(ctx, refOf(spec), map[string]bool{strings.ToLower(t.names(spec).ResourceGroup): true})
	return err == nil && n > 0
}
