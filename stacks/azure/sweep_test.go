package azure_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	component "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
)

const (
	accounts    = sub + "/providers/microsoft.cognitiveservices"
	assignments = sub + "/providers/Microsoft.Authorization/roleAssignments"
	definitions = sub + "/providers/Microsoft.Authorization/roleDefinitions"
	identities  = group + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
)

func deletedAccount(name, group, tags string) string {
	return `{"id":"` + sub + `/providers/Microsoft.CognitiveServices/locations/swedencentral/resourceGroups/` + group + `/deletedAccounts/` + name +
		`","name":"` + name + `","tags":{` + tags + `},"properties":{"deletionDate":"2026-11-24T10:00:00Z"}}`
}

func customRole(id, name, scope string) string {
	return `{"id":"` + definitions + `/` + id + `","properties":{"roleName":"` + name + `","type":"CustomRole","assignableScopes":["` + scope + `"]}}`
}

// leftBehind is a subscription with an experiment, others, and what outlives groups.
func leftBehind(c *client) {
	c.Lists(sub+"/resourcegroups",
		`{"name":"envctl-exp-default","id":"`+group+`","location":"swedencentral","tags":{`+ours+`,"dev.envctl.owner":"ann","dev.envctl.expires":"2026-11-25T00:00:00Z"}}`,
		`{"name":"other","tags":{"dev.envctl.experiment":"other","dev.envctl.instance":"default"}}`, `{"name":"foreign"}`)
	c.Lists(identities, `{"name":"id-api","properties":{"principalId":"AAA"}}`)
	c.Lists(assignments,
		`{"id":"`+group+`/providers/Microsoft.ContainerRegistry/registries/r/providers/Microsoft.Authorization/roleAssignments/1","properties":{"principalId":"aaa"}}`,
		`{"id":"`+sub+`/resourceGroups/team/providers/Microsoft.ContainerRegistry/registries/r/providers/Microsoft.Authorization/roleAssignments/2","properties":{"principalId":"aaa"}}`,
		`{"id":"`+sub+`/providers/Microsoft.Authorization/roleAssignments/3","properties":{"principalId":"somebody"}}`)
	c.Lists(definitions,
		customRole("r1", "envctl expire envctl-exp-default abc", group), customRole("r2", "envctl expire gone-group abc", sub+"/resourceGroups/gone-group"),
		customRole("r3", "team's own", group), customRole("r4", "envctl-like but wide", sub))
	c.Lists(accounts+"/deletedAccounts",
		deletedAccount("exp-1", "envctl-exp-default", ours), deletedAccount("exp-2", "envctl-exp-default", ""),
		deletedAccount("other-1", "other", `"dev.envctl.experiment":"other","dev.envctl.instance":"default"`), deletedAccount("foreign", "foreign", ""))
	c.Lists(group+"/resources", `{"createdTime":"2026-11-24T09:00:00Z"}`, `{"createdTime":"2026-11-24T08:00:00Z"}`)
}

// Everything of the experiment goes, also what outlives its group, and nothing else.
func TestSweep(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	leftBehind(c)
	n, err := target.Sweep(t.Context(), ref, false)
	want := []string{
		group,
		sub + "/resourceGroups/team/providers/Microsoft.ContainerRegistry/registries/r/providers/Microsoft.Authorization/roleAssignments/2",
		definitions + "/r1",
		accounts + "/locations/swedencentral/resourceGroups/envctl-exp-default/deletedAccounts/exp-1",
		accounts + "/locations/swedencentral/resourceGroups/envctl-exp-default/deletedAccounts/exp-2",
	}
	for i := range want {
		want[i] = strings.ToLower(want[i])
	}
	slices.Sort(want)
	if d := cmp.Diff(want, c.Calls("DELETE")); d != "" || n != len(want) || err != nil {
		t.Error(d, n, err)
	}
}

// With the data kept, the group and its registry stay.
func TestSweepKeepsData(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	up(planOf(t, define()), c, registryName(t))
	n, err := target.Sweep(t.Context(), ref, true)
	want := []string{
		strings.ToLower(group + "/providers/microsoft.app/managedenvironments/exp-default"),
		strings.ToLower(identities + "/id-api"), strings.ToLower(identities + "/id-sum"),
	}
	if d := cmp.Diff(want, c.Calls("DELETE")); d != "" || n != 3 || err != nil {
		t.Error(d, n, err)
	}
}

