package engine

import (
	"reflect"
	"testing"
)

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
