package containment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/sandbox"
)

// Options says where and how.
type Options struct {
	Engine *docker.Engine
	// Runtime is the engine's name of what sandboxes run under; "" is its default.
	Runtime string
	// Local says that the engine runs on this machine, so that its host is this one.
	Local bool
	// OnResult is told each result as it comes; nil: nobody is.
	OnResult func(Result)
}

// Run makes all attempts and removes everything that it made, whatever happens. An
// escape is no error: see [Report.Count]. It takes some 30 seconds.
func Run(ctx context.Context, o Options) (_ Report, err error) {
	info, err := o.Engine.Info(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Runtime: o.Runtime}
	if report.Runtime == "" {
		report.Runtime = info.DefaultRuntime
	}
	report.Isolation = isolation.Of(report.Runtime)
	if err := reap(ctx, o.Engine); err != nil {
		return report, fmt.Errorf("remove what a killed run of the containment suite left: %w", err)
	}
	start := time.Now()
	w, err := newWorld(ctx, o.Engine, o.Runtime)
	if err != nil {
		return report, fmt.Errorf("the containment suite cannot be set up: %w", err)
	}
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	report.Canary = w.outside.words
	s := suite{world: w, info: info, level: report.Isolation, local: o.Local, on: o.OnResult, results: map[string]Result{}}
	for _, part := range []func(context.Context) error{s.version, s.inside, s.proxied, s.resources, s.files} {
		if err := part(ctx); err != nil {
			return report, err
		}
	}
	for _, row := range Rows() {
		if r, ok := s.results[row.Name]; ok {
			report.Results = append(report.Results, r)
		}
	}
	report.Seconds = time.Since(start).Seconds()
	return report, nil
}

// suite collects results.
type suite struct {
	*world
	info    docker.Info
	level   string
	local   bool
	on      func(Result)
	results map[string]Result
}

// tell keeps a result. A success that concerns a kernel of the sandbox's own is none
// over the host's.
func (s *suite) tell(name, outcome, detail, counterpart string) {
	rows := Rows()
	at := slices.IndexFunc(rows, func(r Row) bool { return r.Name == name })
	if at < 0 {
		panic("containment: no row " + name) // a mistake of this package, found by its tests
	}
	row := rows[at]
	if row.guest && outcome == Escaped && s.level != isolation.Container && s.level != "" {
		outcome, detail = Unfit, detail+" in the sandbox's own kernel; the host's is not asked"
	}
	if row.surface && outcome == Escaped {
		outcome = Exposed
	}
	if outcome != Exposed {
		row.Fix = ""
	}
	result := Result{Row: row, Outcome: outcome, Detail: detail, Counterpart: counterpart}
	s.results[name] = result
	if s.on != nil {
		s.on(result)
	}
}

// version looks at the runtime that starts containers: the races that its known holes
// need cannot be asked for by a definition, and should not be there all the same.
func (s *suite) version(context.Context) error {
	const name = "runtime-version"
	switch {
	case s.level != isolation.Container:
		s.tell(name, Unfit, "runc starts nothing here", "")
	case s.info.Runc == "":
		s.tell(name, Blocked, "the engine does not tell the version of "+cmp.Or(s.runtime, s.info.DefaultRuntime), "")
	case s.info.RuncMended:
		s.tell(name, Blocked, "runc "+s.info.Runc, "")
	default:
		s.tell(name, Escaped, "runc "+s.info.Runc+" is older than 1.2.8 and 1.3.3", "")
	}
	return nil
}

// inside makes the attempts of one process, and the counterparts of the network's.
func (s *suite) inside(ctx context.Context) error {
	targets := s.targets()
	profile := s.profile(sandbox.App, s.world.inside)
	task := attempt.Task{
		Targets: targets, Secret: s.secret, PID: os.Getpid(), SharedMemory: s.memory,
		Room:      map[string]int64{"/tmp": scratch, "/dev/shm": profile.ShmSize},
		Variables: []string{"PATH", "HOSTNAME", "HOME"},
	}
	s.outside.forget()
	s.host.forget()
	if s.overhead != nil {
		s.overhead.forget()
	}
	results, err := s.attempt(ctx, s.sandboxed(sandbox.App, s.world.inside, attempt.ModeAttempt), task)
	if err != nil {
		return err
	}
	settle()
	arrived := map[string][]string{}
	for row, list := range targets {
		arrived[row] = s.arrivals(list)
	}
	seen, err := s.counterparts(ctx)
	if err != nil {
		return err
	}
	for _, row := range Rows() {
		r, ok := results[row.Name]
		switch {
		case !ok:
		case len(arrived[row.Name]) > 0:
			s.tell(row.Name, Escaped, "arrived: "+strings.Join(arrived[row.Name], ", "), seen[row.Name])
		case !s.local && strings.HasPrefix(row.Name, "host-") && row.Group == groupNetwork:
			s.tell(row.Name, Unfit, "the engine's host is another machine", "")
		default:
			s.tell(row.Name, r.Outcome, r.Detail, seen[row.Name])
		}
	}
	const needsCanary = "needs a canary in a network namespace: root and iproute2"
	for name, why := range map[string]string{
		"icmp-out": needsCanary, "ipv6-out": needsCanary, "engine-api": "ports 2375 to 2377 of the host are all taken",
	} {
		if _, ok := results[name]; !ok {
			s.tell(name, Unfit, why, "")
		}
	}
	return nil
}