// The images of an experiment leave a platform's registry with its last instance.
func TestSweepImages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		another bool
		want    []string
	}{"the last instance": {false, []string{"team.azurecr.io exp/"}}, "another instance is left": {true, nil}} {
		target, client, _ := newTarget()
		groups := []string{`{"name":"team","tags":{"dev.envctl.experiment":"team","dev.envctl.instance":"default","dev.envctl.kind":"platform"}}`}
		if c.another {
			groups = append(groups, `{"name":"x","tags":{"dev.envctl.experiment":"exp","dev.envctl.instance":"two"}}`)
		}
		client.Lists(sub+"/resourcegroups", groups...)
		client.Lists(sub+"/resourceGroups/team/providers/Microsoft.ContainerRegistry/registries", `{"name":"team","properties":{"loginServer":"team.azurecr.io"}}`)
		var removed []string
		target.Images.Remove = func(_ context.Context, server, prefix string) (int, error) {
			removed = append(removed, server+" "+prefix)
			return 1, nil
		}
		if _, err := target.Sweep(t.Context(), ref, false); err != nil || !slices.Equal(removed, c.want) {
			t.Errorf("%s: %q, %v", name, removed, err)
		}
	}
}

func TestLeftovers(t *testing.T) {
	t.Parallel()
	target, c, k := newTarget()
	leftBehind(c)
	list, err := target.Leftovers(t.Context(), func(r stacks.Ref) bool { return r.Experiment == "other" })
	var got []string
	for _, l := range list {
		got = append(got, strings.Join([]string{l.Kind, l.Name, l.Ref.Experiment, l.Owner, l.Age(k.now()).String()}, " "))
	}
	want := []string{"role envctl expire gone-group abc   0s", "resource group envctl-exp-default exp ann 4h0m0s", "soft-deleted account exp-1 exp  2h0m0s"}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, l := range list {
		if err := target.Remove(t.Context(), l); err != nil {
			t.Error(err)
		}
		if l.Kind == azure.LeftGroup && !l.Expires.Equal(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("expires %v", l.Expires)
		}
	}
	for _, gone := range []string{group, definitions + "/r2", accounts + "/locations/swedencentral/resourceGroups/envctl-exp-default/deletedAccounts/exp-1"} {
		if !slices.Contains(c.Calls("DELETE"), strings.ToLower(gone)) {
			t.Errorf("%s is left", gone)
		}
	}
	if err := target.Remove(t.Context(), azure.Leftover{Kind: "cat"}); err == nil {
		t.Error("an unknown kind was removed")
	}
}

// What no plan has goes; the steward's parts and those of others stay.
func TestPrune(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	def := define()
	p := planOf(t, def)
	up(p, c, registryName(t))
	old := func(name, kind string) string {
		return `{"name":"` + name + `","tags":{` + ours + `,"dev.envctl.component":"` + name + `","dev.envctl.kind":"` + kind + `"}}`
	}
	c.Lists(apps, app(p), old("gone", "app"), old("sum", "app"), `{"name":"foreign","tags":{"dev.envctl.component":"foreign"}}`)
	c.Lists(jobs, job(p), steward, old("late", "job"))
	n, err := target.Prune(t.Context(), p)
	want := []string{strings.ToLower(apps + "/gone"), strings.ToLower(apps + "/sum"), strings.ToLower(jobs + "/late")}
	slices.Sort(want)
	if d := cmp.Diff(want, c.Calls("DELETE")); d != "" || n != 3 || err != nil {
		t.Error(d, n, err)
	}
}

