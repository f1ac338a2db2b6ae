package keytrees_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim/keytrees"
)

// The misspellings of the design's proof: each is found, at its path.
func TestCheckFindsWhatTheSpecificationLacks(t *testing.T) {
	t.Parallel()
	trees := keytrees.Load()
	for _, tt := range []struct{ name, tree, body, want string }{
		{"fits", "containerApps", `{"location":"x","properties":{"template":{"containers":[{"name":"a","resources":{"cpu":0.5}}],"scale":{"minReplicas":0}}}}`, ""},
		{"unknown", "containerApps", `{"location":"x","properties":{"template":{"containers":[{"imge":"a"}]}}}`, "properties.template.containers[0].imge is not a member"},
		{"case", "containerApps", `{"location":"x","properties":{"EnvironmentId":"a"}}`, `properties.EnvironmentId is written "environmentId"`},
		{"required", "containerApps", `{}`, "location is required"},
		{"enum", "registries", `{"location":"x","sku":{"name":"Cheap"}}`, `sku.name is "Cheap", but must be one of Basic`},
		{"enum's case is free", "registries", `{"location":"x","sku":{"name":"basic"}}`, ""},
		{"kind", "containerApps", `{"location":"x","properties":{"template":{"scale":{"minReplicas":"1"}}}}`, `is the string "1", but must be a number`},
		{"whole", "containerApps", `{"location":"x","properties":{"template":{"scale":{"minReplicas":1.5}}}}`, "must be a whole number"},
		{"array", "containerApps", `{"location":"x","properties":{"template":{"containers":{}}}}`, "must be an array"},
		{"identity's map", "containerApps", `{"location":"x","identity":{"type":"UserAssigned","userAssignedIdentities":["/a"]}}`, "identity.userAssignedIdentities is an array, but must be an object"},
		{"flat properties", "roleAssignments", `{"properties":{"principalId":"a"}}`, "properties.roleDefinitionId is required"},
		{"budget", "budgets", `{"properties":{"amount":1,"category":"Cost","timeGrain":"Monthly","timePeriod":{}}}`, "properties.timePeriod.startDate is required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var body any
			if err := json.Unmarshal([]byte(tt.body), &body); err != nil {
				t.Fatal(err)
			}
			problems, err := trees.Check(tt.tree, body)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems {
				got = append(got, p.Path+" "+p.Text)
			}
			if text := strings.Join(got, "\n"); (tt.want == "") != (text == "") || !strings.Contains(text, tt.want) {
				t.Errorf("got %q, want %q", text, tt.want)
			}
		})
	}
}

func TestEveryTreeLoads(t *testing.T) {
	t.Parallel()
	trees := keytrees.Load()
	if len(keytrees.Names()) < 20 {
		t.Fatalf("only the trees %v", keytrees.Names())
	}
	for _, name := range keytrees.Names() {
		if _, err := trees.Check(name, map[string]any{}); err != nil {
			t.Error(err)
		}
	}
	if _, err := trees.Check("nothing", nil); err == nil {
		t.Error("a tree that is not there was found")
	}
}
