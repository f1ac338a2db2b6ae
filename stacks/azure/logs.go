package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/console"
)

// Line is one line that an app wrote.
type Line struct {
	Time   time.Time
	App    string
	Stream string // stdout or stderr; what comes from the log stream is all stdout
	Text   string
}

// LogOptions chooses lines.
type LogOptions struct {
	App    string // empty: every app
	Follow bool
	Since  time.Time // zero: from the beginning
	Tail   int       // the last lines of each app; below 0: all
}

// newReplicas is how often replicas are looked for while a log is followed.
const newReplicas = 10 * time.Second

// Logs calls on for each line that the chosen apps wrote, one at a time. The last
// lines come from the log stream, older ones from Log Analytics, which has them
// some minutes late. With Follow it goes on until ctx ends, over restarts,
// replicas and revisions.
func (t *Target) Logs(ctx context.Context, ref stacks.Ref, o LogOptions, on func(Line) error) error {
	list, err := t.apps(ctx, ref, o.App)
	if err != nil || o.Tail == 0 && !o.Follow {
		return err
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for _, app := range list {
		emit := func(e console.Entry) error {
			mu.Lock()
			defer mu.Unlock()
			return on(Line{Time: e.Time, App: app.workload, Stream: e.Stream, Text: e.Text})
		}
		group.Go(func() error { return t.logs(ctx, app, o, emit) })
	}
	return group.Wait()
}

func (t *Target) logs(ctx context.Context, app found, o LogOptions, on func(console.Entry) error) error {
	consoles, err := t.consoles(ctx, app)
	if err != nil {
		return err
	}
	recent, streamErr := t.recent(ctx, consoles)
	all, err := t.withHistory(ctx, app, o, recent)
	if err != nil {
		if len(recent) == 0 {
			return errors.Join(streamErr, err)
		}
		t.warn(fmt.Sprintf("older lines of %s are left out: %v", app.workload, err))
		all = recent
	}
	last := time.Time{}
	for _, e := range tail(since(all, o.Since), o.Tail) {
		if err := on(e); err != nil {
			return err
		}
		last = e.Time
	}
	if !o.Follow {
		return nil
	}
	if last.IsZero() && len(recent) > 0 {
		last = recent[len(recent)-1].Time
	}
	return t.follow(ctx, app, last, on)
}

// recent are the last lines of every replica, in the order of their time.
func (t *Target) recent(ctx context.Context, consoles []console.Address) ([]console.Entry, error) {
	var out []console.Entry
	var errs error
	for _, at := range consoles {
		err := console.Stream(ctx, t.Client.HTTPClient(), at, console.StreamOptions{Tail: console.MaxTail},
			func(e console.Entry) error { out = append(out, e); return nil })
		errs = errors.Join(errs, err)
	}
	byTime(out)
	return out, errs
}

func byTime(list []console.Entry) {
	slices.SortStableFunc(list, func(a, b console.Entry) int { return a.Time.Compare(b.Time) })
}

// withHistory puts what Log Analytics has before the lines of the stream, where
// those do not go back as far as is asked for.
func (t *Target) withHistory(ctx context.Context, app found, o LogOptions, recent []console.Entry) ([]console.Entry, error) {
	if o.Tail >= 0 && len(recent) >= o.Tail {
		return recent, nil
	}
	q := console.Query{Column: "ContainerAppName_s", Name: app.name, Since: o.Since, Tail: -1}
	if o.Tail >= 0 {
		q.Tail = o.Tail - len(recent)
	}
	if len(recent) > 0 {
		if q.Until = recent[0].Time; !o.Since.IsZero() && q.Until.Before(o.Since) {
			return recent, nil
		}
	}
	older, err := t.history(ctx, ask.Text(app.object, "properties", "environmentId"), q)
	return append(older, recent...), err
}

// history asks the workspace of an environment.
func (t *Target) history(ctx context.Context, environment string, q console.Query) ([]console.Entry, error) {
	if environment == "" {
		return nil, errors.New("the app names no environment, so its workspace is not known")
	}
	found, err := t.Client.Get(ctx, environment, ask.Apps)
	if err != nil {
		return nil, fmt.Errorf("ask the environment for its workspace: %w", err)
	}
	q.Workspace = ask.Text(found, "properties", "appLogsConfiguration", "logAnalyticsConfiguration", "customerId")
	if q.Workspace == "" {
		return nil, nil // it keeps no logs
	}
	token, err := t.Client.Token(ctx, t.Client.Cloud().LogAnalyticsScope())
	if err != nil {
		return nil, err
	}
	q.Token, q.Endpoint = token.Token, t.Client.Cloud().LogAnalytics
	if t.Client.Simulated() {
		q.Endpoint = t.Client.Endpoint() + "/loganalytics" // the simulator has its own
	}
	return console.History(ctx, t.Client.HTTPClient(), q)
}

func since(list []console.Entry, at time.Time) []console.Entry {
	if at.IsZero() {
		return list
	}
	return slices.DeleteFunc(list, func(e console.Entry) bool { return !e.Time.IsZero() && e.Time.Before(at) })
}

func tail(list []console.Entry, n int) []console.Entry {
	if n < 0 || len(list) <= n {
		return list
	}
	return list[len(list)-n:]
}

// follow streams every replica that is there or comes up, until ctx ends. A stream
// that ends is opened again from where it was.
func (t *Target) follow(ctx context.Context, app found, last time.Time, on func(console.Entry) error) error {
	group, gctx := errgroup.WithContext(ctx)
	streams := &streams{open: map[string]bool{}, last: map[string]time.Time{}, from: last}
	group.Go(func() error {
		for {
			consoles, err := t.consoles(gctx, app)
			if err != nil && gctx.Err() == nil {
				t.warn(fmt.Sprintf("the replicas of %s cannot be listed now: %v", app.workload, err))
			}
			for _, at := range consoles {
				if streams.begin(at.Path) {
					group.Go(func() error {
						defer streams.end(at.Path)
						return t.followOne(gctx, at, streams, on)
					})
				}
			}
			if err := t.wait(gctx, newReplicas); err != nil {
				return err
			}
		}
	})
	return group.Wait()
}

// streams are those that are open, and the time of the last line of each, by path.
type streams struct {
	mu   sync.Mutex
	open map[string]bool
	last map[string]time.Time
	from time.Time // where those begin that had no line yet
}

func (s *streams) after(path string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.last[path]; !last.IsZero() {
		return last
	}
	return s.from
}

func (s *streams) seen(path string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.After(s.last[path]) {
		s.last[path] = at
	}
}

func (s *streams) begin(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[path] {
		return false
	}
	s.open[path] = true
	return true
}

func (s *streams) end(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, path)
}

