package serve

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// Exit statuses of the program.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Main is the program: without arguments it serves the configuration that the
// environment variable of [protocol.EnvConfig] holds, until ctx ends; with the
// argument status it prints what the running gateway knows. SIGHUP makes it check
// every app as if it had just started. It returns the exit status.
func Main(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0:
		cfg, err := protocol.Decode(getenv(protocol.EnvConfig))
		if err != nil {
			fmt.Fprintf(stderr, "gateway: %s: %v\n", protocol.EnvConfig, err)
			return exitUsage
		}
		if cfg.Empty() {
			fmt.Fprintf(stderr, "gateway: %s: no routes and no probes, expected one at least\n", protocol.EnvConfig)
			return exitUsage
		}
		anew := make(chan os.Signal, 1)
		signal.Notify(anew, syscall.SIGHUP)
		defer signal.Stop(anew)
		return exit(Run(ctx, cfg, Options{Out: stdout, Status: StatusSocket, Anew: anew}), stderr)
	case len(args) == 1 && args[0] == "status":
		return exit(AskStatus(ctx, StatusSocket, stdout), stderr)
	}
	fmt.Fprintf(stderr, "gateway: arguments %q, expected none (serve) or status\n", args)
	return exitUsage
}

func exit(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "gateway: %v\n", err)
	return exitFailed
}
