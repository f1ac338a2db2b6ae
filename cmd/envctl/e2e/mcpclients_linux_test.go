package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/docker/debiantest"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// without takes a part out of a program, from a text up to another.
func without(t *testing.T, source, from, to string) string {
	t.Helper()
	before, rest, begins := strings.Cut(source, from)
	_, after, ends := strings.Cut(rest, to)
	if !begins || !ends {
		t.Fatalf("there is no part from %q to %q", from, to)
	}
	return before + to + after
}

// The clients that call models in a sandbox call them in a box as well, with nothing
// but what they find there.
func TestMCPClientsInside(t *testing.T) { underEach(t, mcpClientsInside) }

func mcpClientsInside(t *testing.T, level string) {
	debiantest.Image(t, dockertest.Engine(t), clients)
	a := newCaller(t)
	a.image = clients.Tag
	_, session := a.stdio("--isolation", level)
	defer session.Close()
	id, _ := a.call(session, "create", map[string]any{"image": a.image, "models": []string{"chat"}, "memory_mb": 1024})["box"].(string)
	for _, tt := range []struct {
		program []string
		want    []string
	}{
		{[]string{"python3", "-c", without(t, pythonSource, "asyncio.run(talk())", "SCOPE =")}, []string{
			"identity: ManagedIdentityCredential True", "identity: DefaultAzureCredential True", "vault: True", "stream: python asks",
		}},
		{[]string{"node", "--input-type=module", "-e", without(t, nodeSource, "const socket", "const scope")}, []string{
			"identity: true", "vault: true",
			"azure chat: azure asks this true", "azure stream: azure asks this", "azure other: 404 true",
			"openai chat: openai asks this true", "openai stream: openai asks this", "openai other: 404 true",
		}},
		{[]string{"sh", "-c", `token=$(curl -sS -H "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?api-version=2019-08-01&resource=https://cognitiveservices.azure.com" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sS -o /dev/null -w '%{http_code} %{http_version}\n' -H "Authorization: Bearer $token" --capath /run/envctl/trust "${OPENAI_BASE_URL}models"
curl -sS -o /dev/null -w '%{http_code}\n' --capath /run/envctl/trust "${OPENAI_BASE_URL}models"`}, []string{"200 2", "401"}},
	} {
		out := a.call(session, "exec", map[string]any{"box": id, "command": tt.program})
		stdout, _ := out["stdout"].(map[string]any)
		text, _ := stdout["text"].(string)
		if got := strings.Split(strings.TrimSpace(text), "\n"); !slices.Equal(got, tt.want) {
			t.Errorf("%s said\n%s\nexpected\n%s\nand all of it is %v", tt.program[0], text, strings.Join(tt.want, "\n"), out)
		}
	}
}