// followOne follows one replica until its stream ends; a broken one is no error.
func (t *Target) followOne(ctx context.Context, at console.Address, s *streams, on func(console.Entry) error) error {
	var stop error
	o := console.StreamOptions{Follow: true, Tail: console.MaxTail, After: s.after(at.Path)}
	err := console.Stream(ctx, t.Client.HTTPClient(), at, o, func(e console.Entry) error {
		stop = on(e)
		s.seen(at.Path, e.Time)
		return stop
	})
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case stop != nil:
		return stop
	}
	var refused *console.Refused
	if errors.As(err, &refused) && refused.Status != http.StatusNotFound && refused.Status != http.StatusTooManyRequests {
		return err
	}
	return nil // it is opened again with the next look
}

// consoles are those of the containers of an app that run now.
func (t *Target) consoles(ctx context.Context, app found) ([]console.Address, error) {
	object, err := t.Client.Get(ctx, app.path(kindApps), ask.Apps)
	if err != nil {
		return nil, ignoreMissing(err)
	}
	revision := ask.Text(object, "properties", "latestReadyRevisionName")
	if revision == "" {
		revision = ask.Text(object, "properties", "latestRevisionName")
	}
	if revision == "" {
		return nil, nil
	}
	replicas, err := t.replicas(ctx, ask.Below(app.path(kindApps), "revisions", revision))
	if err != nil || len(replicas) == 0 {
		return nil, err
	}
	token, host, err := t.consoleToken(ctx, app.path(kindApps)+"/getAuthtoken", ask.Apps)
	if err != nil {
		return nil, err
	}
	below := fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/containerApps/%s/revisions/%s/replicas/",
		t.Client.Subscription(), ask.NameOf(app.group), app.name, revision)
	return addresses(replicas, app.workload, below, host, token)
}

// consoleToken is what the log stream and exec ask for, and the host that gave it.
func (t *Target) consoleToken(ctx context.Context, path, version string) (token, host string, err error) {
	answer, err := t.Client.Query(ctx, path, version, nil)
	if err != nil {
		return "", "", fmt.Errorf("ask for access to the console: %w", err)
	}
	if token = ask.Text(answer, "properties", "token"); token == "" {
		return "", "", errors.New("Azure gave no token for the console: try again in a minute")
	}
	if endpoint := ask.Text(answer, "properties", "logStreamEndpoint"); endpoint != "" {
		host, err = console.Host(endpoint)
	}
	return token, host, err
}

// addresses are the consoles of the workload's container in each replica.
func addresses(replicas []ask.Object, workload, below, host, token string) ([]console.Address, error) {
	var out []console.Address
	for _, r := range replicas {
		c := container(ask.At(r, "properties"), workload)
		if c == nil {
			continue
		}
		at := console.Address{Host: host, Token: token, Path: below + ask.Text(r, "name") + "/containers/" + ask.Text(c, "name")}
		if endpoint := ask.Text(c, "logStreamEndpoint"); endpoint != "" {
			var err error
			if at.Host, err = console.Host(endpoint); err != nil {
				return nil, err
			}
		}
		if at.Host == "" {
			return nil, errors.New("Azure gave no address of the console: the replica is not ready, try again in a minute")
		}
		out = append(out, at)
	}
	return out, nil
}
