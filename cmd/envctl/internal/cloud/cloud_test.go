package cloud

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/components/azure/steward"
)

// No variable of the user may lead a simulated command to Azure.
func TestOverlayHidesCredentials(t *testing.T) {
	t.Parallel()
	user := map[string]string{
		"ARM_CLIENT_SECRET": "mine", "ARM_USE_OIDC": "true", "AZURE_CLIENT_ID": "mine", "ENVCTL_AZURE_AUTHORITY": "https://mine",
		"ACTIONS_ID_TOKEN_REQUEST_URL": "https://mine", "SYSTEM_OIDCREQUESTURI": "https://mine", "IDENTITY_ENDPOINT": "http://mine",
		"MSI_ENDPOINT": "http://mine", "HOME": "/home/me", "DOCKER_HOST": "unix:///d",
	}
	env := overlay(func(name string) string { return user[name] }, map[string]string{"ARM_CLIENT_SECRET": "sim", "ENVCTL_AZURE_SIMULATED": "1"})
	for name, want := range map[string]string{
		"ARM_CLIENT_SECRET": "sim", "ENVCTL_AZURE_SIMULATED": "1", "HOME": "/home/me", "DOCKER_HOST": "unix:///d",
		"ARM_USE_OIDC": "", "AZURE_CLIENT_ID": "", "ENVCTL_AZURE_AUTHORITY": "", "ACTIONS_ID_TOKEN_REQUEST_URL": "",
		"SYSTEM_OIDCREQUESTURI": "", "IDENTITY_ENDPOINT": "", "MSI_ENDPOINT": "",
	} {
		if got := env(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// The steward can be copied by its digest until the connection is closed.
func TestStewardIsServed(t *testing.T) {
	t.Parallel()
	c := &Cloud{}
	preview, err := c.steward(t.Context(), false)
	if err != nil || len(c.closers) != 0 {
		t.Fatalf("%+v, %v, serving: %v", preview, err, len(c.closers) > 0)
	}
	source, err := c.steward(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	want, err := steward.Digest(steward.Arch)
	if err != nil || source.Digest != want || preview.Digest != want || !strings.HasSuffix(source.Source, "@"+want) {
		t.Errorf("%+v, want %s, %v", source, want, err)
	}
	ref, err := name.NewDigest(source.Source, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := remote.Get(ref, remote.WithContext(t.Context())); err != nil || found.Digest.String() != want {
		t.Errorf("%+v, %v", found, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(ref, remote.WithContext(t.Context())); err == nil {
		t.Error("it is served after the end")
	}
}

func TestWho(t *testing.T) {
	t.Parallel()
	if got := who(func(name string) string { return map[string]string{"GITHUB_ACTOR": "octocat"}[name] }); got != "octocat (github)" {
		t.Errorf("%q", got)
	}
	if got := who(func(string) string { return "" }); got == "" || strings.HasPrefix(got, "@") {
		t.Errorf("%q", got)
	}
}
