package cli

import (
	"context"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/oneshot"
)

// fakeRuns notes what is to run, and answers with what the test put in.
type fakeRuns struct {
	spec   oneshot.Spec
	again  string
	pass   map[string]string
	says   string
	report oneshot.Report
	err    error
}

func (f *fakeRuns) Run(_ context.Context, spec oneshot.Spec, s oneshot.Streams) (oneshot.Report, error) {
	f.spec = spec
	_, _ = io.WriteString(s.Stdout, f.says)
	return f.report, f.err
}

func (f *fakeRuns) Again(_ context.Context, id, out string, pass map[string]string, s oneshot.Streams) (oneshot.Report, error) {
	f.again, f.pass, f.spec.Out = id, pass, out
	_, _ = io.WriteString(s.Stdout, f.says)
	return f.report, f.err
}

func (f *fakeRuns) IDs() ([]string, error) { return []string{"20261128-014726-dlopm5"}, nil }

func TestOneShotSpec(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, row := range []struct {
		args []string
		want oneshot.Spec
	}{
		{[]string{"--image", "alpine", "--", "ls", "-l"}, oneshot.Spec{Image: "alpine", Args: []string{"ls", "-l"}}},
		{[]string{"--file", "a.py"}, oneshot.Spec{File: at("a.py")}},
		{[]string{"-f", "a.py", "--in", "d.csv", "--in", "/x/y", "--out", "r", "--force", "--with", "a==1", "--with", "b", "--requirements", "r.txt",
			"--timeout", "1m30s", "--cpu", "0.5", "--memory", "512Mi", "--scratch", "1Gi", "--output-limit", "1Mi", "--isolation", "gvisor", "--egress", "pypi.org", "--egress", "*.example.com:8443", "--env", "A=b=c", "--env", "TOKEN", "--", "x"},
			oneshot.Spec{File: at("a.py"), Inputs: []string{at("d.csv"), "/x/y"}, Out: at("r"), Force: true, With: []string{"a==1", "b"},
				Requirements: at("r.txt"), Timeout: 90 * time.Second, CPU: 0.5, Memory: 512 << 20, Scratch: 1 << 30, Output: 1 << 20, Isolation: "gvisor",
				Egress: []string{"pypi.org", "*.example.com:8443"}, Env: map[string]string{"A": "b=c"}, Pass: map[string]string{"TOKEN": "t"}, Args: []string{"x"}}},
	} {
		f := &fake{}
		f.runs.report = oneshot.Report{ID: "1", Ended: oneshot.Exited}
		got := shell{dir: dir, variables: map[string]string{"TOKEN": "t", "ENVCTL_FILE": "other.yaml"}}.run(t.Context(), f, append([]string{"run"}, row.args...)...)
		if row.want.Env == nil {
			row.want.Env, row.want.Pass = map[string]string{}, map[string]string{}
		}
		if got.status != 0 || !reflect.DeepEqual(f.runs.spec, row.want) {
			t.Errorf("%q: %+v\ngot  %+v\nwant %+v", row.args, got, f.runs.spec, row.want)
		}
	}
}

func TestOneShotUsage(t *testing.T) {
	t.Parallel()
	dir := folder(t, "envctl.yaml", example)
	for _, row := range []struct{ args, says string }{
		{"", "needs JOB, --file or --image"},
		{"-- x", "needs JOB, --file or --image"},
		{"analyze --image x", "--image has no meaning for a job"},
		{"analyze --isolation gvisor", "--isolation has no meaning for a job"},
		{"--image x --isolation none", "an isolation is one of auto, container, gvisor, vm"},
		{"analyze --again x", "--again has no meaning for a job"},
		{"analyze --egress example.com", "--egress has no meaning for a job"},
		{"--again x --egress example.com", "--egress has no meaning with --again"},
		{"--image x --egress https://example.com", "write the host alone"},
		{"--image x --egress 10.0.0.1", "is not a host"},
		{"--image x --egress *", "is not a host"},
		{"--image x -t azure", "has no meaning without a job"},
		{"--image x -n other", "--name has no meaning without a job"},
		{"--again x --image y", "--image has no meaning with --again"},
		{"--file -", "no name that tells its language"},
		{"--image x --env NOT_SET", "not set here"},
		{"--image x --timeout 0s", "--timeout"},
		{"--image x --timeout soon", "--timeout"},
		{"--image x --memory 12", "--memory"},
		{"--image x --cpu none", "--cpu"},
		{"--image x --cpu -1", "--cpu"},
	} {
		f := &fake{}
		got := shell{dir: dir}.run(t.Context(), f, append([]string{"run"}, strings.Fields(row.args)...)...)
		if got.status != statusUsage || !strings.Contains(got.stderr, row.says) || len(f.built) > 0 {
			t.Errorf("run %s: %+v, built %v, want %q", row.args, got, f.built, row.says)
		}
	}
}

