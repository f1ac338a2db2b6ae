package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/stacks"
)

// running is a run of envctl with -o ndjson that is under way.
type running struct {
	t    testing.TB
	cmd  *exec.Cmd
	errs *bytes.Buffer
	ends chan error

	mu   sync.Mutex
	cond *sync.Cond
	said []stacks.Event
	over bool
	last string // line
}

// begin starts envctl. A run that is still there at the end of the test is killed.
func (x *experiment) begin(args ...string) *running {
	x.t.Helper()
	cmd, _, errs := x.command(context.Background(), append(args, "-o", "ndjson")...)
	r := &running{t: x.t, cmd: cmd, errs: errs, ends: make(chan error, 1)}
	r.cond = sync.NewCond(&r.mu)
	out, in := io.Pipe()
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
	go r.read(out)
	go func() {
		err := cmd.Wait()
		_ = in.Close()
		r.ends <- err
	}()
	x.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return r
}

func (r *running) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ev stacks.Event
		_ = json.Unmarshal(lines.Bytes(), &ev) // the last line is the result
		r.mu.Lock()
		r.said, r.last = append(r.said, ev), lines.Text()
		r.cond.Broadcast()
		r.mu.Unlock()
	}
	r.mu.Lock()
	r.over = true
	r.cond.Broadcast()
	r.mu.Unlock()
}

// until waits for an event.
func (r *running) until(what string, is func(stacks.Event) bool) {
	r.t.Helper()
	timer := time.AfterFunc(patience, func() { _ = r.cmd.Process.Kill() })
	defer timer.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for seen := 0; ; {
		for ; seen < len(r.said); seen++ {
			if is(r.said[seen]) {
				return
			}
		}
		if r.over {
			r.t.Fatalf("envctl %q ends without %s:\n%s\n%s", r.cmd.Args[1:], what, r.last, r.errs)
		}
		r.cond.Wait()
	}
}

// makes waits until a container of an app is being made.
func (r *running) makes(app string) {
	r.t.Helper()
	r.until("making "+app, func(e stacks.Event) bool {
		return e.Type == stacks.EventResource && e.Kind == "container" && e.Resource == app && e.State == stacks.StateRunning
	})
}

// end waits for the end, for at most limit, and returns how it was.
func (r *running) end(limit time.Duration) call {
	r.t.Helper()
	select {
	case err := <-r.ends:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			r.t.Fatal(err)
		}
	case <-time.After(limit):
		_ = r.cmd.Process.Kill()
		r.t.Fatalf("envctl %q does not end within %v", r.cmd.Args[1:], limit)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.over {
		r.cond.Wait()
	}
	return call{args: r.cmd.Args[1:], stdout: r.last, stderr: r.errs.String(), code: r.cmd.ProcessState.ExitCode()}
}

func (r *running) signal(s os.Signal) {
	r.t.Helper()
	// It may have ended by the signal before.
	if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Fatal(err)
	}
}
