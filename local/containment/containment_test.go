package containment_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/containment"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/isolation"
)

// Every attempt fails under every runtime that the engine has. ENVCTL_TEST_ISOLATION
// names levels that have to be among them.
func TestContainment(t *testing.T) {
	e := dockertest.Engine(t)
	info, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	available := isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}
	must := strings.Fields(os.Getenv("ENVCTL_TEST_ISOLATION"))
	for _, level := range []string{isolation.Container, isolation.GVisor, isolation.VM} {
		choice, err := isolation.Choose(level, available, false)
		if err != nil {
			if slices.Contains(must, level) {
				t.Error(err)
			}
			continue
		}
		t.Run(level, func(t *testing.T) { contained(t, e, choice) })
	}
}

func contained(t *testing.T, e *docker.Engine, choice isolation.Choice) {
	report, err := containment.Run(t.Context(), containment.Options{Engine: e, Runtime: choice.Runtime, Local: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s by %s; outside is %s; %.0f s", report.Isolation, report.Runtime, report.Canary, report.Seconds)
	for _, r := range report.Results {
		t.Logf("%-9s %-18s %-14s %s%s", r.Group, r.Name, r.Outcome, r.Detail, counterpart(r))
		switch {
		case r.Outcome == containment.Escaped:
			t.Errorf("%s: %s", r.Name, r.Detail)
		case r.Counterpart == containment.NotSeen:
			t.Errorf("%s: its counterpart was not noticed, so it proves nothing", r.Name)
		case r.Outcome == containment.Unfit && choice.Level == isolation.Container && os.Geteuid() == 0:
			t.Errorf("%s was not tried: %s", r.Name, r.Detail)
		}
	}
	if len(report.Results) != len(containment.Rows()) {
		t.Errorf("%d results of %d rows", len(report.Results), len(containment.Rows()))
	}
	images, err := e.Client().ImageList(t.Context(), client.ImageListOptions{Filters: client.Filters{}.Add("reference", "envctl/envctl-containment.*/*")})
	if err != nil || len(images.Items) > 0 {
		t.Errorf("left over: %+v, %v", images.Items, err)
	}
	left, err := e.Leftovers(t.Context(), map[string]string{"dev.envctl.experiment": "envctl-containment"})
	if err != nil || left.Count() > 0 {
		t.Errorf("left over: %+v, %v", left, err)
	}
}

func counterpart(r containment.Result) string {
	if r.Counterpart == "" {
		return ""
	}
	return " (counterpart " + r.Counterpart + ")"
}
