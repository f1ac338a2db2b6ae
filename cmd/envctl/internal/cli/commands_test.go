package cli

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

// An operation must get the definition and everything the command line says.
func TestUpPassesEverythingOn(t *testing.T) {
	t.Parallel()
	dir := folder(t, "a/envctl.yaml", example+"targets: {local: {host: 'tcp://127.0.0.1:1'}}\n", "a/.git/x", "")
	s := shell{dir: dir, variables: map[string]string{"ENVCTL_NAME": "pr-9", "ENVCTL_TTL": "1h", "ENVCTL_YES": "true"}}
	f := &fake{result: stacks.Result{Result: stacks.Created}}
	got := s.run(t.Context(), f, "-C", "a", "up", "--ttl", "3d")
	if got.status != 0 {
		t.Fatalf("%+v", got)
	}
	if f.request.Definition.Name != "csv-insights" || f.request.File != filepath.Join(dir, "a/envctl.yaml") {
		t.Errorf("definition %v from %q", f.request.Definition, f.request.File)
	}
	if want := (stacks.Ref{Experiment: "csv-insights", Instance: "pr-9", Target: "local"}); f.request.Ref != want {
		t.Errorf("ref %v", f.request.Ref)
	}
	if f.request.TTL == nil || *f.request.TTL != 72*time.Hour || !f.request.Yes {
		t.Errorf("ttl %v, yes %v", f.request.TTL, f.request.Yes)
	}
	if f.settings.Host != "tcp://127.0.0.1:1" || f.settings.Target != "local" {
		t.Errorf("settings %+v", f.settings)
	}
}

// Without --ttl the definition decides; 0 means never.
func TestTTL(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	f := &fake{}
	if s.run(t.Context(), f, "up"); f.request.TTL != nil {
		t.Errorf("ttl %v without the flag", f.request.TTL)
	}
	if s.run(t.Context(), f, "up", "--ttl", "0"); f.request.TTL == nil || *f.request.TTL != 0 {
		t.Errorf("ttl %v for 0", f.request.TTL)
	}
}

func TestPreviewExitCode(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	for _, c := range []struct {
		changes stacks.Changes
		args    []string
		want    int
	}{
		{stacks.Changes{Create: 1}, []string{"preview", "--exit-code"}, 4},
		{stacks.Changes{Create: 1}, []string{"preview"}, 0},
		{stacks.Changes{Same: 1}, []string{"preview", "--exit-code"}, 0},
	} {
		f := &fake{result: stacks.Result{Result: stacks.Updated, Changes: &c.changes}}
		if got := s.run(t.Context(), f, c.args...); got.status != c.want || got.stdout == "" {
			t.Errorf("%v with %+v: %+v", c.args, c.changes, got)
		}
	}
}

// A failed operation must give the result and the error as one object.
func TestFailedUp(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	f := &fake{result: stacks.Result{Result: stacks.Failed}, err: errors.New("container api: exit status 3"),
		events: []stacks.Event{{Type: stacks.EventResource, State: stacks.StateFailed, Kind: "container", Resource: "api", Seconds: 1}}}
	got := s.run(t.Context(), f, "up", "-o", "json")
	v := decode(t, got.stdout)
	failure, _ := v["error"].(map[string]any)
	if got.status != 1 || got.stderr != "" || v["result"] != "failed" || failure["message"] != "container api: exit status 3" {
		t.Errorf("%+v", got)
	}
	got = s.run(t.Context(), f, "up", "-o", "ndjson")
	if lines := strings.Split(strings.TrimSpace(got.stdout), "\n"); len(lines) != 2 || decode(t, lines[0])["resource"] != "api" || decode(t, lines[1])["result"] != "failed" {
		t.Errorf("%+v", got)
	}
	got = s.run(t.Context(), f, "up")
	want := "failed     container api  1.0s\nerror: container api: exit status 3\n"
	if got.stdout != "" || got.stderr != want {
		t.Errorf("stdout %q, stderr %q", got.stdout, got.stderr)
	}
}

// down, status, outputs, logs and exec must work without a definition.
func TestExperimentByName(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	want := stacks.Ref{Experiment: "csv", Instance: "x", Target: "local"}
	f := &fake{result: stacks.Result{Result: stacks.Destroyed}, outputs: &stacks.Outputs{Environment: "e"}}
	for _, c := range []struct {
		args []string
		got  func() stacks.Ref
	}{
		{[]string{"down"}, func() stacks.Ref { return f.request.Ref }},
		{[]string{"status"}, func() stacks.Ref { return f.ref }},
		{[]string{"outputs"}, func() stacks.Ref { return f.ref }},
		{[]string{"logs", "any"}, func() stacks.Ref { return f.logs.Ref }},
		{[]string{"exec", "any", "--", "ls", "-l"}, func() stacks.Ref { return f.exec.Ref }},
	} {
		got := s.run(t.Context(), f, append([]string{"-e", "csv", "-n", "x"}, c.args...)...)
		if got.status != 0 || c.got() != want {
			t.Errorf("%v: %+v, asked for %v", c.args, got, c.got())
		}
	}
	if diff := cmp.Diff([]string{"ls", "-l"}, f.exec.Command); diff != "" {
		t.Error(diff)
	}
}

