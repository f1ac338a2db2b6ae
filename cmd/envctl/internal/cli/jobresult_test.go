package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/oneshot"
)

func TestJobReport(t *testing.T) {
	t.Parallel()
	end := local.JobEnd{
		RunResult: docker.RunResult{
			ExitCode: 3, Started: noon, Finished: noon.Add(1500 * time.Millisecond), Outputs: untar.Summary{Files: 2, Bytes: 2048},
			Usage: docker.Usage{PeakMemory: 31 << 20, CPUSeconds: 0.4, Samples: 3},
		},
		Name: "analyze-1a2b3c4d", Attempts: 2, Network: "demo", Runtime: "runsc", Shared: true,
		Egress: []protocol.Event{
			{App: "analyze", Host: "pypi.org:443", Allowed: true, Count: 1}, {App: "analyze", Host: "pypi.org:443", Allowed: true, Count: 4},
			{App: "analyze", Host: "evil.example:443", Reason: "the host is not in its list"}, {App: "analyze", Reason: "more", Count: 7},
		},
	}
	report := jobReport(end, "/srv/out", false)
	report.Models = &oneshot.Models{Calls: 2, PromptTokens: 30, CompletionTokens: 12, Cost: 0.25, Currency: "EUR", Refused: 1, UnderWay: 1, Shared: true}
	want := strings.Join([]string{
		"run analyze-1a2b3c4d: exited, exit status 3, 1.50 s (the last of 2 attempts), 0.40 s CPU, peak 31 MiB; 2 files (2Ki) in /srv/out; gvisor",
		"  with what other runs of the job did at the same time:",
		"  reached: pypi.org:443, 5 times",
		"  refused: evil.example:443 (the host is not in its list), 1 times",
		"  refused: more hosts (more), 7 times",
		"  models: 2 calls, 30 + 12 tokens, 0.2500 EUR; 1 refused for the budget; 1 are not settled yet; with those of other runs of the job at the same time",
	}, "\n")
	if got := strings.Join(reportLines(report), "\n"); got != want {
		t.Errorf("%s\nexpected\n%s", got, want)
	}
	for ended, change := range map[string]func(*local.JobEnd){
		oneshot.TimedOut: func(e *local.JobEnd) { e.TimedOut = true }, oneshot.OutOfMemory: func(e *local.JobEnd) { e.OOMKilled = true },
	} {
		other := end
		change(&other)
		if got := jobReport(other, "", false); got.Ended != ended || got.Files != nil {
			t.Errorf("%+v, expected %q", got, ended)
		}
	}
	if got := jobReport(end, "", true); got.Ended != oneshot.Interrupted {
		t.Errorf("interrupted: %+v", got)
	}
}

// A job's report is on stderr, or in the JSON; a target that tells nothing has none.
func TestJobResult(t *testing.T) {
	t.Parallel()
	dir := folder(t, "envctl.yaml", example)
	f := &fake{says: "sum 1\n", status: 3}
	run := func(args ...string) ended {
		return shell{dir: dir}.run(t.Context(), f, append([]string{"run", "analyze"}, args...)...)
	}
	if got := run(); got.status != 3 || got.stdout != f.says || got.stderr != "" {
		t.Errorf("without a report: %+v", got)
	}
	if got := decode(t, run("-o", "json").stdout); got["report"] != nil {
		t.Errorf("without a report: %v", got)
	}
	f.report = &oneshot.Report{ID: "analyze-1", Ended: oneshot.Exited, ExitCode: 3, Isolation: oneshot.Isolation{Network: "none"}}
	if got := run(); got.status != 3 || got.stdout != f.says || got.stderr != "run analyze-1: exited, exit status 3, 0.00 s; container, no network\n" {
		t.Errorf("%+v", got)
	}
	if got := run("-q"); got.stderr != "" {
		t.Errorf("-q: %+v", got)
	}
	got := run("-o", "json")
	object := decode(t, got.stdout)
	report, _ := object["report"].(map[string]any)
	if report["id"] != "analyze-1" || report["stdout"] != nil || object["exitCode"] != 3.0 || object["job"] != "analyze" || got.stderr != f.says {
		t.Errorf("%+v", got)
	}
}
