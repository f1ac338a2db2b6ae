package armsim_test

import (
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/components/azure/armsim"
)

// push puts an image into a simulated registry through the token exchange, and
// returns its reference by digest.
func (c *client) push(host, repository string) string {
	c.t.Helper()
	image, err := random.Image(512, 2)
	if err != nil {
		c.t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/" + repository + ":v1")
	if err != nil {
		c.t.Fatal(err)
	}
	if err := remote.Write(ref, image, c.registryOptions(host)...); err != nil {
		c.t.Fatalf("push: %v", err)
	}
	return host + "/" + repository + "@" + digest(c.t, image)
}

func digest(t *testing.T, image v1.Image) string {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func (c *client) registryOptions(host string) []remote.Option {
	c.t.Helper()
	return []remote.Option{
		remote.WithTransport(c.http.Transport), remote.WithContext(c.t.Context()),
		remote.WithAuth(&authn.Basic{Username: "00000000-0000-0000-0000-000000000000", Password: c.refreshToken(host)}),
	}
}

// A whole experiment, made as envctl makes it, with Microsoft's pollers. A delay of
// zero costs no waiting.
func TestWholeExperiment(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Seed: 1})
	began := time.Now()
	host, principal := c.ground()
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	image := c.push(host, "exp/web")
	app := c.put(appPath, appBody(image, host))
	if got := text(app, "properties", "provisioningState"); got != "Succeeded" {
		t.Errorf("the app is %s", got)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("with a delay of zero it took %v", took)
	}
	if _, ok := app["properties"].(object)["configuration"].(object)["secrets"].([]any)[0].(object)["value"]; ok {
		t.Error("the value of a secret was answered")
	}
	if got := text(c.post(appPath+"/listSecrets", nil)["value"].([]any)[0], "value"); got != "s3cret" {
		t.Errorf("listSecrets answers %q", got)
	}
	c.delete(group)
	left, err := c.sim.Leftovers()
	if err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	if n := c.sim.Requests(); n.Writes == 0 || n.ByType["put Microsoft.App/containerApps"] != 1 || n.Logins == 0 {
		t.Errorf("counted %+v", n)
	}
}
