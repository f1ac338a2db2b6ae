package mcpserver_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
)

// TestDocumentation holds that the table of docs/agents.md has the tools as they
// are: the first sentence of each.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "agents.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| tool | does | read-only |\n| --- | --- | --- |\n")
	for _, tool := range mcpserver.Tools() {
		first, _, _ := strings.Cut(tool.Description, ". ")
		reads := map[bool]string{true: "yes", false: "no"}[tool.ReadOnly]
		fmt.Fprintf(&want, "| `%s` | %s. | %s |\n", tool.Name, strings.TrimSuffix(first, "."), reads)
	}
	_, rest, _ := strings.Cut(string(page), "<!-- tools:begin -->\n")
	got, _, _ := strings.Cut(rest, "<!-- tools:end -->")
	if got != want.String() {
		t.Errorf("docs/agents.md has between its marks\n%s\nexpected\n%s", got, want.String())
	}
}
