package mcpserver_test

import (
	"strings"
	"testing"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
)

// What a client sends is not sent back at its own length.
func TestNamesOfClientsAreCut(t *testing.T) {
	t.Parallel()
	r := newBare(t, nil)
	long := strings.Repeat("x\x1b[31m", 100_000)
	if out, _ := r.call("destroy", object{"box": long}); strings.Contains(out.text("box"), "\x1b") {
		t.Errorf("%.300v", out)
	}
	for tool, args := range map[string]object{
		"exec": {"box": long, "command": []string{"x"}}, "create": {"image": long}, "read_file": {"box": "b-a", "path": long},
	} {
		if text := r.fails(tool, args); len(text) > mcpserver.Answer || strings.Contains(text, "\x1b") {
			t.Errorf("%s: %d bytes, %.100q", tool, len(text), text)
		}
	}
}
