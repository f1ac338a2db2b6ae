package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
)

// noon is the time in every test.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

type stoppedClock struct{}

func (stoppedClock) Now() time.Time                                { return noon }
func (stoppedClock) Tick(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

// fake is every service at once. It notes what it is asked for and answers with
// what the test put in.
type fake struct {
	built    []string // the services that were built
	settings Settings
	request  Request
	logs     LogsRequest
	exec     ExecRequest
	run      RunRequest
	ref      stacks.Ref

	says          string // what a program prints
	raw, restored int    // how often the terminal was taken and put back

	result    stacks.Result
	status    int
	list      []stacks.Summary
	outputs   *stacks.Outputs
	lines     []output.LogLine
	events    []stacks.Event
	refuses   []definition.Problem
	probes    doctor.Probes
	sandboxes Sandboxes
	err       error
	// noCloud is why Azure cannot be reached.
	noCloud error
	looked  []output.Finding // of Azure
	promote PromoteRequest
	left    []Leftover
	theirs  []Leftover            // of others
	opened  string                // in the browser
	until   func(context.Context) // what an operation waits for
	orphans []Leftover
	moved   expiry.Move
	uses    []stacks.IdentityUse
	spend   stacks.Spend
	// expireErr is what comes of ending what has expired.
	expireErr error
	runs      fakeRuns // without a definition
	report    *oneshot.Report
}

func (f *fake) services() Services {
	build := func(name string, s Settings) *fake {
		f.built, f.settings = append(f.built, name), s
		return f
	}
	return Services{
		Operations: func(_ context.Context, s Settings) (Operations, error) { return build("operations", s), nil },
		Views:      func(_ context.Context, s Settings) (Views, error) { return build("views", s), nil },
		Workloads:  func(_ context.Context, s Settings) (Workloads, error) { return build("workloads", s), nil },
		Meter:      func(_ context.Context, s Settings) (Meter, error) { return build("meter", s), nil },
		Keeper:     func(_ context.Context, s Settings) (Keeper, error) { return build("keeper", s), nil },
		Cloud: func(_ context.Context, s Settings) (Cloud, error) {
			if f.noCloud != nil {
				return nil, f.noCloud
			}
			return build("cloud", s), nil
		},
		OneShots: func(_ context.Context, s Settings) (OneShots, error) {
			build("one-shots", s)
			return &f.runs, nil
		},
		Boxes:       func(context.Context, Settings) (Boxes, error) { return Boxes{}, errors.New("no boxes here") },
		Unsupported: func(string, *definition.Definition) []definition.Problem { return f.refuses },
		Sandboxes:   func(context.Context, Settings) (Sandboxes, error) { return f.sandboxes, nil },
		Probes:      func(s Settings) doctor.Probes { build("probes", s); return f.probes },
	}
}

func (f *fake) operate(ctx context.Context, command string, r Request) (stacks.Result, error) {
	f.request = r
	for _, e := range f.events {
		r.OnEvent(e)
	}
	if f.until != nil {
		f.until(ctx)
	}
	result := f.result
	result.Command, result.Ref = command, r.Ref
	return result, f.err
}

func (f *fake) Preview(ctx context.Context, r Request) (stacks.Result, error) {
	return f.operate(ctx, "preview", r)
}
func (f *fake) Up(ctx context.Context, r Request) (stacks.Result, error) {
	return f.operate(ctx, "up", r)
}
func (f *fake) Down(ctx context.Context, r Request) (stacks.Result, error) {
	return f.operate(ctx, "down", r)
}

func (f *fake) Status(_ context.Context, ref stacks.Ref) (stacks.Result, error) {
	f.ref = ref
	result := f.result
	result.Command, result.Ref = "status", ref
	return result, f.err
}

func (f *fake) List(context.Context) ([]stacks.Summary, error) { return f.list, f.err }

func (f *fake) Outputs(_ context.Context, ref stacks.Ref) (stacks.Outputs, bool, error) {
	f.ref = ref
	if f.outputs == nil {
		return stacks.Outputs{}, false, f.err
	}
	return *f.outputs, true, f.err
}

func (f *fake) Logs(_ context.Context, r LogsRequest) error {
	f.logs = r
	for _, l := range f.lines {
		if err := r.OnLine(l); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fake) Exec(_ context.Context, r ExecRequest) (int, error) {
	f.exec = r
	_, _ = io.WriteString(r.Stdout, f.says)
	return f.status, f.err
}

func (f *fake) Run(_ context.Context, r RunRequest) (RunEnd, error) {
	f.run = r
	_, _ = io.WriteString(r.Stdout, f.says)
	result := f.result
	result.Command, result.Ref = "run", r.Ref
	return RunEnd{Result: result, ExitCode: f.status, Report: f.report}, f.err
}

// shell is the surroundings of one run.
type shell struct {
	dir       string
	variables map[string]string
	stdin     string
	terminal  bool
	self      string // the program that rehearse runs
}

// ended is what a run of envctl came to.
type ended struct {
	status         int
	stdout, stderr string
}

// run runs envctl in-process.
func (s shell) run(ctx context.Context, f *fake, args ...string) ended {
	var out, err bytes.Buffer
	status := Run(ctx, Env{
		Args: args, Stdin: strings.NewReader(s.stdin), Stdout: &out, Stderr: &err,
		Lookup:     func(name string) (string, bool) { v, ok := s.variables[name]; return v, ok },
		Dir:        s.dir,
		IsTerminal: func(any) bool { return s.terminal },
		Size:       func() (int, int) { return 80, 24 },
		Raw: func() (<-chan docker.Size, func(), error) {
			f.raw++
			return make(chan docker.Size), func() { f.restored++ }, nil
		},
		Open:     func(_ context.Context, url string) error { f.opened = url; return nil },
		Self:     func() (string, error) { return s.self, nil },
		Clock:    stoppedClock{},
		Services: f.services(),
	})
	return ended{status, out.String(), err.String()}
}

const example = `name: csv-insights
ttl: 8h
apps:
  api: {image: example/api, ingress: {port: 8080, public: true}}
  store: {image: example/store}
jobs:
  analyze: {image: example/analyze, outputs: /out}
  tidy: {image: example/tidy}
`

// folder returns a new folder with files, given as name, content, …
func folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// decode reads the one JSON object of stdout.
func decode(t *testing.T, stdout string) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	if d.More() {
		t.Fatalf("more than one object in %q", stdout)
	}
	return v
}

func (*fake) summary(experiment, instance string) stacks.Summary {
	return stacks.Summary{Ref: stacks.Ref{Experiment: experiment, Instance: instance, Target: "local"}}
}

func (f *fake) Preflight(context.Context, *definition.Definition, stacks.Ref) ([]output.Finding, error) {
	return f.looked, f.err
}

func (f *fake) Promote(_ context.Context, r PromoteRequest) (Promotion, error) {
	f.promote = r
	result := f.result
	result.Command, result.Ref = "promote", r.Ref
	out := Promotion{Result: result, Images: map[string]string{"api": "sha256:aa"}, Differences: []string{"target: local → azure"}}
	if err := r.Confirm(out); err != nil {
		return out, err
	}
	return out, f.err
}

func (f *fake) Leftovers(_ context.Context, everybodys bool) ([]Leftover, error) {
	if everybodys {
		return append(f.left, f.theirs...), f.err
	}
	return f.left, f.err
}
