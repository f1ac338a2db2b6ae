package values_test

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"github.com/envctl/envctl/components/values"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]property.Value{
		"null": property.New(property.Null), "not known yet": property.New(property.Computed), "a string": property.New("s"),
		"a boolean": property.New(true), "the number 1.5": property.New(1.5), "a number": property.New(7.0).WithSecret(true),
		"a list": property.New([]property.Value{}), "an object": property.New(map[string]property.Value{}),
	} {
		if got := values.KindOf(v); got != want {
			t.Errorf("%v is %q, expected %q", v, got, want)
		}
	}
}

// A secret is found at any depth, under a secret whole, and as the part that the caller
// names; what is no secret, or is too short to tell, stays.
func TestRedact(t *testing.T) {
	t.Parallel()
	in := property.NewMap(map[string]property.Value{
		"plain": property.New("plain"),
		"deep":  property.New([]property.Value{property.New(map[string]property.Value{"k": property.New("hidden-1").WithSecret(true)})}),
		"whole": property.New([]property.Value{property.New("hidden-2")}).WithSecret(true),
		"env":   property.New("NAME=hidden-3").WithSecret(true),
		"short": property.New("abc").WithSecret(true),
	})
	const text = "plain hidden-1 hidden-2 NAME=hidden-3 abc"
	if got := values.Redact(text, in, nil); got != "plain [secret] [secret] [secret] abc" {
		t.Errorf("%q", got)
	}
	after := func(s string) string { return s[strings.IndexByte(s, '=')+1:] }
	if got := values.Redact(text, in, after); got != "plain [secret] [secret] NAME=[secret] abc" {
		t.Errorf("%q", got)
	}
}
