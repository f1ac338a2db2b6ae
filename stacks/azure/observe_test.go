package azure_test

import (
	"strings"
	"testing"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// app and job are those of the plan as they should be.
func app(p *plan.Plan) string {
	return `{"id":"` + apps + `/api","name":"api","tags":{` + ours + `,"dev.envctl.component":"api","dev.envctl.kind":"app","dev.envctl.plan":"` + p.WorkloadHash("api") + `"},
		"properties":{"provisioningState":"Succeeded","runningStatus":"Running","latestRevisionName":"api--r1","environmentId":"` + group + `/providers/Microsoft.App/managedEnvironments/exp-default",
		"configuration":{"ingress":{"external":true,"targetPort":8080,"allowInsecure":false,"fqdn":"api.example.net"}},
		"template":{"scale":{"minReplicas":0,"maxReplicas":2},"containers":[` + strings.NewReplacer("NAME", "api", "ARGS", "").Replace(container) + `]}}}`
}

func job(p *plan.Plan) string {
	return `{"id":"` + jobs + `/sum","name":"sum","tags":{` + ours + `,"dev.envctl.component":"sum","dev.envctl.kind":"job","dev.envctl.plan":"` + p.WorkloadHash("sum") + `"},
		"properties":{"provisioningState":"Succeeded","environmentId":"` + group + `/providers/Microsoft.App/managedEnvironments/exp-default",
		"configuration":{"triggerType":"Manual","replicaRetryLimit":1,"replicaTimeout":600},
		"template":{"containers":[` + strings.NewReplacer("NAME", "sum", "ARGS", `,"args":["all"]`).Replace(container) + `]}}}`
}

const (
	revision = `{"name":"api--r1","properties":{"createdTime":"2026-11-24T11:00:00Z","active":true,"replicas":1,"healthState":"Healthy","provisioningState":"Provisioned","runningState":"Running","template":{"scale":{"minReplicas":0}}}}`
	steward  = `{"name":"envctl-expire","tags":{` + ours + `,"dev.envctl.component":"expire","dev.envctl.kind":"steward"}}`
)

func resource(kind, name string) string {
	return `{"id":"` + group + `/providers/` + kind + `/` + name + `","type":"` + strings.ToUpper(kind[:1]) + kind[1:] + `","name":"` + name + `","tags":{` + ours + `}}`
}

func resources(without string) []string {
	var out []string
	for _, r := range []string{
		resource("Microsoft.ManagedIdentity/userAssignedIdentities", "id-api"), resource("Microsoft.ManagedIdentity/userAssignedIdentities", "id-sum"),
		resource("microsoft.app/managedenvironments", "exp-default"), resource("Microsoft.OperationalInsights/workspaces", "exp-default-logs"),
		resource("Microsoft.Storage/storageAccounts", storageName),
	} {
		if !strings.Contains(r, without) {
			out = append(out, r)
		}
	}
	return out
}

// up makes everything be there as the plan says; the registry's name is a hash's.
func up(p *plan.Plan, c *client, registry string) {
	c.Lists(sub+"/resourcegroups", `{"name":"envctl-exp-default","id":"`+group+`","location":"swedencentral","tags":{`+ours+`}}`, `{"name":"foreign"}`)
	c.Lists(group+"/resources", append(resources("nothing"), resource("Microsoft.ContainerRegistry/registries", registry))...)
	c.Lists(apps, app(p))
	c.Lists(jobs, job(p), steward)
	c.Has(apps+"/api", app(p))
	c.Has(jobs+"/sum", job(p))
	c.Has(apps+"/api/revisions/api--r1", revision)
}

func TestObserve(t *testing.T) {
	t.Parallel()
	p := planOf(t, define())
	replica := func(details string, restarts string, state string) string {
		return `{"name":"x","properties":{"runningState":"NotRunning","containers":[{"name":"api","runningState":"` + state + `","restartCount":` + restarts + `,"runningStateDetails":"` + details + `"}]}}`
	}
	set := func(c *client, path, from, to, text string) {
		c.Has(path, strings.Replace(text, from, to, 1))
	}
	setApp := func(c *client, from, to string) {
		text := strings.Replace(app(p), from, to, 1)
		if text == app(p) {
			panic("nothing to replace: " + from)
		}
		c.Lists(apps, text)
	}
	for name, c := range map[string]struct {
		change func(c *client)
		state  string
		reason string
		drift  string // resource path got
	}{
		"as it should be": {func(*client) {}, stacks.AppRunning, "", ""},
		"asleep": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"replicas":1,"healthState":"Healthy","provisioningState":"Provisioned","runningState":"Running"`, `"replicas":0,"healthState":"None","provisioningState":"Provisioned","runningState":"Stopped"`, revision)
		}, stacks.AppRunning, "", ""},
		"stopped":     {func(c *client) { setApp(c, `"runningStatus":"Running"`, `"runningStatus":"Stopped"`) }, stacks.AppExited, "it was stopped", ""},
		"app is gone": {func(c *client) { c.Lists(apps) }, stacks.AppMissing, "does not exist", "app api  missing"},
		"no revision": {func(c *client) { setApp(c, `"latestRevisionName":"api--r1",`, ``) }, stacks.AppStarting, "no revision yet", ""},
		"coming up": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"provisioningState":"Provisioned","runningState":"Running"`, `"provisioningState":"Provisioning","runningState":"Processing"`, revision)
		}, stacks.AppStarting, "being set up", ""},
		"pull is refused": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"provisioningState":"Provisioned"`, `"provisioningState":"Failed","provisioningError":"unable to pull image using Managed identity"`, revision)
		}, stacks.AppUnhealthy, "no access to the registry", ""},
		"image is missing": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"provisioningState":"Provisioned"`, `"provisioningState":"Failed","provisioningError":"MANIFEST_UNKNOWN"`, revision)
		}, stacks.AppUnhealthy, "the registry has no such image", ""},
		"crashing": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"healthState":"Healthy"`, `"healthState":"Unhealthy"`, revision)
			c.Lists(apps+"/api/revisions/api--r1/replicas", replica("Container 'api' was terminated with exit code '3'", "4", "Waiting"))
		}, stacks.AppRestarting, "exit status 3", ""},
		"probe": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"healthState":"Healthy"`, `"healthState":"Unhealthy"`, revision)
			c.Lists(apps+"/api/revisions/api--r1/replicas", replica("startup probe failed", "0", "Running"))
		}, stacks.AppUnhealthy, "health check does not succeed", ""},
		"nothing known of why": {func(c *client) {
			set(c, apps+"/api/revisions/api--r1", `"runningState":"Running"`, `"runningState":"Degraded"`, revision)
		}, stacks.AppUnhealthy, "its revision is degraded", ""},

		"another image":  {func(c *client) { setApp(c, digest, other) }, stacks.AppRunning, "", "app api image " + other},
		"edited scale":   {func(c *client) { setApp(c, `"maxReplicas":2`, `"maxReplicas":9`) }, stacks.AppRunning, "", "app api scale.maxReplicas 9"},
		"edited port":    {func(c *client) { setApp(c, `"targetPort":8080`, `"targetPort":80`) }, stacks.AppRunning, "", "app api ingress.targetPort 80"},
		"edited memory":  {func(c *client) { setApp(c, `"1.0Gi"`, `"2Gi"`) }, stacks.AppRunning, "", "app api resources.memory 2Gi"},
		"edited value":   {func(c *client) { setApp(c, `"value":"info"`, `"value":"debug"`) }, stacks.AppRunning, "", "app api env.LEVEL debug"},
		"gone variable":  {func(c *client) { setApp(c, `"name":"LEVEL"`, `"name":"LEVELS"`) }, stacks.AppRunning, "", "app api env.LEVEL missing"},
		"other plan":     {func(c *client) { setApp(c, p.WorkloadHash("api"), "sha256:old") }, stacks.AppRunning, "", "app api tags.dev.envctl.plan sha256:old"},
		"plain http":     {func(c *client) { setApp(c, `"allowInsecure":false`, `"allowInsecure":true`) }, stacks.AppRunning, "", "app api ingress.allowInsecure true"},
		"job is gone":    {func(c *client) { c.Lists(jobs, steward) }, stacks.AppRunning, "", "job sum  missing"},
		"edited job":     {func(c *client) { c.Lists(jobs, strings.Replace(job(p), `["all"]`, `["one"]`, 1)) }, stacks.AppRunning, "", `job sum args ["one"]`},
		"edited timeout": {func(c *client) { c.Lists(jobs, strings.Replace(job(p), `:600`, `:60`, 1)) }, stacks.AppRunning, "", "job sum replicaTimeout 60"},
		"identity is gone": {func(c *client) {
			c.Lists(group+"/resources", append(resources("id-sum"), resource("Microsoft.ContainerRegistry/registries", registryName(t)))...)
		}, stacks.AppRunning, "", "identity id-sum  missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, client, _ := newTarget()
			up(p, client, registryName(t))
			c.change(client)
			obs, err := target.Observe(t.Context(), p)
			if err != nil || len(obs.Apps) != 1 {
				t.Fatalf("%+v, %v", obs, err)
			}
			a := obs.Apps[0]
			if a.State != c.state || !strings.Contains(a.Reason, c.reason) || (a.Reason == "") != (c.reason == "") {
				t.Errorf("%+v", a)
			}
			if a.State != stacks.AppMissing && a.URL != "http://api.example.net" {
				t.Errorf("url %q", a.URL)
			}
			var drift []string
			for _, d := range obs.Drift {
				drift = append(drift, d.Resource+" "+d.Path+" "+d.Got)
			}
			if got := strings.Join(drift, "; "); got != c.drift {
				t.Errorf("drift %q, want %q", got, c.drift)
			}
			if sound := c.drift == "" && c.state == stacks.AppRunning; obs.Sound() != sound {
				t.Errorf("sound: %v", obs.Sound())
			}
			if changed := len(client.Calls("POST")) + len(client.Calls("DELETE")); changed > 0 {
				t.Errorf("it changed something: %q", client.Calls(""))
			}
		})
	}
}

