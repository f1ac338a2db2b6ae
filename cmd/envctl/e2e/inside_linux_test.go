package e2e

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/docker/debiantest"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// clients is an image of programs that nobody here wrote: curl, websockets and
// azure-identity for Python out of Debian, and for JavaScript the clients of OpenAI
// and of Azure's identities.
var clients = debiantest.Recipe{
	Tag: "envctl-test/clients:1",
	Packages: []string{
		"ca-certificates", "curl", "nodejs", "python3", "python3-cffi-backend", "python3-msal", "python3-msal-extensions",
		"python3-requests", "python3-six", "python3-typing-extensions", "python3-websockets",
	},
	Parts: map[string][]string{"python3-azure": { // half a gigabyte otherwise
		"./usr/lib/python3/dist-packages/azure/__init__.py", "./usr/lib/python3/dist-packages/azure/core/*",
		"./usr/lib/python3/dist-packages/azure/identity/*",
	}},
	NPM: []string{"@azure/identity@4.5.0", "openai@4.104.0", "ws@8.18.3"}, // for Node 18
}

var (
	//go:embed testdata/inside/curl.sh
	curlSource string
	//go:embed testdata/inside/peer.py
	peerSource string
	//go:embed testdata/inside/client.py
	pythonSource string
	//go:embed testdata/inside/client.mjs
	nodeSource string
)

const withClients = `name: @NAME@
models:
  chat: {model: gpt-4o-mini}
apps:
  api:
    build: {context: app}
    args: [serve]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8080}
  peer:
    image: @IMAGE@
    command: [python3, -c]
    args: [@PEER@]
    cpu: 0.25
    memory: 0.5Gi
    ingress: {port: 8000}
  clients:
    image: @IMAGE@
    command: [sleep, infinity]
    cpu: 1
    memory: 2Gi
    scratch: 64Mi
    models: [chat]
    egress: ["allowed.test:8080", "allowed.test:8443"]
targets:
  local: {isolation: @LEVEL@, models: {provider: echo}, egress: {resolvers: [@ADDRESS@], private: [allowed.test]}}
`

// Programs that nobody here wrote run inside a sandbox, with nothing but the variables
// that they find there, and what they need of it works: ingress between apps, the way
// out, tokens and models.
func TestClientsInside(t *testing.T) { underEach(t, clientsInside) }

func clientsInside(t *testing.T, level string) {
	debiantest.Image(t, dockertest.Engine(t), clients)
	o := newOutside(t)
	peer, err := json.Marshal(peerSource)
	if err != nil {
		t.Fatal(err)
	}
	x := newExperiment(t, strings.NewReplacer("@ADDRESS@", o.address, "@IMAGE@", clients.Tag, "@PEER@", string(peer)).Replace(at(level, withClients)))
	x.must(0, "up")

	curlInside(t, x, o)
	inside(t, x, []string{"python3", "-c", pythonSource}, []string{
		"websocket: chat 4001 so long", "identity: ManagedIdentityCredential True", "identity: DefaultAzureCredential True",
		"vault: True", "stream: python asks",
	})
	inside(t, x, []string{"node", "--input-type=module", "-e", nodeSource}, []string{
		"websocket: chat 4001 so long", "identity: true", "vault: true",
		"azure chat: azure asks this true", "azure stream: azure asks this", "azure other: 404 true",
		"openai chat: openai asks this true", "openai stream: openai asks this", "openai other: 404 true",
	})
	// Go's own client of HTTP/2.
	if c := x.run("exec", "api", "--", "/app", "fetch2", "http://api/size"); c.code != 0 || c.stdout != "HTTP/2.0 1048576\n" {
		t.Errorf("fetch2: %+v", c)
	}
	x.must(0, "down")
	x.gone()
}

// inside runs a program in the app of the clients and compares what it says.
func inside(t *testing.T, x *experiment, program, want []string) {
	t.Helper()
	c := x.run(append([]string{"exec", "clients", "--"}, program...)...)
	if got := strings.Split(strings.TrimSpace(c.stdout), "\n"); c.code != 0 || !slices.Equal(got, want) {
		t.Errorf("%s: exit status %d, it said\n%s\nexpected\n%s\nand on stderr\n%s", program[0], c.code, c.stdout, strings.Join(want, "\n"), c.stderr)
	}
}

func curlInside(t *testing.T, x *experiment, o *outside) {
	t.Helper()
	c := x.run("exec", "clients", "--", "sh", "-c", curlSource)
	want := []string{
		"http1: 200 1.1 exit 0", "upgrade: 200 1.1 exit 0", "http2: 200 2 exit 0",
		"sent1: 3000000 200 1.1 exit 0", "sent2: 3000000 200 2 exit 0", "expect: 3000000 200 1.1 exit 0",
		"nobody: 403 1.1 exit 0", // by the proxy
		"plain: outside has /plain for you 200 1.1 exit 0", "tunnel: outside has /tunnel for you 200 1.1 exit 0",
		"tls: outside has /tls for you 200 1.1 exit 0",
		"refused: curl: (56) CONNECT tunnel failed, response 403", "around: curl: (6) Could not resolve host: allowed.test",
	}
	for _, version := range []string{"http1.1", "http2"} {
		want = append(want, version+` streamed: "content":"curl" "content":" asks" "content":" this" data: [DONE]`,
			version+` whole: "content":"curl asks this"`, version+" key: 403 exit 0")
	}
	for _, line := range want {
		if !strings.Contains(c.stdout, line+"\n") {
			t.Errorf("curl does not say %q", line)
		}
	}
	has(t, c.stdout, `vault: {"error":"invalid_resource"`, `stranger: {"error":"Forbidden"`)
	if got := o.requests(); len(got) != 3 {
		t.Errorf("outside was asked for %q", got)
	}
	if t.Failed() {
		t.Logf("exit status %d, curl said\n%s\n%s", c.code, c.stdout, c.stderr)
	}
}
