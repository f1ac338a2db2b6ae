package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/components/plan"
)

// What differs is told by the definition's names, without what only the local engine
// knows of an image.
func TestDifferencesInWords(t *testing.T) {
	t.Parallel()
	got := inWords([]plan.Change{
		{Op: plan.Changed, Props: []plan.Property{
			{Path: "azure.location", New: "swedencentral"}, {Path: "budget.amount", Old: 5, New: 6}, {Path: "target", Old: "local", New: "azure"},
		}},
		{Op: plan.Changed, Kind: plan.App, Workload: "api", Props: []plan.Property{
			{Path: "image.build.source", Old: "sha256:1"}, {Path: "image.digest", New: "sha256:2"}, {Path: "image.keep", New: true},
			{Path: "image.ref", Old: "sha256:3", New: "exp/api@sha256:2"}, {Path: "image.repository", Old: "exp/api"}, {Path: "image.tag", Old: "envctl/exp/api:1"},
		}},
	})
	want := []string{
		"targets.azure.location: none → swedencentral", "budget.amount: 5 → 6", "target: local → azure",
		"app api image: sha256:3 → exp/api@sha256:2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
