package route_test

import (
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim/route"
)

func TestParse(t *testing.T) {
	t.Parallel()
	const app = "/subscriptions/S/resourceGroups/g/providers/Microsoft.App/containerApps/a"
	for path, want := range map[string]struct {
		typ, id, name, group string
		odd                  bool
	}{
		"/subscriptions":   {"Microsoft.Resources/subscriptions", "/subscriptions", "", "", true},
		"/subscriptions/S": {"Microsoft.Resources/subscriptions", "/subscriptions/S", "S", "", false},
		"/SUBSCRIPTIONS/S/resourcegroups/g": {
			"Microsoft.Resources/subscriptions/resourceGroups", "/subscriptions/S/resourceGroups/g", "g", "g", false},
		"/subscriptions/S/resourcegroups/g/PROVIDERS/Microsoft.App/containerApps/a": {
			"Microsoft.App/containerApps", app, "a", "g", false},
		app + "/stop":        {"Microsoft.App/containerApps/stop", app + "/stop", "a", "g", true},
		app + "/revisions/r": {"Microsoft.App/containerApps/revisions", app + "/revisions/r", "r", "g", false},
		app + "/providers/Microsoft.Authorization/roleAssignments/x": {
			"Microsoft.Authorization/roleAssignments", app + "/providers/Microsoft.Authorization/roleAssignments/x", "x", "g", false},
		"/subscriptions/S/providers/Microsoft.App/register": {
			"Microsoft.App/register", "/subscriptions/S/providers/Microsoft.App/register", "", "", true},
		"/providers/Microsoft.Authorization/roleDefinitions/x": {
			"Microsoft.Authorization/roleDefinitions", "/providers/Microsoft.Authorization/roleDefinitions/x", "x", "", false},
	} {
		p, err := route.Parse(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if p.Type() != want.typ || p.ID() != want.id || p.Name() != want.name || p.Group != want.group || p.Odd != want.odd {
			t.Errorf("%s: type %s, id %s, name %s, group %s, odd %v; want %+v", path, p.Type(), p.ID(), p.Name(), p.Group, p.Odd, want)
		}
	}
	for _, path := range []string{"", "/", "/subscriptions//x", "/other/x", "/" + strings.Repeat("a", 5000)} {
		if p, err := route.Parse(path); err == nil {
			t.Errorf("%q was read as %+v", path, p)
		}
	}
}

// Whatever the path, nothing panics, and an id that was read is read again as itself.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/a", "/providers/x", "//", "suBsCriptions/0/0/0/0", "/subscriptions/s/providers",
		"/subscriptions/s/resourceGroups/providers/providers/providers/providers/providers", "/providers/providers/a/b/providers/c/d/e",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := route.Parse(path)
		if err != nil {
			return
		}
		p.Parent().ID()
		again, err := route.Parse(p.ID())
		if err != nil {
			if p.Namespace == "" && p.Odd && p.Last() == "providers" {
				return // …/providers alone is a collection, not an id
			}
			t.Fatalf("%q gave the id %q, which is refused: %v", path, p.ID(), err)
		}
		if again.ID() != p.ID() || !strings.EqualFold(again.Type(), p.Type()) {
			t.Fatalf("%q gave %q, then %q", path, p.ID(), again.ID())
		}
	})
}