func TestOneShotResult(t *testing.T) {
	t.Parallel()
	report := oneshot.Report{ID: "1", Ended: oneshot.Exited, ExitCode: 7, Seconds: 0.5, Isolation: oneshot.Isolation{Level: "container", Runtime: "runc"}}
	f := &fake{}
	f.runs.report, f.runs.says = report, "a\x1b]0;evil\x07b\n"
	got := shell{dir: folder(t)}.run(t.Context(), f, "run", "--image", "x")
	if got.status != 7 || got.stdout != f.runs.says || !strings.Contains(got.stderr, "run 1: exited, exit status 7, 0.50 s; container, no network\n") {
		t.Errorf("%+v", got)
	}
	if got := (shell{dir: folder(t)}).run(t.Context(), f, "run", "-q", "--image", "x"); got.stderr != "" {
		t.Errorf("%+v", got)
	}
	if got := (shell{dir: folder(t), terminal: true}).run(t.Context(), f, "run", "-q", "--image", "x"); got.stdout != "ab\n" {
		t.Errorf("on a terminal: %q", got.stdout)
	}
	got = shell{dir: folder(t)}.run(t.Context(), f, "run", "--image", "x", "-o", "json")
	if object := decode(t, got.stdout); got.status != 7 || object["exitCode"] != 7.0 || object["command"] != "run" || got.stderr != f.runs.says {
		t.Errorf("%+v", got)
	}

	f.runs.err = &oneshot.Error{What: "the program was stopped at its time limit of 1s", Mend: "give it more", Kind: "timeout", Exit: 124}
	got = shell{dir: folder(t)}.run(t.Context(), f, "run", "--image", "x", "-o", "json")
	failure, _ := decode(t, got.stdout)["error"].(map[string]any)
	if got.status != 124 || failure["code"] != "timeout" || failure["hint"] != "give it more" {
		t.Errorf("%+v", got)
	}
}

func TestOneShotAgain(t *testing.T) {
	t.Parallel()
	f := &fake{}
	f.runs.report = oneshot.Report{ID: "2", Ended: oneshot.Exited, Again: "1", Differences: []oneshot.Difference{
		{What: "input a", Was: strings.Repeat("a", 64), Is: strings.Repeat("b", 64)}, {What: "exit status", Was: "1", Is: "0"}}}
	got := shell{dir: folder(t), variables: map[string]string{"T": "v"}}.run(t.Context(), f, "run", "--again", "1", "--env", "T")
	for _, want := range []string{"differs from 1: input a was aaaaaaaaaaaa, is bbbbbbbbbbbb\n", "exit status was 1, is 0\n"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("%+v, want %q", got, want)
		}
	}
	if got.status != 0 || f.runs.again != "1" || f.runs.pass["T"] != "v" {
		t.Errorf("%+v %+v", got, f.runs)
	}
	got = shell{dir: folder(t)}.run(t.Context(), f, "__complete", "run", "--again", "2026")
	if !strings.HasPrefix(got.stdout, "20261128-014726-dlopm5\n") {
		t.Errorf("completion: %+v", got)
	}
}

// The user's file of languages is where the XDG says.
func TestLanguages(t *testing.T) {
	t.Parallel()
	for want, env := range map[string]map[string]string{
		"/c/envctl/languages.yaml":         {"XDG_CONFIG_HOME": "/c", "HOME": "/h"},
		"/h/.config/envctl/languages.yaml": {"XDG_CONFIG_HOME": "relative", "HOME": "/h"},
		"":                                 {},
	} {
		if got := languages(func(name string) string { return env[name] }); got != want {
			t.Errorf("%v: %q, want %q", env, got, want)
		}
	}
}
