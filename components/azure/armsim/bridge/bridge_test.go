package bridge_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/bridge"
)

// TestMain is the background process too: serve FOLDER notes its number in the
// folder's file starts, and ends by SIGTERM; fail says why it cannot.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "serve" && os.Args[1] != "fail" {
		os.Exit(m.Run())
	}
	if os.Args[1] == "fail" {
		fmt.Fprintln(os.Stderr, "no engine answers")
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := bridge.Serve(ctx, os.Args[2], func(ctx context.Context, ready func() error) error {
		if err := ready(); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(os.Args[2], "starts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		fmt.Fprintln(f, os.Getpid())
		<-ctx.Done()
		return f.Close()
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newProcess(t *testing.T, mode string) *bridge.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := &bridge.Process{Dir: dir, Command: []string{self, mode, dir}}
	t.Cleanup(func() {
		if err := p.End(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return p
}

// starts are the processes that have served so far.
func starts(t *testing.T, p *bridge.Process, want int) []string {
	t.Helper()
	var out []string
	for range 500 {
		raw, _ := os.ReadFile(filepath.Join(p.Dir, "starts"))
		if out = strings.Fields(string(raw)); len(out) >= want {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(out) != want {
		t.Fatalf("%d processes have served, expected %d", len(out), want)
	}
	return out
}

func ensure(t *testing.T, p *bridge.Process) {
	t.Helper()
	if err := p.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOneProcessServes(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "serve")
	if running, err := p.Running(); err != nil || running {
		t.Fatalf("running %v, %v before anything", running, err)
	}
	ensure(t, p)
	starts(t, p, 1)
	ensure(t, p)
	starts(t, p, 1)
	if err := p.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if running, err := p.Running(); err != nil || running {
		t.Errorf("running %v, %v after its end", running, err)
	}
	ensure(t, p)
	starts(t, p, 2)
}

// Another version of the program takes over.
func TestAnotherVersionTakesOver(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "serve")
	ensure(t, p)
	starts(t, p, 1)
	raw, err := os.ReadFile(p.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(t.TempDir(), "newer")
	if err := os.WriteFile(newer, raw, 0o700); err != nil {
		t.Fatal(err)
	}
	p.Command[0] = newer
	ensure(t, p)
	starts(t, p, 2)
	ensure(t, p)
	starts(t, p, 2)
}

func TestWhyItCannotServeIsSaid(t *testing.T) {
	t.Parallel()
	p := newProcess(t, "fail")
	if err := p.Ensure(t.Context()); err == nil || !strings.Contains(err.Error(), "no engine answers") {
		t.Errorf("%v, expected what the process said", err)
	}
}
