package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/daemon"
)

// The modes of this test program, each with a folder as its argument.
const (
	serveMode    = "serve-for-test"    // serves by the mark in the file mark beside the folder
	familyMode   = "family-for-test"   // serves, with a child that outlives it
	stubbornMode = "stubborn-for-test" // serves, and takes no SIGTERM
	slowMode     = "slow-for-test"     // says something and never becomes ready
	failMode     = "fail-for-test"     // says why it ends
	parentMode   = "parent-for-test"   // starts serveMode, says so and hangs
	findMode     = "find-for-test"     // says what it finds
)

func TestMain(m *testing.M) {
	if len(os.Args) != 3 {
		os.Exit(m.Run())
	}
	mode, dir := os.Args[1], os.Args[2]
	var err error
	switch mode {
	case serveMode, familyMode, stubbornMode, slowMode:
		err = serve(mode, dir)
	case failMode:
		err = fmt.Errorf("no engine\n\x1b[31manswers")
	case parentMode:
		if _, err = newProcess(serveMode, dir).Start(context.Background(), "1"); err == nil {
			fmt.Println("started")
			select {}
		}
	case findMode:
		var r daemon.Record
		var running bool
		if r, running, err = newProcess(serveMode, dir).Find(); err == nil {
			fmt.Println(r.PID, running)
		}
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve notes its number in the file starts beside the folder. Its address is the one
// before with a + behind it.
func serve(mode, dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if mode == stubbornMode {
		ctx = context.Background()
	}
	return daemon.Serve(ctx, dir, func(ctx context.Context, s *daemon.Serving) error {
		f, err := os.OpenFile(filepath.Join(dir, "..", "starts"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(f, os.Getpid())
		if mode == slowMode {
			fmt.Println("waits for what never comes")
			return s.Watch(ctx, 20*time.Millisecond, nil)
		}
		if mode == familyMode {
			if err := exec.Command("sleep", "60").Start(); err != nil {
				return err
			}
		}
		mark, err := os.ReadFile(filepath.Join(dir, "..", "mark"))
		if err != nil {
			mark = []byte("1")
		}
		if err := s.Ready(s.Before().Address+"+", string(mark)); err != nil {
			return err
		}
		return s.Watch(ctx, 20*time.Millisecond, nil)
	})
}

func newProcess(mode, dir string) *daemon.Process {
	return &daemon.Process{Name: "the test", Dir: dir, Command: []string{program(), mode, dir}}
}

func program() string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return self
}

// process is one in a folder that is not there yet.
func process(t *testing.T, mode string) *daemon.Process {
	t.Helper()
	p := newProcess(mode, filepath.Join(t.TempDir(), "process"))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := p.Remove(ctx); err != nil {
			t.Error(err)
		}
	})
	return p
}

func start(t *testing.T, p *daemon.Process) daemon.Record {
	t.Helper()
	r, err := p.Start(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func running(t *testing.T, p *daemon.Process) bool {
	t.Helper()
	_, running, err := p.Find()
	if err != nil {
		t.Fatal(err)
	}
	return running
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// sleeper is a process that has nothing to do with any folder.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func writeRecord(t *testing.T, dir string, content any) {
	t.Helper()
	raw, ok := content.(string)
	if !ok {
		encoded, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		raw = string(encoded)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "serving"), []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
}
