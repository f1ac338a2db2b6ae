package registry_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/registry"
)

// serveArg makes this test program the program that serves.
const serveArg = "serve-for-test"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveArg {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		err := registry.Serve(ctx, os.Args[2], registry.ServeOptions{
			Idle: duration("TEST_IDLE"), Fresh: duration("TEST_FRESH"), Look: 20 * time.Millisecond,
		})
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func duration(name string) time.Duration {
	d, _ := time.ParseDuration(os.Getenv(name)) // unset: the default
	return d
}
