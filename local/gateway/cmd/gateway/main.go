// Command gateway runs beside the apps of a local sandbox, in a container of its
// own. envctl carries it prebuilt; see the package local/gateway/binary.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/envctl/envctl/local/gateway/serve"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	status := serve.Main(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
