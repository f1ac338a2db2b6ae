package runner_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
)

// shared is a buffer that is written to and read at the same time.
type shared struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// Logs follow an app over the change of its container, each line once.
func TestLogsFollow(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.app("api")
	st := r.apply(spec, run.Running)
	ctx, cancel := context.WithCancel(t.Context())
	var out shared
	ended := make(chan error, 1)
	go func() { ended <- r.run.Logs(ctx, spec.ID, true, time.Time{}, &out) }()
	r.get(st, "/one")
	spec.Revision = "api--r2"
	st = r.apply(spec, run.Running)
	r.get(st, "/two")
	r.get(st, "/three")
	for range 100 {
		if strings.Contains(out.String(), "/two") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v, expected %v", err, context.Canceled)
	}
	for _, line := range []string{"asked for /one\n", "asked for /two\n"} {
		if n := strings.Count(out.String(), line); n != 1 {
			t.Errorf("%q is %d times in\n%s", line, n, out.String())
		}
	}
	if n := strings.Count(out.String(), "listening at 8080\n"); n != 2 {
		t.Errorf("%d starts in\n%s", n, out.String())
	}
	var since strings.Builder
	check(t, r.run.Logs(t.Context(), spec.ID, false, time.Now().Add(time.Hour), &since))
	if since.Len() > 0 {
		t.Errorf("since later: %q", since.String())
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	spec := r.app("api")
	r.apply(spec, run.Running)
	var out, errs bytes.Buffer
	code, err := r.run.Exec(t.Context(), spec.ID, []string{"/app", "cat"}, run.IO{In: strings.NewReader("through"), Out: &out, Err: &errs})
	if err != nil || code != 0 || out.String() != "through" {
		t.Errorf("cat: %d, %v, %q, %q", code, err, out.String(), errs.String())
	}
	out.Reset()
	code, err = r.run.Exec(t.Context(), spec.ID, []string{"/app", "exit", "9"}, run.IO{Out: &out, Err: &errs})
	if err != nil || code != 9 {
		t.Errorf("exit 9: %d, %v", code, err)
	}
	sizes := make(chan [2]uint, 1)
	sizes <- [2]uint{100, 40}
	out.Reset()
	code, err = r.run.Exec(t.Context(), spec.ID, []string{"/app", "id"}, run.IO{Out: &out, TTY: true, Resize: sizes})
	if err != nil || code != 0 || out.String() != "65532 65532\r\n" {
		t.Errorf("id on a terminal: %d, %v, %q", code, err, out.String())
	}
	spec.Replicas = 0
	r.apply(spec, run.Stopped)
	if _, err := r.run.Exec(t.Context(), spec.ID, []string{"/app", "id"}, run.IO{}); err == nil || !strings.Contains(err.Error(), "no replica that runs") {
		t.Errorf("in a stopped app: %v", err)
	}
}
