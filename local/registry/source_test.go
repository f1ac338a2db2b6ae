package registry_test

import (
	"testing"

	"github.com/envctl/envctl/local/registry"
)

func TestSources(t *testing.T) {
	t.Parallel()
	s := open(t)
	const source = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	of := registry.Sources{Store: s}
	if _, ok, err := of.Complete("x/app", "0123456789abcdef"); ok || err != nil {
		t.Errorf("before: %v, %v", ok, err)
	}
	first, usual := newImage(t, "first", nil), newImage(t, "usual", nil)
	first.put(t, s, "x/app", registry.TagOf("a", source))
	newImage(t, "other", nil).put(t, s, "x/app", registry.TagOf("a", "sha256:ffff"))
	if d, ok, err := of.Complete("x/app", "0123456789abcdef"); d != first.digest || !ok || err != nil {
		t.Errorf("of another instance: %s, %v, %v", d, ok, err)
	}
	usual.put(t, s, "x/app", registry.TagOf("default", source))
	if d, ok, err := of.Complete("x/app", "0123456789abcdef"); d != usual.digest || !ok || err != nil {
		t.Errorf("of the usual instance: %s, %v, %v", d, ok, err)
	}
	if d, ok, err := of.Complete("x/app", registry.TagOf("a", source)); d != first.digest || !ok || err != nil {
		t.Errorf("of one instance: %s, %v, %v", d, ok, err)
	}
}
