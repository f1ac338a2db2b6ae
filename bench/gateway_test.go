package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The rows of the gateway are measured with the program as it is built.
func TestGatewayIsTimed(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "gateway"), "../local/gateway/cmd/gateway")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r := &report{}
	if err := r.timeGateway(t.Context(), options{bin: bin, rounds: 3}); err != nil {
		t.Fatal(err)
	}
	text := &table{}
	r.gateway(text)
	t.Log("\n" + text.text.String())
	for _, want := range []string{"| gateway latency: ", "| gateway throughput: ", "| gateway resident: "} {
		if !strings.Contains(text.text.String(), want) {
			t.Errorf("no row %q", want)
		}
	}
}

func TestGatewayIsJudged(t *testing.T) {
	t.Parallel()
	r := &report{Singles: []*single{
		{Name: "direct request", Summary: summary{Median: 0.001}}, {Name: "gateway request", Summary: summary{Median: 0.0025}},
		{Name: "direct transfer", Summary: summary{Median: 1}}, {Name: "gateway transfer", Summary: summary{Median: 2}},
		{Name: "gateway at rest", Summary: summary{RSS: 16e6}},
	}}
	text := &table{}
	r.gateway(text)
	if len(text.missed) != 3 || !strings.Contains(text.text.String(), "| 0.50 ✗ | ≥ 0.6 |") {
		t.Errorf("missed %q, expected all three:\n%s", text.missed, text.text.String())
	}
}
