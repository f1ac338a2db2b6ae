package rp

import (
	"slices"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// An app finds the accounts that its variables name, and no other.
func TestHostsAreThoseOfTheVariables(t *testing.T) {
	t.Parallel()
	st := store.NewState()
	for _, name := range []string{"one", "two", "three"} {
		st.Put(&store.Resource{ID: "/a/" + name, Type: accounts, Name: name, Body: Object{"properties": Object{"customSubDomainName": name}}})
	}
	of := func(values ...string) []string {
		var c run.Container
		for _, v := range values {
			c.Env = append(c.Env, run.KV{Name: "V", Value: v})
		}
		return hosts(st, []run.Container{c, c})
	}
	for _, c := range []struct{ values, want []string }{
		{nil, nil},
		{[]string{"one", "https://example.com/"}, nil},
		{[]string{"https://TWO.cognitiveservices.azure.com/", "https://one.cognitiveservices.azure.com/openai/v1/"},
			[]string{"one.cognitiveservices.azure.com", "two.cognitiveservices.azure.com"}},
		{[]string{"https://alone.cognitiveservices.azure.com/"}, nil},
	} {
		if got := of(c.values...); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, expected %q", c.values, got, c.want)
		}
	}
}
