// Command emptyup times envctl's own engine on a program without resources, as
// bench/stock's stockbench times the stock Automation API: the same steps, in one
// process each, with the same JSON on stdout. Every step makes a new engine, as a
// command of envctl does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// times is the output, in seconds.
type times struct {
	Up        float64 `json:"up"`
	Unchanged float64 `json:"unchanged"`
	Down      float64 `json:"down"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t, err := measure(ctx)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "emptyup:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context) (t times, err error) {
	dir, err := os.MkdirTemp("", "envctl-emptyup-")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		return t, err
	}
	ref := stacks.Ref{Experiment: "empty", Instance: "default", Target: "local"}
	up := func(e *engine.Engine) (stacks.Changes, error) {
		_, changes, err := e.Up(ctx, ref, empty, stacks.Options{})
		return changes, err
	}
	steps := []struct {
		seconds *float64
		run     func(*engine.Engine) (stacks.Changes, error)
	}{
		{&t.Up, up},
		{&t.Unchanged, up},
		{&t.Down, func(e *engine.Engine) (stacks.Changes, error) { return e.Destroy(ctx, ref, stacks.Options{}) }},
	}
	for _, step := range steps {
		began := time.Now()
		e := engine.New(engine.Config{
			BackendURL: "file://" + state,
			Passphrase: func(context.Context) (string, error) { return "benchmark", nil },
			SaltFile:   filepath.Join(dir, "key.salt"),
			WorkDir:    dir,
			Parallel:   8,
		})
		if _, err := step.run(e); err != nil {
			return t, err
		}
		*step.seconds = time.Since(began).Seconds()
	}
	return t, nil
}

// empty is a program that makes nothing.
func empty(*pulumi.Context) error { return nil }
