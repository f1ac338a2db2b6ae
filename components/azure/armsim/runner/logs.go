package runner

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
)

// lookAgain is how often a followed workload is looked at for containers that came.
const lookAgain = 300 * time.Millisecond

// maxLine is where a line without an end is cut, in bytes.
const maxLine = 64 << 10

// Logs implements [run.Streams]. It follows an app over the changes of its
// containers until ctx ends, and an execution until it has ended.
func (r *Runner) Logs(ctx context.Context, id string, follow bool, since time.Time, w io.Writer) error {
	out := &sharedWriter{w: w}
	seen := map[string]time.Time{} // by container: its latest line
	for {
		over, err := r.over(ctx, id)
		if err == nil {
			err = r.copyLogs(ctx, id, follow && !over, since, seen, out)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || !follow || over {
			return wrap("log of "+last(id), err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lookAgain):
		}
	}
}

// over says whether an execution writes nothing more; an app always may.
func (r *Runner) over(ctx context.Context, id string) (bool, error) {
	job, name := execution(id)
	if name == "" {
		return false, nil
	}
	e, err := r.advance(ctx, job, name, "")
	return e.State != run.Running, err
}

// copyLogs copies what the containers of an app or execution wrote since then, and
// after what was seen.
func (r *Runner) copyLogs(
	ctx context.Context, id string, follow bool, since time.Time, seen map[string]time.Time, out *sharedWriter,
) error {
	job, name := execution(id)
	list, err := r.logged(ctx, job, name)
	if err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	tails := make([]*tail, len(list))
	for i, c := range list {
		from := since
		if at := seen[c.ID]; !at.IsZero() {
			from = at.Add(time.Nanosecond)
		}
		tails[i] = &tail{out: out, latest: seen[c.ID]}
		group.Go(func() error { return r.copyLog(gctx, c, follow, from, tails[i]) })
	}
	err = group.Wait()
	for i, c := range list {
		seen[c.ID] = tails[i].latest
	}
	return err
}

// logged lists the containers whose output belongs to an app or an execution: init
// containers have a log of their own on Azure.
func (r *Runner) logged(ctx context.Context, id, execution string) ([]docker.Container, error) {
	labels := []string{labelID, id}
	if execution != "" {
		labels = append(labels, labelExecution, execution)
	}
	list, err := r.find(ctx, labels...)
	var out []docker.Container
	for _, c := range list {
		if kind := c.Labels[LabelKind]; kind != kindInit && (execution != "" || kind != kindJob) {
			out = append(out, c)
		}
	}
	return out, err
}

func (r *Runner) copyLog(ctx context.Context, c docker.Container, follow bool, since time.Time, to *tail) error {
	// One that was never started has nothing to follow yet.
	options := docker.LogOptions{Follow: follow && c.State != "created", Since: since, Timestamps: true}
	stdout, stderr := &lineWriter{to: to}, &lineWriter{to: to}
	err := r.engine.Logs(ctx, c.ID, options, stdout, stderr)
	err = errors.Join(err, stdout.end(), stderr.end())
	if err != nil && ctx.Err() == nil && r.goes(ctx, c.ID) {
		return nil // it was replaced meanwhile
	}
	return err
}

// sharedWriter takes whole lines from several sides.
type sharedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// tail is the output of one container. Each line keeps the engine's time, by which
// whoever reads it again knows what was read.
type tail struct {
	out    *sharedWriter
	latest time.Time
}

func (t *tail) line(text []byte) error {
	t.out.mu.Lock()
	defer t.out.mu.Unlock()
	if stamp, _, ok := bytes.Cut(text, []byte(" ")); ok {
		if at, err := time.Parse(time.RFC3339Nano, string(stamp)); err == nil && at.After(t.latest) {
			t.latest = at
		}
	}
	_, err := t.out.w.Write(append(bytes.Clone(text), '\n'))
	return err
}

// lineWriter cuts a stream into lines.
type lineWriter struct {
	to   *tail
	rest []byte
}

// Write implements io.Writer.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		at := bytes.IndexByte(l.rest, '\n')
		skip := 1
		if at < 0 && len(l.rest) > maxLine {
			at, skip = maxLine, 0
		}
		if at < 0 {
			return len(p), nil
		}
		if err := l.to.line(l.rest[:at]); err != nil {
			return 0, err
		}
		l.rest = l.rest[at+skip:]
	}
}

// end passes on what has no end of line.
func (l *lineWriter) end() error {
	if len(l.rest) == 0 {
		return nil
	}
	return l.to.line(l.rest)
}
