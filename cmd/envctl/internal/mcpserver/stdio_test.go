package mcpserver_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
)

// What is no message is answered and left out; the session goes on.
func TestGarbageOnStdin(t *testing.T) {
	t.Parallel()
	r := newBare(t, nil)
	in, type_ := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- r.server.Run(t.Context(), mcpserver.Stdio(in, out, slog.New(slog.DiscardHandler)))
		_ = out.Close()
	}()
	lines := bufio.NewReader(answers)
	say := func(line string) {
		t.Helper()
		if _, err := io.WriteString(type_, line); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(want ...string) {
		t.Helper()
		line, err := lines.ReadString('\n')
		for _, w := range want {
			if err != nil || !strings.Contains(line, w) || !json.Valid([]byte(line)) {
				t.Fatalf("%q, %v, want %q", line, err, w)
			}
		}
	}
	const refused = `"code":-32700`
	say("garbage \x1b[31m\n")
	hear(refused, `"id":null`)
	say(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}` + "\r\n\n")
	hear(`"id":1`, `"result"`)
	say(`{"jsonrpc":"2.0","method":"notifications/initialized"}` + "\n")
	for _, line := range []string{`{"id":3}`, `[1,2]`, `[]`, `42`, `{"jsonrpc":"2.0","id":1`, `{} {}`, strings.Repeat("x", 100_000)} {
		say(line + "\n")
		hear(refused)
	}
	go func() {
		_, _ = io.WriteString(type_, `{"jsonrpc":"2.0","id":9,"method":"`+strings.Repeat("x", 17<<20)+"\"}\n")
	}()
	hear(refused, "longer than")
	say(`[{"jsonrpc":"2.0","id":10,"method":"ping"}]` + "\n")
	hear(refused, "batch")
	say(`{"jsonrpc":"2.0","id":5,"method":"tools/list"}` + "\n")
	hear(`"id":5`, `"fetch_results"`)
	_ = type_.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the end of stdin: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the end of stdin is not the end of the session")
	}
}

// Whatever comes, what the session reads are messages, and as many lines are
// answered as are none.
func FuzzStdio(f *testing.F) {
	f.Add([]byte("x\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\"}\n"))
	f.Add([]byte("[{\"jsonrpc\":\"2.0\",\"method\":\"a\"}]\r\n\r\n{"))
	f.Fuzz(func(t *testing.T, typed []byte) {
		var said bytes.Buffer
		conn := mcpserver.Stdio(bytes.NewReader(typed), &said, slog.New(slog.DiscardHandler)).(*mcp.IOTransport)
		read, err := io.ReadAll(conn.Reader)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(read) {
			if _, err := jsonrpc.DecodeMessage(line); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
		lines := 0
		for line := range bytes.Lines(typed) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if got := bytes.Count(read, []byte("\n")) + bytes.Count(said.Bytes(), []byte("\n")); got != lines {
			t.Errorf("%d lines, of which %d are passed on or answered", lines, got)
		}
	})
}
