package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func TestSurvive(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	wrapped := survive(slog.New(slog.NewTextHandler(&log, nil)))
	result, err := wrapped(func(context.Context, string, mcp.Request) (mcp.Result, error) { panic("index out of range") })(t.Context(), "tools/call", nil)
	if result != nil || err == nil || !strings.Contains(err.Error(), "tools/call met a fault") {
		t.Errorf("%v, %v", result, err)
	}
	if text := log.String(); !strings.Contains(text, "index out of range") || !strings.Contains(text, "panic_internal_test.go") {
		t.Errorf("the log is %q", text)
	}
	broken := errors.New("no such box")
	if _, err := wrapped(func(context.Context, string, mcp.Request) (mcp.Result, error) { return nil, broken })(t.Context(), "tools/call", nil); !errors.Is(err, broken) {
		t.Errorf("an error became %v", err)
	}
}