// A group that is not there is one difference, and its apps are missing.
func TestObserveNothing(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	for _, path := range []string{group + "/resources", apps, jobs} {
		c.Fails(path, missing(path))
	}
	obs, err := target.Observe(t.Context(), planOf(t, define()))
	if err != nil || len(obs.Apps) != 1 || obs.Apps[0].State != stacks.AppMissing || obs.Drift[0].String() != "resource group envctl-exp-default is missing, want present" {
		t.Errorf("%+v, %v", obs, err)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	tags := func(experiment, kind string) string {
		return `"tags":{"dev.envctl.experiment":"` + experiment + `","dev.envctl.instance":"default","dev.envctl.kind":"` + kind + `"}`
	}
	c.Lists(sub+"/resourcegroups", `{"name":"a",`+tags("one", "group")+`}`, `{"name":"b",`+tags("bare", "group")+`}`, `{"name":"foreign","tags":{"x":"y"}}`)
	c.Lists(sub+"/providers/Microsoft.App/containerApps",
		`{`+tags("one", "app")+`,"properties":{"provisioningState":"Succeeded","runningStatus":"Running"}}`,
		`{`+tags("one", "app")+`,"properties":{"provisioningState":"Failed"}}`,
		`{`+tags("one", "app")+`,"properties":{"runningStatus":"Stopped"}}`,
		`{"properties":{"runningStatus":"Running"}}`)
	got, err := target.States(t.Context())
	one, bare := stacks.Ref{Experiment: "one", Instance: "default", Target: "azure"}, stacks.Ref{Experiment: "bare", Instance: "default", Target: "azure"}
	if err != nil || len(got) != 2 || got[one] != (stacks.State{Apps: 1, Stopped: 2}) || got[bare] != (stacks.State{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if n := len(c.Calls("")); n != 2 {
		t.Errorf("%d questions", n)
	}
}
