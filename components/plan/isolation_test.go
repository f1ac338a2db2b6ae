package plan_test

import (
	"testing"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// What separates workloads from the machine is of local plans alone, and auto is as
// good as nothing, so that a plan stays what it was.
func TestIsolationIsOfLocalPlans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ setting, target, want string }{
		{"", "local", ""}, {"auto", "local", ""}, {"container", "local", "container"},
		{"gvisor", "local", "gvisor"}, {"vm", "local", "vm"}, {"gvisor", plan.Azure, ""},
	} {
		def := &definition.Definition{Name: "a", Kind: definition.KindExperiment}
		def.Targets.Local = &definition.Local{Isolation: c.setting}
		p, err := plan.New(def, plan.Options{Instance: "default", Target: c.target})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Spec().Isolation; got != c.want {
			t.Errorf("%q on %s gives %q, want %q", c.setting, c.target, got, c.want)
		}
	}
}
