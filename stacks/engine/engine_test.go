package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

var ref = stacks.Ref{Experiment: "empty", Instance: "default", Target: "local"}

func newEngine(t testing.TB, dir string, change ...func(*engine.Config)) *engine.Engine {
	t.Helper()
	state := filepath.Join(dir, "pulumi")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := engine.Config{
		BackendURL: "file://" + state,
		Passphrase: func(context.Context) (string, error) { return "test", nil },
		SaltFile:   filepath.Join(dir, "key.salt"),
		WorkDir:    dir,
		Parallel:   8,
	}
	for _, f := range change {
		f(&cfg)
	}
	return engine.New(cfg)
}

func TestLifecycleOfAnEmptyProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := newEngine(t, dir)
	program := func(ctx *pulumi.Context) error {
		ctx.Export("answer", pulumi.Int(42))
		ctx.Export("hidden", pulumi.ToSecret(pulumi.String("s3cret")))
		return nil
	}
	ctx := t.Context()
	if _, _, err := e.Preview(ctx, ref, program, stacks.Options{}); err != nil {
		t.Fatalf("preview of a new stack: %v", err)
	}
	if got, err := e.List(ctx); err != nil || len(got) != 0 {
		t.Fatalf("a preview left %v, %v", got, err)
	}
	for _, name := range []string{"up", "unchanged up"} {
		start := time.Now()
		if _, _, err := e.Up(ctx, ref, program, stacks.Options{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, time.Since(start))
	}
	out, ok, err := e.Outputs(ctx, ref)
	if err != nil || !ok || out["answer"] != 42.0 || out["hidden"] != "[secret]" {
		t.Fatalf("outputs = %v, %v, %v", out, ok, err)
	}
	start := time.Now()
	if _, err := e.Destroy(ctx, ref, stacks.Options{}); err != nil {
		t.Fatalf("destroy: %v", err)
	}
	t.Logf("destroy: %v", time.Since(start))
	if got, err := e.List(ctx); err != nil || len(got) != 0 {
		t.Fatalf("destroy left %v, %v", got, err)
	}
	if _, err := e.Destroy(ctx, ref, stacks.Options{}); err != nil {
		t.Fatalf("destroy of nothing: %v", err)
	}
}
