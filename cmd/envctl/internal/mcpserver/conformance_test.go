//go:build conformance

package mcpserver_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
)

// TestConformance runs the protocol's own suite against what `envctl mcp --http`
// serves, and against a server of the suite's fixtures behind the same front. The
// suite has no token, so each request is given it on the way; what it says of Host
// and Origin reaches the front as it is.
func TestConformance(t *testing.T) {
	suite := os.Getenv("ENVCTL_MCP_CONFORMANCE")
	if suite == "" {
		t.Fatal("ENVCTL_MCP_CONFORMANCE does not name the suite: make test-mcp installs it")
	}
	for name, server := range map[string]*mcp.Server{"envctl": newBare(t, nil).server, "fixtures": fixtures()} {
		t.Run(name, func(t *testing.T) {
			front := mcpserver.Handler(server, token)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Set("Authorization", "Bearer "+token)
				front.ServeHTTP(w, r)
			}))
			defer s.Close()
			failures, err := filepath.Abs(filepath.Join("testdata", "conformance", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "node", suite, "server", "--url", s.URL+mcpserver.Path,
				"--expected-failures", failures, "--output-dir", t.TempDir())
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("the suite: %v", err)
			}
		})
	}
}
