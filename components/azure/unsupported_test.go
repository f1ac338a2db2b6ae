package azure_test

import (
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

func TestUnsupported(t *testing.T) {
	t.Parallel()
	firewall := "targets: {azure: {egress: firewall}}\n"
	app := func(more string) string { return "{image: x, " + more + "}" }
	tests := map[string]struct {
		yaml string
		want []string // path: part of the message or hint
	}{
		"nothing":              {"apps: {a: {image: x}}", nil},
		"egress":               {"apps: {a: " + app("egress: [b.com]") + ", c: {image: x}}", []string{"apps.a.egress: set targets.azure.egress to firewall"}},
		"egress of a job":      {"jobs: {a: " + app("egress: [b.com]") + "}", []string{"jobs.a.egress: knows no host names"}},
		"egress by a firewall": {firewall + "apps: {a: " + app("egress: [b.com, c.com]") + ", b: " + app("egress: [c.com, b.com]") + "}", nil},
		"a firewall for two lists": {firewall + "apps: {a: " + app("egress: [b.com]") + ", b: " + app("egress: [c.com]") + ", c: {image: x}}",
			[]string{"apps.b.egress: differs from apps.a.egress", "apps.c.egress: give every app and job the same list (b.com)"}},
		"egress on a platform": {"platform: team\n" + firewall + "apps: {a: " + app("egress: [b.com]") + "}",
			[]string{"apps.a.egress: the network of platform \"team\" lets nothing out"}},
		"models on a platform": {"platform: team\nmodels: {chat: {model: gpt-4o, version: \"1\"}}\napps: {a: {image: x}}", nil},
		"a platform's deployment": {"platform: team\nmodels: {chat: {model: gpt-4o, sku: Standard}, code: {model: gpt-4o, capacity: 20}}\napps: {a: {image: x}}",
			[]string{"models.chat.sku: platform \"team\", which settles that", "models.code.capacity: leave capacity out"}},
		"a platform with a firewall":     {"kind: Platform\n" + firewall, []string{"targets.azure.egress: a Platform has no egress lists"}},
		"a platform that stops":          {"kind: Platform\nbudget: {amount: 1, onExceeded: stop}", []string{"budget.onExceeded: runs no apps"}},
		"a network of Container Apps":    {"kind: Platform\nenvironment: {network: 172.31.0.0/16}", []string{"environment.network: overlaps 172.30.0.0/15"}},
		"a network of one's own":         {"kind: Platform\nenvironment: {network: 10.1.0.0/16}", nil},
		"more scratch than disk":         {"apps: {a: " + app("cpu: 0.25, scratch: 2Gi") + "}", []string{"apps.a.scratch: ask for 1Gi at most"}},
		"as much scratch as disk":        {"apps: {a: " + app("cpu: 0.25, scratch: 1Gi") + ", b: " + app("cpu: 2, scratch: 8Gi") + "}", nil},
		"a job with the steward's name":  {"jobs: {envctl-stop: {image: x}}", []string{"jobs.envctl-stop: rename the job"}},
		"an app with the steward's name": {"apps: {envctl-stop: {image: x}}", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := azure.Unsupported(read(t, "name: exp\n"+tt.yaml))
			if len(got) != len(tt.want) {
				t.Fatalf("%d problems, expected %d: %v", len(got), len(tt.want), got)
			}
			for i, p := range got {
				path, part, _ := strings.Cut(tt.want[i], ": ")
				text := p.String()
				if p.Path != path || !strings.Contains(text, part) || !strings.Contains(p.Message, "unsupported: "+path+" on azure: ") || p.Hint == "" {
					t.Errorf("problem %q, expected %q", text, tt.want[i])
				}
			}
		})
	}
}

func TestWrongUser(t *testing.T) {
	t.Parallel()
	for image, wrong := range map[string]string{
		"65532": "", "65532:65532": "", "nonroot": "", "nonroot:nonroot": "",
		"": "which is root and not 65532", "0": "which is 0 and", "1000:65532": "which is 1000 and", "app": "which is app and",
	} {
		p, bad := azure.WrongUser(plan.Workload{Kind: plan.App, Name: "api", User: plan.DefaultUser}, image)
		if bad != (wrong != "") || !strings.Contains(p.Message, wrong) || bad && (p.Path != "apps.api.user" || p.Hint != "write USER 65532 at the end of its Dockerfile") {
			t.Errorf("image of %q: %v %v", image, bad, p)
		}
	}
	if _, bad := azure.WrongUser(plan.Workload{User: 1000}, "nonroot"); !bad {
		t.Error("nonroot is 65532, not 1000")
	}
}

func read(t *testing.T, yaml string) *definition.Definition {
	t.Helper()
	def, err := definition.Read([]byte(yaml), definition.ReadOptions{File: "envctl.yaml"})
	if err != nil {
		t.Fatalf("%v in\n%s", err, yaml)
	}
	return def
}
