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
// argument status it prints what the running gateway knows, which first writes the
// events that it only counted; with tunnel it joins its
// streams to it. SIGHUP makes it check
// every app as if it had just started. It returns the exit status.
func Main(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0:
		cfg, err := protocol.Decode(getenv(protocol.EnvConfig))
		if err != nil {
			fmt.Fprintf(stderr, "gateway: %s: %v\n", protocol.EnvConfig, err)
			return exitUsage
		}
		if cfg.Empty() {
			fmt.Fprintf(stderr, "gateway: %s: nothing to do, expected a route, a probe or a client at least\n", protocol.EnvConfig)
			return exitUsage
		}
		key := getenv(protocol.EnvKey)
		if cfg.NeedsKey() && len(key) < protocol.MinKey {
			fmt.Fprintf(stderr, "gateway: %v\n", errNoKey)
			return exitUsage
		}
		anew := make(chan os.Signal, 1)
		signal.Notify(anew, syscall.SIGHUP)
		defer signal.Stop(anew)
		return exit(Run(ctx, cfg, Options{Out: stdout, Status: StatusSocket, Anew: anew, Key: key, Tunnel: HostSocket}), stderr)
	case len(args) == 1 && args[0] == "status":
		return exit(AskStatus(ctx, StatusSocket, stdout), stderr)
	case len(args) == 1 && args[0] == "tunnel":
		return exit(Tunnel(ctx, HostSocket, stdin, stdout), stderr)
	}
	fmt.Fprintf(stderr, "gateway: arguments %q, expected none (serve), status or tunnel\n", args)
	return exitUsage
}

func exit(err error, stderr io.Writer) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "gateway: %v\n", err)
	return exitFailed
}