func TestGround(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	team := sub + "/resourceGroups/team"
	of := func(path string) string { return team + "/providers/" + path }
	c.Lists(of("Microsoft.ContainerRegistry/registries"), `{"id":"R","properties":{"provisioningState":"Succeeded","loginServer":"team.azurecr.io"}}`)
	c.Lists(of("Microsoft.App/managedEnvironments"), `{"id":"broken","properties":{"provisioningState":"Failed"}}`, `{"id":"E","name":"team-default","properties":{"provisioningState":"Succeeded"}}`)
	c.Lists(of("Microsoft.CognitiveServices/accounts"), `{"id":"/A","properties":{"provisioningState":"Succeeded","endpoint":"https://team.cognitiveservices.azure.com/","endpoints":{"OpenAI Language Model Instance API":"https://team.openai.azure.com"}}}`)
	c.Lists("/A/deployments", `{"name":"chat","properties":{"model":{"name":"gpt-4o","version":"1"}}}`, `{"name":"m.x"}`)
	g, err := target.Ground(t.Context(), "team", "team")
	if err != nil || g.RegistryID != "R" || g.LoginServer != "team.azurecr.io" || g.EnvironmentID != "E" || g.Environment != "team-default" ||
		g.AccountID != "/A" || g.Endpoint != "https://team.openai.azure.com/" || g.Models["chat"] != (component.SharedModel{Deployment: "chat", Model: "gpt-4o", Version: "1"}) || g.Models["x"].Deployment != "m.x" {
		t.Errorf("%+v, %v", g, err)
	}
	c.Forget(of("Microsoft.App/managedEnvironments"))
	if _, err := target.Ground(t.Context(), "team", "team"); err == nil || !strings.Contains(err.Error(), "no environment") {
		t.Errorf("%v", err)
	}
	c.Lists(sub+"/resourcegroups", `{"name":"lab","tags":{"dev.envctl.experiment":"lab","dev.envctl.instance":"default","dev.envctl.kind":"platform"}}`,
		`{"name":"team","tags":{"dev.envctl.experiment":"team","dev.envctl.instance":"default","dev.envctl.kind":"group"}}`)
	def := define()
	def.Platform = "team"
	_, err = target.Check(t.Context(), def, ref)
	if err == nil || !strings.Contains(err.Error(), `platform "team" is not in the subscription`) || !strings.Contains(hint(err), "lab") {
		t.Errorf("an experiment of the platform's name: %v", err)
	}
}

func TestUnsupported(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*definition.Definition)
		path   string
	}{
		"fits":      {func(*definition.Definition) {}, ""},
		"no region": {func(d *definition.Definition) { d.Targets.Azure.Location = "" }, "targets.azure.location"},
		"no pair":   {func(d *definition.Definition) { a := d.Apps["api"]; a.Memory = 3 << 30; d.Apps["api"] = a }, "apps.api.memory"},
		"egress without a firewall": {func(d *definition.Definition) {
			a := d.Apps["api"]
			a.Egress = []string{"example.com"}
			d.Apps["api"] = a
		}, "apps.api.egress"},
		"on a platform, no region": {func(d *definition.Definition) { d.Platform, d.Targets.Azure = "team", nil }, ""},
	} {
		def := define()
		c.change(def)
		problems := azure.Unavailable{}.Unsupported(def)
		if c.path == "" && len(problems) > 0 || c.path != "" && (len(problems) != 1 || problems[0].Path != c.path || problems[0].Hint == "") {
			t.Errorf("%s: %+v", name, problems)
		}
	}
}

// What a platform's environment knows of an experiment's file share goes with the
// experiment; one whose storage account is gone is a leftover.
func TestSweepMounts(t *testing.T) {
	t.Parallel()
	target, c, _ := newTarget()
	const team = sub + "/resourceGroups/team/providers/Microsoft.App/managedEnvironments"
	c.Lists(sub+"/resourcegroups", `{"name":"team","tags":{"dev.envctl.experiment":"team","dev.envctl.instance":"default","dev.envctl.kind":"platform"}}`,
		`{"name":"x","tags":{"dev.envctl.experiment":"exp","dev.envctl.instance":"two"}}`)
	c.Lists(team, `{"id":"`+team+`/team","name":"team"}`)
	share := func(name, account string) string {
		return `{"id":"` + team + `/team/storages/` + name + `","name":"` + name + `","properties":{"azureFile":{"accountName":"` + account + `"}}}`
	}
	c.Lists(team+"/team/storages", share("outputs-aaaaaaa", storageName), share("outputs-bbbbbbb", "other"), share("team-own", "gone"), share("outputs-ccccccc", "gone"))
	c.Lists(sub+"/providers/Microsoft.Storage/storageAccounts", `{"name":"`+storageName+`"}`, `{"name":"other"}`)
	left, err := target.Leftovers(t.Context(), func(stacks.Ref) bool { return true })
	if err != nil || len(left) != 1 || left[0].Kind != azure.LeftMount || left[0].Name != "outputs-ccccccc" {
		t.Fatalf("%+v, %v", left, err)
	}
	if err := target.Remove(t.Context(), left[0]); err != nil {
		t.Error(err)
	}
	if n, err := target.Sweep(t.Context(), ref, false); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	want := []string{strings.ToLower(team + "/team/storages/outputs-aaaaaaa"), strings.ToLower(team + "/team/storages/outputs-ccccccc")}
	if d := cmp.Diff(want, c.Calls("DELETE")); d != "" {
		t.Error(d)
	}
}