// down must work in a shell without the variables that up had, but never guess at
// the engine.
func TestDownWithoutVariables(t *testing.T) {
	t.Parallel()
	text := "name: csv\napps: {api: {image: a/b, env: {KEY: '${KEY}'}}}\n"
	f := &fake{result: stacks.Result{Result: stacks.Destroyed}}
	if got := (shell{dir: folder(t, "envctl.yaml", text)}).run(t.Context(), f, "down"); got.status != 0 || f.request.Ref.Experiment != "csv" {
		t.Errorf("%+v", got)
	}
	if got := (shell{dir: folder(t, "envctl.yaml", text)}).run(t.Context(), f, "up"); got.status != 2 || !strings.Contains(got.stderr, "KEY") {
		t.Errorf("up: %+v", got)
	}
	text += "targets: {local: {host: 'tcp://10.0.0.${N}:2375'}}\n"
	if got := (shell{dir: folder(t, "envctl.yaml", text)}).run(t.Context(), f, "down"); got.status != 2 || !strings.Contains(got.stderr, "--experiment") {
		t.Errorf("with an unknown engine: %+v", got)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := shell{dir: t.TempDir()}
	a := stacks.Summary{Ref: stacks.Ref{Experiment: "a", Instance: "default", Target: "local"}}
	b := stacks.Summary{Ref: stacks.Ref{Experiment: "b", Instance: "pr-1", Target: "azure"}}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"a", "b"}}, {[]string{"-n", "pr-1"}, []string{"b"}}, {[]string{"-t", "local"}, []string{"a"}},
		{[]string{"-e", "a", "-n", "pr-1"}, nil},
	} {
		got := s.run(t.Context(), &fake{list: []stacks.Summary{a, b}}, append([]string{"list", "-o", "json"}, c.args...)...)
		var names []string
		for _, e := range decode(t, got.stdout)["experiments"].([]any) {
			names = append(names, e.(map[string]any)["experiment"].(string))
		}
		if diff := cmp.Diff(c.want, names); diff != "" {
			t.Errorf("%v: %s", c.args, diff)
		}
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	up := &fake{outputs: &stacks.Outputs{Apps: map[string]stacks.AppOutput{"api": {URL: "http://127.0.0.1:1", Image: "i"}}}}
	for _, c := range []struct {
		key    string
		stdout string
		status int
	}{{"api", "http://127.0.0.1:1\n", 0}, {"apps.api.image", "i\n", 0}, {"nothing", "", 2}} {
		if got := s.run(t.Context(), up, "outputs", c.key); got.stdout != c.stdout || got.status != c.status {
			t.Errorf("%s: %+v", c.key, got)
		}
	}
	if got := s.run(t.Context(), &fake{}, "outputs"); got.status != 1 || !strings.Contains(got.stderr, "envctl up") {
		t.Errorf("not up: %+v", got)
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	lines := []output.LogLine{{App: "api", Stream: "stdout", Text: "\x1b[31mred\x1b[0m"}, {App: "store", Stream: "stderr", Text: "two"}}
	f := &fake{lines: lines}
	if got := s.run(t.Context(), f, "logs", "--tail", "5", "--since", "10m", "-f"); got.stdout != "api   | \x1b[31mred\x1b[0m\nstore | two\n" {
		t.Errorf("%+v", got)
	}
	if !f.logs.Follow || f.logs.Tail != 5 || !f.logs.Since.Equal(noon.Add(-10*time.Minute)) || f.logs.App != "" {
		t.Errorf("asked for %+v", f.logs)
	}
	s.terminal = true
	if got := s.run(t.Context(), f, "logs", "api", "--since", "2026-11-24T09:00:00Z"); got.stdout != "red\ntwo\n" || f.logs.App != "api" || f.logs.Tail != -1 {
		t.Errorf("%+v, asked for %+v", got, f.logs)
	}
	got := s.run(t.Context(), f, "logs", "-o", "json")
	if kept, _ := decode(t, got.stdout)["lines"].([]any); len(kept) != 2 {
		t.Errorf("%+v", got)
	}
	for _, bad := range [][]string{{"logs", "ap"}, {"logs", "--since", "yesterday"}, {"logs", "-f", "-o", "json"}, {"logs", "api", "store"}} {
		if got := s.run(t.Context(), f, bad...); got.status != 2 || got.stdout != "" && bad[1] != "-f" {
			t.Errorf("%v: %+v", bad, got)
		}
	}
}

// exec and run must pass on the program's exit status and nothing of their own.
func TestExitStatusIsTheProgramsOwn(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example), stdin: "in"}
	f := &fake{status: 42, says: "from the job\n", result: stacks.Result{Result: stacks.Failed}}
	if got := s.run(t.Context(), f, "exec", "api", "--", "sh", "-c", "exit 42"); got != (ended{42, "from the job\n", ""}) {
		t.Errorf("exec: %+v", got)
	}
	if in, _ := io.ReadAll(f.exec.Stdin); string(in) != "in" || f.exec.TTY {
		t.Errorf("stdin %q, tty %v", in, f.exec.TTY)
	}
	if got := s.run(t.Context(), f, "run", "analyze", "--out", "results", "--", "--month", "1"); got != (ended{42, "from the job\n", ""}) {
		t.Errorf("run: %+v", got)
	}
	if diff := cmp.Diff([]string{"--month", "1"}, f.run.Args); diff != "" || f.run.Out != filepath.Join(s.dir, "results") {
		t.Errorf("out %q, args %s", f.run.Out, diff)
	}
	got := s.run(t.Context(), f, "run", "analyze", "-o", "json")
	if v := decode(t, got.stdout); got.status != 42 || v["exitCode"] != 42.0 || got.stderr != "from the job\n" {
		t.Errorf("run -o json: %+v", got)
	}
	for _, bad := range [][]string{{"run", "analyse"}, {"run"}, {"run", "tidy", "--out", "x"}, {"exec", "api"}, {"exec", "nobody", "--", "ls"}, {"exec", "api", "ls", "-l"}} {
		f.built = nil
		if got := s.run(t.Context(), f, bad...); got.status != 2 || f.built != nil {
			t.Errorf("%v: %+v, built %v", bad, got, f.built)
		}
	}
	f.err = errors.New("no such container")
	if got := s.run(t.Context(), f, "exec", "api", "--", "ls"); got.status != 1 || !strings.Contains(got.stderr, "no such container") {
		t.Errorf("%+v", got)
	}
}

