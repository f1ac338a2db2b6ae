// Command stockbench times the stock Automation API, which starts a `pulumi`
// subprocess for every call, on an inline program without resources: what the
// engine itself costs before any provider does anything.
//
//	stockbench -pulumi FILE   # the stock CLI
//
// It prints one JSON object on stdout: seconds of the first up, of an up that
// changes nothing, and of destroy with the removal of the stack. Each includes
// choosing the stack, as a program that runs once has to. State, Pulumi's home
// and everything else it writes is in a temporary folder; it needs no network.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// times is the output, in seconds.
type times struct {
	Version   string  `json:"version"` // of the stock CLI
	Up        float64 `json:"up"`
	Unchanged float64 `json:"unchanged"`
	Down      float64 `json:"down"`
}

func main() {
	cli := flag.String("pulumi", "bin/pulumi", "the stock CLI")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t, err := measure(ctx, *cli)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stockbench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, bin string) (t times, err error) {
	dir, err := os.MkdirTemp("", "envctl-stockbench-")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	cli, err := command(bin, dir)
	if err != nil {
		return t, err
	}
	t.Version = cli.Version().String()
	opts, err := workspace(dir, cli)
	if err != nil {
		return t, err
	}
	steps := []struct {
		seconds *float64
		run     func(auto.Stack) error
	}{
		{&t.Up, func(s auto.Stack) error { _, err := s.Up(ctx); return err }},
		{&t.Unchanged, func(s auto.Stack) error { _, err := s.Up(ctx); return err }},
		{&t.Down, func(s auto.Stack) error {
			if _, err := s.Destroy(ctx); err != nil {
				return err
			}
			return s.Workspace().RemoveStack(ctx, s.Name())
		}},
	}
	for _, step := range steps {
		began := time.Now()
		stack, err := auto.UpsertStackInlineSource(ctx, "empty", "stockbench", empty, opts...)
		if err != nil {
			return t, err
		}
		if err := step.run(stack); err != nil {
			return t, err
		}
		*step.seconds = time.Since(began).Seconds()
	}
	return t, nil
}

// command returns the CLI at bin for the Automation API, which looks for it as
// bin/pulumi below a root: dir gets a link there.
func command(bin, dir string) (auto.PulumiCommand, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		return nil, err
	}
	if err := os.Symlink(bin, filepath.Join(dir, "bin", "pulumi")); err != nil {
		return nil, err
	}
	cli, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: dir})
	if err != nil {
		return nil, fmt.Errorf("no usable CLI at %s (make bench-tools builds it): %w", bin, err)
	}
	return cli, nil
}

// empty is a program that makes nothing.
func empty(*pulumi.Context) error { return nil }

// workspace returns options that keep all state and every download in dir.
func workspace(dir string, cli auto.PulumiCommand) ([]auto.LocalWorkspaceOption, error) {
	home, state := filepath.Join(dir, "home"), filepath.Join(dir, "state")
	for _, d := range []string{home, state} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	return []auto.LocalWorkspaceOption{
		auto.Pulumi(cli),
		auto.PulumiHome(home),
		auto.EnvVars(map[string]string{
			"PULUMI_BACKEND_URL":                          "file://" + state,
			"PULUMI_CONFIG_PASSPHRASE":                    "benchmark",
			"PULUMI_SKIP_UPDATE_CHECK":                    "true",
			"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
			"PULUMI_IGNORE_AMBIENT_PLUGINS":               "true",
		}),
	}, nil
}
