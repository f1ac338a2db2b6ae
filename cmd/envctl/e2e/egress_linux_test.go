package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const oneWayOut = `name: @NAME@
apps:
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080, public: true}
    egress: ["allowed.test:8080", "*.wild.test:8080", "inside.test:8080"]
  other:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
targets:
  local: {isolation: @LEVEL@, egress: {resolvers: [@ADDRESS@], private: [allowed.test, "*.wild.test"]}}
`

// An app reaches the hosts of its list by the variables that it finds, nothing else,
// and the host outside is witness: what arrives there, names included, is all that
// left the sandbox.
func TestEgressIsTheListAndNothingElse(t *testing.T) { underEach(t, oneWay) }

func oneWay(t *testing.T, level string) {
	o := newOutside(t)
	x := newExperiment(t, strings.ReplaceAll(at(level, oneWayOut), "@ADDRESS@", o.address))
	// Variables of the image are no match for those of the sandbox.
	var others strings.Builder
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		fmt.Fprintf(&others, "ENV %s=http://%s:8080,allowed.test\n", name, o.address)
	}
	x.addToImage(others.String())
	x.must(0, "up")
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if c := x.run("exec", "api", "--", "/app", "env", name); c.stdout != "http://gateway:3128\n" {
			t.Errorf("%s is %q", name, c.stdout)
		}
	}
	fetch := func(app, url string) call { return x.run("exec", app, "--", "/app", "fetch", url) }

	for _, url := range []string{"http://allowed.test:8080/a", "http://deep.down.wild.test:8080/b"} {
		c := fetch("api", url)
		if c.code != 0 || !strings.Contains(c.stdout, "outside has /") {
			t.Errorf("%s: status %d, %s%s", url, c.code, c.stdout, c.stderr)
		}
	}
	if got := o.requests(); len(got) != 2 {
		t.Fatalf("outside was asked for %q", got) // or nothing below could fail
	}
	for url, why := range map[string]string{
		"http://refused.test:8080/":                     "",
		"http://wild.test:8080/":                        "", // the apex is not below itself
		"http://allowed.test:8081/":                     "", // another port
		"http://" + o.address + ":8080/":                "", // no name
		"http://inside.test:8080/":                      "private address",
		"http://secret-in-a-name.allowed.test.x:8080/":  "",
		"http://secret-in-a-name.refused.test:8080/sec": "",
	} {
		c := fetch("api", url)
		if !strings.Contains(c.stdout+c.stderr, "refused") && !strings.Contains(c.stdout+c.stderr, "Forbidden") || !strings.Contains(c.stdout+c.stderr, why) {
			t.Errorf("%s: status %d, %s%s", url, c.code, c.stdout, c.stderr)
		}
	}
	for _, args := range [][]string{
		{"exec", "api", "--", "/app", "dial", o.address + ":8080"},   // without the proxy
		{"exec", "api", "--", "/app", "lookup", "leak.allowed.test"}, // by the resolver
		{"exec", "other", "--", "/app", "fetch", "http://allowed.test:8080/"},
		{"exec", "other", "--", "/app", "dial", o.address + ":53"},
	} {
		if c := x.run(args...); c.code == 0 {
			t.Errorf("%q succeeds: %s", args, c.stdout)
		}
	}
	if got := o.requests(); len(got) != 2 {
		t.Errorf("outside was asked for %q", got)
	}
	// The gateway's own question for an app that does not run yet says nothing that an
	// app could choose.
	names := slices.DeleteFunc(o.names(), func(name string) bool { return strings.HasSuffix(name, "--replicas") })
	if want := []string{"allowed.test", "deep.down.wild.test", "inside.test"}; !slices.Equal(names, want) {
		t.Errorf("the names %q left the sandbox, expected %q", names, want)
	}
	x.must(0, "down")
	x.gone()
}

// addToImage adds lines to the Dockerfile of the app.
func (x *experiment) addToImage(lines string) {
	x.t.Helper()
	file := filepath.Join(x.dir, "app", "Dockerfile")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(text, lines...), 0o644)
	}
	if err != nil {
		x.t.Fatal(err)
	}
}
