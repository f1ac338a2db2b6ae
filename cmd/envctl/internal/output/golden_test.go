package output

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/stacks"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is the time in every test.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// stopped is a clock that stands at noon and never ticks.
type stopped struct{}

func (stopped) Now() time.Time                                { return noon }
func (stopped) Tick(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

var ref = stacks.Ref{Experiment: "csv-insights", Instance: "pr-1", Target: "local"}

func documents() map[string]Document {
	seven := 7
	up := stacks.Result{Command: "up", Ref: ref, Result: stacks.Created, Seconds: 0.81,
		Changes: &stacks.Changes{Create: 3, Update: 1}, Expires: noon.Add(8 * time.Hour),
		Outputs: &stacks.Outputs{Environment: "csv-insights-pr-1",
			Apps: map[string]stacks.AppOutput{"api": {URL: "http://127.0.0.1:49153", Image: "sha256:aa"}, "worker": {Image: "sha256:bb"}},
			Jobs: map[string]stacks.JobOutput{"analyze": {Image: "sha256:cc"}}}}
	absent := stacks.Result{Command: "down", Ref: ref, Result: stacks.Absent}
	return map[string]Document{
		"up": NewOperation(up),
		"up-unchanged": NewOperation(stacks.Result{Command: "up", Ref: stacks.Ref{Experiment: "x1", Instance: "default", Target: "local"},
			Result: stacks.Unchanged, Seconds: 0.02, Changes: &stacks.Changes{Same: 4}}),
		"down": NewOperation(stacks.Result{Command: "down", Ref: ref, Result: stacks.Destroyed, Seconds: 75,
			Changes: &stacks.Changes{Delete: 2}, Warnings: []string{"volume \"data\" was kept"},
			Steps: []stacks.Step{{Op: "delete", Type: "docker:index/container:Container", Name: "api"},
				{Op: "delete", Type: "docker:index/network:Network", Name: "envctl"}}}),
		"down-absent": NewOperation(absent),
		"preview": NewOperation(stacks.Result{Command: "preview", Ref: ref, Result: stacks.Updated,
			Changes: &stacks.Changes{Create: 1, Update: 1, Replace: 1, Delete: 1, Same: 2},
			Steps: []stacks.Step{
				{Op: "same", Type: "docker:index/network:Network", Name: "envctl"},
				{Op: "create", Type: "docker:index/container:Container", Name: "api"},
				{Op: "update", Type: "docker:index/container:Container", Name: "store", Diffs: []stacks.PropertyChange{
					{Path: "memory", Old: 512, New: 1024}, {Path: "envs[0]", New: "A=<b>"}, {Path: "labels.x", Old: "gone"}}},
				{Op: "replace", Type: "docker:index/container:Container", Name: "worker", Diffs: []stacks.PropertyChange{
					{Path: "image", Old: "sha256:" + strings.Repeat("a", 200), New: "sha256:b", Replace: true}}},
				{Op: "delete", Type: "docker:index/container:Container", Name: "old"}}}),
		"preview-nothing": NewOperation(stacks.Result{Command: "preview", Ref: ref, Result: stacks.Unchanged, Changes: &stacks.Changes{Same: 5}}),
		"status": NewOperation(stacks.Result{Command: "status", Ref: ref, Result: "partial", Expires: noon.Add(-time.Minute),
			Apps: []stacks.AppStatus{
				{Name: "api", State: "running", URL: "http://127.0.0.1:49153", Image: "sha256:aa", Since: noon.Add(-90 * time.Minute), Isolation: "gvisor"},
				{Name: "store", State: "unhealthy", Isolation: "gvisor", Reason: "GET /healthz: 500\x1b[2J\nsecond line", Since: noon.Add(-10 * time.Second)},
				{Name: "worker", State: "exited", ExitCode: &seven}, {Name: "日本語", State: "missing"}},
			Drift: []stacks.Drift{{Resource: "container api", Path: "memory", Want: "1Gi", Got: "512Mi"}, {Resource: "container old", Want: "absent", Got: "running"}}}),
		"status-identity": NewOperation(stacks.Result{Command: "status", Ref: ref, Result: stacks.StatusRunning, Identity: []stacks.IdentityUse{
			{App: "api", Role: "Cognitive Services OpenAI User", Resource: "https://ai.azure.com", Given: true, Granted: 4, Last: noon},
			{App: "api", Resource: "https://vault.azure.net", Refused: 2, Reason: "it was not given\x1b[2J"},
			{App: "idle", Role: "Cognitive Services OpenAI User", Given: true}}}),
		"status-spend": NewOperation(stacks.Result{Command: "status", Ref: ref, Result: stacks.StatusRunning, Spend: &stacks.Spend{
			Month: "2026-11", Currency: "USD", Spent: 51, Reserved: 0.125, Budget: 50, Stop: true, Alerts: []int{50, 80, 100},
			Models: []stacks.ModelSpend{{Model: "chat", Calls: 12, Refused: 3, PromptTokens: 4096, CompletionTokens: 512, Cost: 51}, {Model: "embed"}}}}),
		"cost": NewCost(ref, stacks.Spend{Month: "2026-11", Currency: "USD", Spent: 0.00123,
			Models: []stacks.ModelSpend{{Model: "chat", Calls: 1, PromptTokens: 40, CompletionTokens: 5, Cost: 0.00123}, {Model: "one", Calls: 1, PromptTokens: 3, Cost: 2.25e-06}}}),
		"cost-nothing": NewCost(ref, stacks.Spend{Month: "2026-11", Budget: 50, Currency: "EUR"}),
		"extend":       NewOperation(stacks.Result{Command: "extend", Ref: ref, Result: stacks.Updated, Expires: noon.Add(26 * time.Hour)}),
		"list-unknown": NewList([]stacks.Summary{
			{Ref: stacks.Ref{Experiment: "a", Instance: "default", Target: "local"}, State: "unknown", Reason: "no engine"},
			{Ref: stacks.Ref{Experiment: "b", Instance: "default", Target: "local"}, State: "unknown", Reason: "no engine"}}),
		"gc-all": NewGarbage(EveryTarget, false, true, nil),
		"gc-left": NewGarbage("every target", false, false, []Leftover{
			{Kind: "experiment", Name: "a.default.local", Experiment: "a", Instance: "default", Reason: Expired, Left: "it is in use by another envctl"},
			{Kind: "run", Name: "r1", Reason: OwnerGone, Owner: "host/1/2", AgeSeconds: 90, Removed: true}}),
		"status-absent": NewOperation(stacks.Result{Command: "status", Ref: ref, Result: stacks.Absent}),
		"list": NewList([]stacks.Summary{
			{Ref: ref, State: "running", Created: noon.Add(-26 * time.Hour), Expires: noon.Add(8*time.Hour - time.Minute), Apps: 2},
			{Ref: stacks.Ref{Experiment: "b", Instance: "default", Target: "azure"}, State: "partial", Expires: noon.Add(-time.Second), Spend: 12.5},
			{Ref: stacks.Ref{Experiment: "c", Instance: "default", Target: "local"}, State: "unknown"}}),
		"list-empty":   NewList(nil),
		"outputs":      NewOutputs(ref, *up.Outputs),
		"value":        Value{1, "outputs", "apps.api.url", "http://127.0.0.1:49153"},
		"check":        check(),
		"check-broken": Check{SchemaVersion: 1, Command: "check", Result: CheckInvalid, Problems: []Problem{}, Warnings: []string{}},
		"containment": NewContainment([]ContainmentReport{{Isolation: "container", Runtime: "runc", Outside: "a host at 198.18.0.2", Seconds: 21.5, Rows: []ContainmentRow{
			{Group: "network", Name: "tcp-out", Tries: "the outside by TCP", Outcome: "blocked", Detail: "i/o timeout", Counterpart: "seen"},
			{Group: "network", Name: "udp-out", Tries: "the outside by UDP", Outcome: "blocked", Detail: "sent", Counterpart: "not seen"},
			{Group: "rights", Name: "io-uring", Tries: "io_uring", Outcome: "exposed", Detail: "io_uring_setup worked", Fix: "update the engine"},
			{Group: "rights", Name: "mount", Tries: "mount", Outcome: "escaped", Detail: "bind worked"},
			{Group: "files", Name: "devices", Tries: "devices", Outcome: "not-applicable", Detail: "none"}}}}),
		"isolated": NewIsolated(Isolated{Result: "registered", Runtime: "runsc", Program: "/usr/local/bin/runsc",
			Config: "/etc/docker/daemon.json", Kernel: "Linux version 4.19.0-gvisor", Undo: []string{"rm it"}}),
		"doctor": NewCheckup([]Finding{
			{"docker", "engine", FindingOK, "unix:///var/run/docker.sock", "", ""},
			{"state", "key", FindingFailed, "may be read by others (0644)", "chmod 600 key", ""},
			{"docker", "disk", FindingWarning, "3.0 GiB of 10.0 GiB free", "docker system df", ""},
			{"azure", "quota", FindingFailed, "gpt-4o: 10 of 10", "another region", "models.chat.capacity"},
			{"docker", "clock", FindingSkipped, "not told", "", ""}}),
		"version": Version{SchemaVersion: 1, Command: "version", Version: "v1.2.3", Commit: "abc", Modified: true, Go: "go1.26", Platform: "linux/amd64"}.
			WithModule("z", "v1").WithModule("a", "v2"),
		"files": NewFiles("init", "envctl up", "envctl.yaml", "envctl.schema.json"),
		"run":   NewJobRun(stacks.Result{Command: "run", Ref: ref, Result: stacks.Failed, Seconds: 2}, "analyze", 7, "/tmp/out"),
		"logs":  NewLogs(ref),
		"up-simulated": NewOperation(stacks.Result{Command: "up", Ref: stacks.Ref{Experiment: "x1", Instance: "default", Target: "azure"},
			Simulated: true, Result: stacks.Created, Seconds: 2, Changes: &stacks.Changes{Create: 2}}),
		"preview-simulated": NewOperation(stacks.Result{Command: "preview", Ref: stacks.Ref{Experiment: "x1", Instance: "default", Target: "azure"},
			Simulated: true, Result: stacks.Created, Changes: &stacks.Changes{Create: 2}}),
		"list-simulated": NewList([]stacks.Summary{{Ref: stacks.Ref{Experiment: "b", Instance: "default", Target: "azure"}, State: "running", Apps: 1, Simulated: true}}),
		"gc-empty":       NewGarbage("azure", true, false, nil),
		"gc": NewGarbage("azure", false, true, []Leftover{
			{Kind: "resource group", Name: "envctl-a-default", Experiment: "a", Instance: "pr-1", Owner: "me@here", Reason: NoState, AgeSeconds: 7200},
			{Kind: "role", Name: "envctl expire", Reason: NoState, Removed: true}, {Kind: "experiment", Name: "b.default.azure", Reason: Expired, Error: "locked\x1b[2J"}}),
		"promotion": Promotion{Operation: NewOperation(stacks.Result{Command: "promote", Ref: ref, Result: stacks.Created, Changes: &stacks.Changes{Create: 1}}),
			Images: map[string]string{"b": "sha256:bb", "a": "sha256:aa"}, Differences: []string{"target: local → azure"}, Receipt: "/state/r.json", Referrers: []string{"x/a@sha256:cc"}},
		"parity":      NewParity("x1", []ParityRow{{"app api", "container", "Container App", []string{"one replica locally"}}, {"registry", "OCI", "Container Registry", []string{}}}),
		"parity-same": NewParity("x1", []ParityRow{{"app api", "container", "Container App", []string{}}}),
		"rehearsal":   NewRehearsal("x1", []RehearsalStep{{"check", "envctl check", FindingOK, 0.05, ""}, {"promote", "envctl promote", FindingFailed, 2, "it broke"}, {"status", "envctl status", FindingSkipped, 0, ""}}),
		"opened":      Opened{1, "open", "api", "http://127.0.0.1:1", true},
	}
}

func check() Check {
	c := NewCheck("envctl.yaml", "local")
	c.Experiment, c.Apps, c.Jobs, c.Secrets = "csv-insights", 1, 2, 1
	c.Notes = []Problem{{Path: "apps.api.user", Rule: "non-root", Message: "runs as root", Hint: "user: 65532"}}
	c.Warnings = []string{"no budget"}
	return c
}

// Every document must look as its golden file in every format.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for name, d := range documents() {
		for _, f := range Formats() {
			t.Run(name+"-"+string(f), func(t *testing.T) {
				t.Parallel()
				var out, err bytes.Buffer
				p := New(Options{Format: f, Stdout: &out, Stderr: &err, Clock: stopped{}})
				if err := p.Finish(d, nil); err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+string(f), "--- stdout\n"+out.String()+"--- stderr\n"+err.String())
			})
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// Colours must be off where they were not allowed, and change nothing but colours.
func TestColor(t *testing.T) {
	t.Parallel()
	for name, d := range documents() {
		var plain, coloured bytes.Buffer
		for _, o := range []Options{{Stdout: &plain}, {Stdout: &coloured, ColorOut: true}} {
			o.Stderr, o.Clock = &bytes.Buffer{}, stopped{}
			if err := New(o).Finish(d, nil); err != nil {
				t.Fatal(err)
			}
		}
		if strings.ContainsRune(plain.String(), 0x1b) {
			t.Errorf("%s: escape sequences without colours: %q", name, plain.String())
		}
		var cleaned strings.Builder
		for _, l := range strings.SplitAfter(coloured.String(), "\n") {
			if l != "" {
				cleaned.WriteString(strings.TrimRight(Clean(strings.TrimSuffix(l, "\n")), " ") + "\n")
			}
		}
		if cleaned.String() != plain.String() {
			t.Errorf("%s: colours change the text:\n%s", name, cmp.Diff(plain.String(), cleaned.String()))
		}
	}
}

// brokenPipe takes a number of bytes, then fails.
type brokenPipe struct{ room int }

var errPipe = errors.New("broken pipe")

func (b *brokenPipe) Write(p []byte) (int, error) {
	if len(p) > b.room {
		n := b.room
		b.room = 0
		return n, errPipe
	}
	b.room -= len(p)
	return len(p), nil
}

// A result that could not be written must be told about, at whichever byte.
func TestStdoutFails(t *testing.T) {
	t.Parallel()
	for name, d := range documents() {
		for _, f := range Formats() {
			var whole bytes.Buffer
			if err := New(Options{Format: f, Stdout: &whole, Stderr: &bytes.Buffer{}, Clock: stopped{}}).Finish(d, nil); err != nil {
				t.Fatal(err)
			}
			for room := range whole.Len() {
				p := New(Options{Format: f, Stdout: &brokenPipe{room}, Stderr: &bytes.Buffer{}, Clock: stopped{}})
				if err := p.Finish(d, nil); !errors.Is(err, errPipe) {
					t.Fatalf("%s as %s, broken after %d bytes: got error %v", name, f, room, err)
				}
			}
		}
	}
}

// A broken stderr must not keep the result from stdout.
func TestStderrFails(t *testing.T) {
	t.Parallel()
	for _, f := range Formats() {
		var out bytes.Buffer
		p := New(Options{Format: f, Stdout: &out, Stderr: &brokenPipe{}, Clock: stopped{}})
		p.Event(stacks.Event{Type: stacks.EventResource, State: stacks.StateDone, Op: "create", Resource: "api"})
		p.Notice("hello")
		if err := p.Finish(Value{Value: "v"}, &Failure{Message: "bad"}); err != nil || !strings.Contains(out.String(), "v") {
			t.Errorf("%s: got %q, %v", f, out.String(), err)
		}
	}
}
