// Command isolate registers a runsc with the engine of this machine, as `envctl
// doctor --fix isolation` does, for where no envctl has been built yet:
//
//	isolate /usr/local/bin/runsc
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/isolation/runsc"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "isolate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments, expected the path of a runsc", len(args))
	}
	engine, err := docker.Connect(ctx, "", os.Getenv)
	if err != nil {
		return err
	}
	defer engine.Close()
	daemon, err := runsc.FindDaemon(ctx, engine.Host())
	if err != nil {
		return err
	}
	return runsc.Register(ctx, daemon, args[0], func(ctx context.Context) ([]string, error) {
		info, err := engine.Info(ctx)
		return info.Runtimes, err
	})
}
