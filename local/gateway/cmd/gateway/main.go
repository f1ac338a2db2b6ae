// Command gateway runs beside the apps of a local sandbox, in a container of its
// own. envctl carries it prebuilt; see the package local/gateway/binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/envctl/envctl/local/gateway/serve"
)

// memory is what the program may take before it collects garbage at any cost, in
// bytes: three quarters of what its container has. With every connection that it
// accepts in use it needs less.
const memory = 96 << 20

func main() {
	debug.SetMemoryLimit(memory)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	status := serve.Main(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