// A command on a terminal must get the terminal, which is put back afterwards; what
// is written to a terminal that is not handed over is cleaned.
func TestTerminals(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example), terminal: true}
	f := &fake{says: "\x1b[2Jcleared\n"}
	if got := s.run(t.Context(), f, "exec", "api", "--", "sh"); got.stdout != "\x1b[2Jcleared\n" || !f.exec.TTY || f.exec.Resize == nil {
		t.Errorf("exec: %+v, %+v", got, f.exec)
	}
	if f.raw != 1 || f.restored != 1 {
		t.Errorf("the terminal was taken %d times and put back %d times", f.raw, f.restored)
	}
	if got := s.run(t.Context(), f, "run", "tidy"); got.stdout != "cleared\n" {
		t.Errorf("run: %+v", got)
	}
	s.terminal = false
	if got := s.run(t.Context(), f, "run", "tidy"); got.stdout != "\x1b[2Jcleared\n" {
		t.Errorf("run in a pipe: %+v", got)
	}
	if got := s.run(t.Context(), f, "exec", "api", "sh"); got.stdout != "\x1b[2Jcleared\n" || f.exec.TTY || f.raw != 1 {
		t.Errorf("exec in a pipe: %+v", got)
	}
}

// What needs no client must build none.
func TestNothingIsBuiltInVain(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	for _, args := range [][]string{{"version"}, {"check"}, {"schema"}, {"completion", "bash"}, {"help"}, {"up", "--help"},
		{"up", "-t", "azure"}, {"up", "-f", "none.yaml"}, {"__complete", "logs", ""}} {
		f := &fake{}
		if s.run(t.Context(), f, args...); f.built != nil {
			t.Errorf("%v built %v", args, f.built)
		}
	}
}

// On a terminal a server for agents must say that it waits, and be silent for an agent.
func TestMCPSaysThatItWaits(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{true, false} {
		got := shell{dir: t.TempDir(), terminal: terminal}.run(t.Context(), &fake{}, "mcp")
		if strings.Contains(got.stderr, "waiting for an agent") != terminal || got.stdout != "" {
			t.Errorf("terminal %v: %+v", terminal, got)
		}
	}
}

// A signal must end the operation, be told about at once and give status 130.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	ctx, cancel := context.WithCancelCause(t.Context())
	f := &fake{result: stacks.Result{Result: stacks.Failed}, err: errors.New("something about a cancelled context")}
	f.until = func(ctx context.Context) {
		cancel(errInterrupted)
		<-ctx.Done()
	}
	got := s.run(ctx, f, "up")
	if got.status != 130 || !strings.HasPrefix(got.stderr, "stopping… press Ctrl-C again to stop at once\n") || strings.Contains(got.stderr, "cancelled context") {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got.stderr, "goes on from there") {
		t.Errorf("up does not say that it goes on: %q", got.stderr)
	}
	// A run begins anew: nobody may be told otherwise.
	ctx, cancel = context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	if got := s.run(ctx, f, "run", "tidy"); got.status != 130 || strings.Contains(got.stderr, "recorded") || !strings.Contains(got.stderr, "error: interrupted\n") {
		t.Errorf("%+v", got)
	}
	// What ended well in spite of the signal is done.
	ctx, cancel = context.WithCancelCause(t.Context())
	defer cancel(nil)
	f.err = nil
	if got := s.run(ctx, f, "up"); got.status != 0 {
		t.Errorf("%+v", got)
	}
}
