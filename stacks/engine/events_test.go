package engine

import (
	"reflect"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/envctl/envctl/stacks"
)

// What the engine says of its own business must not reach people.
func TestNotices(t *testing.T) {
	t.Parallel()
	var got []string
	l := newEventLog(func(e stacks.Event) { got = append(got, e.Message) })
	for _, message := range []string{
		"Refreshed resource is in an unhealthy state:\n* wait for container \"a\": context canceled",
		"Attempting to deploy or update resources with 1 pending operations", "update failed", "a policy warns",
	} {
		l.diagnostic(&apitype.DiagnosticEvent{Severity: "warning", Message: message})
	}
	if len(got) != 1 || got[0] != "a policy warns" {
		t.Errorf("%q", got)
	}
}

// A replacement is three steps of the engine and one thing to people, in whichever
// order its halves come.
func TestReplacementEndsOnce(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]apitype.OpType{
		"delete first": {apitype.OpDeleteReplaced, apitype.OpReplace, apitype.OpCreateReplacement},
		"create first": {apitype.OpCreateReplacement, apitype.OpReplace, apitype.OpDeleteReplaced},
	} {
		var ends []string
		l := newEventLog(func(e stacks.Event) {
			if e.State == stacks.StateDone {
				ends = append(ends, e.Op+" "+e.Kind+" "+e.Resource)
			}
		})
		for _, op := range order {
			const kind = "docker:index/container:Container"
			m := apitype.StepEventMetadata{Op: op, URN: "urn:pulumi:s::p::" + kind + "::api", Type: kind, New: &apitype.StepEventStateMetadata{Custom: true}}
			l.add(events.EngineEvent{EngineEvent: apitype.EngineEvent{ResourcePreEvent: &apitype.ResourcePreEvent{Metadata: m}}})
			l.add(events.EngineEvent{EngineEvent: apitype.EngineEvent{ResOutputsEvent: &apitype.ResOutputsEvent{Metadata: m}}})
		}
		if len(ends) != 1 || ends[0] != "replace container api" || l.changes().Replace != 1 {
			t.Errorf("%s: %q, %+v", name, ends, l.changes())
		}
	}
}

func TestOnlyDifferentElementsOfListsAreShown(t *testing.T) {
	t.Parallel()
	list := func(v ...any) []any { return v }
	for name, c := range map[string]struct{ old, new, wantOld, wantNew any }{
		"one changed": {list("A=1", "B=2"), list("A=1", "B=3"), list("B=2"), list("B=3")},
		"one added":   {list("A=1"), list("A=1", "B=3"), []any{}, list("B=3")},
		"order":       {list("a", "b"), list("b", "a"), list("a", "b"), list("b", "a")},
		"objects": {
			list(map[string]any{"label": "x", "value": "1"}), list(map[string]any{"label": "x", "value": "2"}),
			list(map[string]any{"label": "x", "value": "1"}), list(map[string]any{"label": "x", "value": "2"}),
		},
		"no lists": {1.0, 2.0, 1.0, 2.0},
		"new list": {nil, list("a"), nil, list("a")},
	} {
		gotOld, gotNew := onlyDifferent(c.old, c.new)
		if !reflect.DeepEqual(gotOld, c.wantOld) || !reflect.DeepEqual(gotNew, c.wantNew) {
			t.Errorf("%s: %v → %v, want %v → %v", name, gotOld, gotNew, c.wantOld, c.wantNew)
		}
	}
}
