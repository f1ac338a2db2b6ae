// Command envctl takes AI experiments from one envctl.yaml to a hardened sandbox on
// a Docker engine and back to nothing.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/envctl/envctl/cmd/envctl/internal/cli"
	"github.com/envctl/envctl/cmd/envctl/internal/startup"
)

func main() {
	startup.Done()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx := cli.Interruptible(context.Background(), signals, os.Exit)
	env, err := cli.System()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error: the current folder is gone:", err)
		os.Exit(1)
	}
	os.Exit(cli.Run(ctx, env))
}
