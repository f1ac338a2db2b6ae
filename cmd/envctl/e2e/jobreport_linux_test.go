package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

const reportingJobs = `name: @NAME@
budget: {amount: 10}
models:
  chat: {model: gpt-4o-mini, price: {input: 1000, output: 1000}}
apps:
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080, public: true}
    models: [chat]
    egress: ["allowed.test:8080"]
jobs:
  fetch:
    build: {context: app}
    args: [fetch, "http://allowed.test:8080/a"]
    cpu: 0.25
    memory: 0.5Gi
    egress: ["allowed.test:8080"]
  ask:
    build: {context: app}
    args: [ask, from a job, "1"]
    cpu: 0.25
    memory: 0.5Gi
    models: [chat]
targets:
  local:
    models: {provider: echo}
    egress: {resolvers: [@ADDRESS@], private: [allowed.test]}
`

// jobReport is the report in the result of a run.
type jobReport struct {
	ID, Ended string
	ExitCode  int
	Egress    *struct {
		Allowed, Refused []struct {
			Host   string
			Reason string
			Count  int
		}
	}
	Models *struct {
		Calls, PromptTokens, CompletionTokens int64
		Cost                                  float64
	}
}

func reportOf(t *testing.T, c call) jobReport {
	t.Helper()
	var got struct{ Report *jobReport }
	if err := json.Unmarshal([]byte(c.stdout), &got); err != nil || got.Report == nil {
		t.Fatalf("no report: %v in %s", err, c.stdout)
	}
	return *got.Report
}

// The report of a run has what this run tried and took: not what an app did, nor an
// earlier run, which the gateway tells of only once in a while.
func TestJobsReport(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	x := newExperiment(t, strings.ReplaceAll(reportingJobs, "@ADDRESS@", o.address))
	x.must(0, "up")
	x.must(0, "exec", "api", "--", "/app", "fetch", "http://allowed.test:8080/app")
	x.must(0, "exec", "api", "--", "/app", "ask", "from an app", "1")

	for range 2 {
		r := reportOf(t, x.must(0, "run", "fetch", "-o", "json"))
		if r.ID == "" || r.Ended != "exited" || r.Models != nil || r.Egress == nil || len(r.Egress.Refused) > 0 || len(r.Egress.Allowed) != 1 ||
			r.Egress.Allowed[0].Host != "allowed.test:8080" || r.Egress.Allowed[0].Count != 1 {
			t.Errorf("report of fetch: %+v", r)
		}
	}
	c := x.run("run", "fetch", "--", "fetch", "http://refused.test:8080/")
	if !strings.Contains(c.stderr, "refused: refused.test:8080 (") {
		t.Errorf("report of a refusal: %+v", c)
	}
	for range 2 {
		r := reportOf(t, x.must(0, "run", "ask", "-o", "json"))
		if r.Egress != nil || r.Models == nil || r.Models.Calls != 1 || r.Models.CompletionTokens != 1 || r.Models.PromptTokens < 1 || r.Models.Cost <= 0 {
			t.Errorf("report of ask: %+v %+v", r, r.Models)
		}
	}
	c = x.must(0, "run", "ask")
	has(t, c.stderr, "run ask-", "exit status 0", "models: 1 calls, ")
	if c := x.must(0, "run", "-q", "ask"); strings.Contains(c.stderr, "run ask-") {
		t.Errorf("-q: %s", c.stderr)
	}
	x.must(0, "down")
	x.gone()
}
