package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

const workers = `
name: @NAME@
apps:
  one: {build: {context: app}, args: [sleep, 24h], cpu: 0.25, memory: 512Mi}
  two: {build: {context: app}, args: [sleep, 24h], cpu: 0.25, memory: 512Mi}
  three: {build: {context: app}, args: [sleep, 24h], cpu: 0.25, memory: 512Mi}
  four: {build: {context: app}, args: [sleep, 24h], cpu: 0.25, memory: 512Mi}
`

// TestTheEngineIsRestarted ends a Docker Engine of the test's own in the middle of
// an up and of a down: the error says that it is gone, and once it is back the same
// command goes on.
func TestTheEngineIsRestarted(t *testing.T) {
	t.Parallel()
	binary, err := exec.LookPath("dockerd")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("an engine of its own needs dockerd and root")
	}
	e := &ownEngine{t: t, binary: binary}
	e.start()
	for name, signal := range map[string]os.Signal{"killed": os.Kill, "stopped": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			x := newExperimentOn(t, e.client(), workers)
			x.interrupted(e, signal, "up")
			x.must(0, "up")
			x.sound()
			x.interrupted(e, signal, "down")
			x.must(0, "down")
			x.gone()
		})
	}
}

// interrupted runs a command and ends the engine as soon as it works on a
// container; then there is an engine again.
func (x *experiment) interrupted(e *ownEngine, signal os.Signal, command string) {
	x.t.Helper()
	r := x.begin(command)
	r.until("work on a container", func(ev stacks.Event) bool {
		return ev.Type == stacks.EventResource && ev.Kind == "container" && ev.State == stacks.StateRunning
	})
	e.end(signal)
	if c := r.end(2 * patience); c.code == 1 {
		has(x.t, c.stdout, "is recorded", "goes on from there") // the reason is the engine's own, and depends on the moment
	} else if c.code != 0 { // it may have been done before the engine was
		x.t.Errorf("%s ends with %d:\n%s\n%s", command, c.code, c.stdout, c.stderr)
	}
	c := x.must(1, command) // nobody answers
	has(x.t, c.stderr, "cannot use the Docker Engine at unix://"+e.socket())
	e.start()
}

// ownEngine is a dockerd with every path of its own, in network and mount namespaces
// of its own: with any option, a second daemon beside the machine's would change or
// remove its bridge and rules.
type ownEngine struct {
	t      testing.TB
	binary string
	dir    string
	cmd    *exec.Cmd
}

func (e *ownEngine) socket() string { return filepath.Join(e.dir, "s") }

func (e *ownEngine) start() {
	e.t.Helper()
	if e.dir == "" {
		e.makeFolder()
	}
	log, err := os.OpenFile(filepath.Join(e.dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	// What a killed daemon says of itself and of its containerd, which goes with it,
	// would be believed where nobody reaps orphans.
	for _, file := range []string{"pid", "exec/containerd/containerd.pid"} {
		_ = os.Remove(filepath.Join(e.dir, file))
	}
	e.cmd = exec.Command(e.binary, "--config-file", filepath.Join(e.dir, "config"), "--host", "unix://"+e.socket(),
		"--data-root", filepath.Join(e.dir, "data"), "--exec-root", filepath.Join(e.dir, "exec"), "--pidfile", filepath.Join(e.dir, "pid"),
		"--storage-driver", "vfs", "--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	e.cmd.Stdout, e.cmd.Stderr = log, log
	// Without a default bridge of its own a daemon removes the one it finds, which
	// is the machine's engine's: it gets a network namespace of its own. In a mount
	// namespace of its own, what it mounts goes with it when it is killed.
	e.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig: syscall.SIGTERM, Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
	}
	if err := e.cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		c, err := docker.Connect(context.Background(), "unix://"+e.socket(), os.Getenv)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(e.dir, "log"))
			e.t.Fatalf("the test's own engine does not start: %v\n%s", err, text[max(0, len(text)-4000):])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// makeFolder makes the engine's folder, with a short name: sockets are below it.
func (e *ownEngine) makeFolder() {
	e.t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "e2e-")
	if err != nil {
		e.t.Fatal(err)
	}
	e.dir = dir
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte("{}\n"), 0o600); err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		e.end(syscall.SIGTERM)
		if err := os.RemoveAll(dir); err != nil {
			e.t.Errorf("the test's own engine leaves %v", err)
		}
	})
}

// end ends the daemon and waits for it.
func (e *ownEngine) end(signal os.Signal) {
	_ = e.cmd.Process.Signal(signal)
	_ = e.cmd.Wait()
}

func (e *ownEngine) client() *docker.Engine {
	e.t.Helper()
	c, err := docker.Connect(context.Background(), "unix://"+e.socket(), os.Getenv)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	return c
}
