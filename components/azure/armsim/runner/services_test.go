package runner

import (
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/sandbox"
)

func TestServicesAreWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	for want, list := range map[string][]docker.Container{
		"":               {{Labels: map[string]string{LabelKind: kindApp}}, {Labels: map[string]string{LabelKind: kindGateway, labelServices: servicesModels}}},
		servicesIdentity: {{Labels: map[string]string{LabelKind: kindJob, labelServices: servicesIdentity}}},
		servicesModels: {
			{Labels: map[string]string{LabelKind: kindApp, labelServices: servicesModels}},
			{Labels: map[string]string{LabelKind: kindApp, labelServices: servicesIdentity}},
		},
	} {
		got := asked(list)
		if got != want {
			t.Errorf("%v: %q, expected %q", list, got, want)
		}
		var config protocol.Config
		serve(&config, got)
		if services(config) != want || config.Empty() != (want == "") {
			t.Errorf("%q is configured as %+v", want, config)
		}
		if _, err := config.Encode(); err != nil {
			t.Error(err)
		}
	}
}

// What an app is given makes it find the gateway, trust it where it has models, and
// keeps what the app says itself.
func TestWhatAnAppIsGiven(t *testing.T) {
	t.Parallel()
	p := place{key: "k", address: netip.MustParseAddr("198.19.0.126")}
	spec := run.Spec{Platform: http.NotFoundHandler(), IdentityHeader: "h"}
	if got := given(run.Spec{IdentityHeader: "h"}, run.Container{}); len(got) != 0 {
		t.Errorf("without a platform: %v", got)
	}
	got := given(spec, run.Container{})
	if len(got) != 2 || got["IDENTITY_ENDPOINT"] != "http://gateway:4141/msi/token" || got["IDENTITY_HEADER"] != "h" {
		t.Errorf("with an identity: %v", got)
	}
	profile := sandbox.New(sandbox.App, plan.Workload{}, "n")
	reach(&profile, p, spec)
	if !slices.Equal(profile.Hosts, []string{"gateway:198.19.0.126"}) || len(profile.Volumes) != 0 {
		t.Errorf("with an identity: %v %v", profile.Hosts, profile.Volumes)
	}
	spec.Hosts = []string{"a." + run.AccountDomain}
	got = given(spec, run.Container{Env: []run.KV{{Name: "SSL_CERT_DIR", Value: "/mine"}}})
	if _, over := got["SSL_CERT_DIR"]; over || got["NODE_EXTRA_CA_CERTS"] == "" {
		t.Errorf("with models and folders of its own: %v", got)
	}
	profile = sandbox.New(sandbox.App, plan.Workload{}, "n")
	reach(&profile, p, spec)
	if !slices.Equal(profile.Hosts, []string{"a." + run.AccountDomain + ":198.19.0.126", "gateway:198.19.0.126"}) ||
		len(profile.Volumes) != 1 || !profile.Volumes[0].ReadOnly || profile.Volumes[0].Name != p.trust() {
		t.Errorf("with models: %v %v", profile.Hosts, profile.Volumes)
	}
}

// Every process of a simulator has the same key for an environment, and each
// environment another.
func TestKeysOfGateways(t *testing.T) {
	t.Parallel()
	one, two, other := &Runner{dir: t.TempDir()}, &Runner{}, &Runner{dir: t.TempDir()}
	two.dir = one.dir
	key := func(r *Runner, environment string) string {
		t.Helper()
		got, err := r.key(environment)
		if err != nil || len(got) < protocol.MinKey {
			t.Fatalf("%q, %v", got, err)
		}
		return got
	}
	if a := key(one, "/a"); a != key(two, "/a") || a == key(one, "/b") || a == key(other, "/a") {
		t.Error("the keys do not differ where they should, or do where they should not")
	}
	info, err := os.Stat(filepath.Join(one.dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read the key", info, err)
	}
	if err := os.WriteFile(filepath.Join(one.dir, keyFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := one.key("/a"); err == nil {
		t.Error("a key that was cut is used")
	}
}
