package service_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/models/service"
)

// serveArg makes this test program the program that serves.
const serveArg = "serve-for-test"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveArg {
		os.Exit(child(os.Args[2]))
	}
	os.Exit(m.Run())
}

func child(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := service.Serve(ctx, dir, service.Options{
		Getenv: os.Getenv, Now: time.Now, Self: fmt.Sprint(os.Getpid()),
		Connect: func(context.Context, string) (service.Engine, error) { return fake(filepath.Dir(dir)), nil },
		Look:    10 * time.Millisecond, Fresh: 500 * time.Millisecond, Gone: 200 * time.Millisecond, Idle: 700 * time.Millisecond,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// fake is an engine in a folder: the file container says how the container does, and
// the socket s is its command.
type fake string

// Find implements [service.Engine].
func (f fake) Find(context.Context, string) (service.State, error) {
	raw, err := os.ReadFile(filepath.Join(string(f), "container"))
	if err != nil {
		return service.Gone, nil
	}
	switch strings.TrimSpace(string(raw)) {
	case "running":
		return service.Running, nil
	case "stopped":
		return service.Stopped, nil
	}
	return service.Gone, errors.New("the engine is stopped")
}

// Dial implements [service.Engine].
func (f fake) Dial(ctx context.Context, _ string, _ []string) (io.ReadWriteCloser, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", filepath.Join(string(f), "s"))
}

// Close implements [service.Engine].
func (f fake) Close() error { return nil }

func serviceIn(root string) *service.Service {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return &service.Service{Dir: filepath.Join(root, "process"), Command: []string{self, serveArg}}
}
