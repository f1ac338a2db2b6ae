package ask_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/stacks/azure/ask"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	group := ask.Group("s", "my group")
	for got, want := range map[string]string{
		group:               "/subscriptions/s/resourceGroups/my%20group",
		ask.App(group, "a"): "/subscriptions/s/resourceGroups/my%20group/providers/Microsoft.App/containerApps/a",
		ask.Below(ask.Job("/subscriptions/s/resourceGroups/g", "j"), "executions", "j-1"):                          "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/j/executions/j-1",
		ask.GroupOf("/subscriptions/s/resourcegroups/G/providers/Microsoft.App/jobs/j"):                            "/subscriptions/s/resourcegroups/G",
		ask.GroupOf("/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/x"):                        "",
		ask.NameOf("/subscriptions/s/resourceGroups/g/providers/Microsoft.App/jobs/j"):                             "j",
		ask.Provider(ask.Subscription("s"), "Microsoft.CognitiveServices", "locations", "swedencentral", "usages"): "/subscriptions/s/providers/Microsoft.CognitiveServices/locations/swedencentral/usages",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if !ask.Same("/Subscriptions/S/", "/subscriptions/s") || ask.Same("/a", "/b") {
		t.Error("ids have no case")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	var o map[string]any
	const answer = `{"tags":{"Dev.Envctl.Owner":"Ann"},"properties":{"Name":"x","n":2.5,"yes":true,"list":[{"a":1},2],"texts":["p",3,"q"],
		"at":"2026-01-02T03:04:05.5Z","bare":"2026-01-02T03:04:05"}}`
	if err := json.Unmarshal([]byte(answer), &o); err != nil {
		t.Fatal(err)
	}
	if got := ask.Text(o, "Properties", "name"); got != "x" {
		t.Errorf("text %q", got)
	}
	if n, ok := ask.Number(o, "properties", "n"); n != 2.5 || !ok || ask.Whole(o, "properties", "n") != 2 {
		t.Errorf("number %v, %v", n, ok)
	}
	if n, ok := ask.Number(map[string]any{"n": json.Number("7")}, "n"); n != 7 || !ok {
		t.Errorf("json.Number %v, %v", n, ok)
	}
	if _, ok := ask.Number(o, "properties", "yes"); ok || !ask.Yes(o, "properties", "yes") || ask.Yes(o, "properties", "n") {
		t.Error("true is no number and a number is not true")
	}
	if d := cmp.Diff([]ask.Object{{"a": 1.0}}, ask.Items(o, "properties", "list")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"p", "q"}, ask.Texts(o, "properties", "texts")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"dev.envctl.owner": "Ann"}, ask.Tags(o)); d != "" {
		t.Error(d)
	}
	want := time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC)
	if got := ask.Time(o, "properties", "at"); !got.Equal(want) {
		t.Errorf("time %v", got)
	}
	if got := ask.Time(o, "properties", "bare"); !got.Equal(want.Truncate(time.Second)) {
		t.Errorf("time without zone %v", got)
	}
	if got := ask.At(o, "properties", "n", "deeper"); got != nil || !ask.Time(o, "none").IsZero() {
		t.Errorf("nothing is %v", got)
	}
}
