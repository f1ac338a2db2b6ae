package oneshot

import (
	"strings"
	"testing"
)

// Whoever has a way out cannot replace what names it.
func TestVariablesOfTheProxyAreTaken(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		spec := Spec{Image: "x", Egress: []string{"example.com"}, Env: map[string]string{name: "http://evil.test:1"}}
		if err := spec.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("--env %s: %v", name, err)
		}
		spec.Env, spec.Pass = nil, spec.Env
		if err := spec.Check(); err == nil {
			t.Errorf("--env %s of the caller was taken", name)
		}
		spec.Egress = nil // then it leads nowhere
		if err := spec.Check(); err != nil {
			t.Errorf("--env %s without a way out: %v", name, err)
		}
	}
}
