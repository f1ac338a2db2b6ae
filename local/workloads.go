package local

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

// Line is one line that an app wrote.
type Line struct {
	Time   time.Time
	App    string
	Stream string // stdout or stderr
	Text   string
}

// LogOptions chooses lines.
type LogOptions struct {
	App    string // empty: every app
	Follow bool
	Since  time.Time // zero: from the beginning
	Tail   int       // the last lines of each app; below 0: all
}

// NoAppError says that an experiment has no container of an app.
type NoAppError struct {
	Ref stacks.Ref
	App string // empty: it has none at all
}

func (e *NoAppError) Error() string {
	if e.App == "" {
		return fmt.Sprintf("%s (instance %s) has no app here", e.Ref.Experiment, e.Ref.Instance)
	}
	return fmt.Sprintf("%s (instance %s) has no container of app %q", e.Ref.Experiment, e.Ref.Instance, e.App)
}

// Hint says how to mend it.
func (*NoAppError) Hint() string {
	return "bring it up with `envctl up`, or see what is there with `envctl status`"
}

// apps lists the containers of the apps of an experiment.
func (t *Target) apps(ctx context.Context, ref stacks.Ref, app string) ([]docker.Container, error) {
	labels := target.Selector(ref.Experiment, ref.Instance)
	labels[target.LabelKind] = "app"
	if app != "" {
		labels[target.LabelComponent] = app
	}
	list, err := t.Engine.Containers(ctx, docker.Filter{Labels: labels})
	if err == nil && len(list) == 0 {
		err = &NoAppError{Ref: ref, App: app}
	}
	return list, err
}

// Logs calls on for each line that the chosen apps wrote, one at a time; with
// Follow until ctx ends or every container has.
func (t *Target) Logs(ctx context.Context, ref stacks.Ref, o LogOptions, on func(Line) error) error {
	list, err := t.apps(ctx, ref, o.App)
	if err != nil {
		return err
	}
	if o.Tail == 0 {
		return nil
	}
	var mu sync.Mutex
	emit := func(l Line) error {
		mu.Lock()
		defer mu.Unlock()
		return on(l)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range list {
		group.Go(func() error { return t.logs(ctx, c, o, emit) })
	}
	return group.Wait()
}

func (t *Target) logs(ctx context.Context, c docker.Container, o LogOptions, on func(Line) error) error {
	app := c.Labels[target.LabelComponent]
	out, outDone := lines(app, "stdout", on)
	errs, errDone := lines(app, "stderr", on)
	options := docker.LogOptions{Follow: o.Follow, Since: o.Since, Tail: max(o.Tail, 0), Timestamps: true}
	err := t.Engine.Logs(ctx, c.ID, options, out, errs)
	_ = out.Close()
	_ = errs.Close()
	for _, done := range []<-chan error{outDone, errDone} {
		if lineErr := <-done; err == nil {
			err = lineErr
		}
	}
	return err
}

// maxLine is where a line without an end is cut, in bytes.
const maxLine = 64 << 10

// lines returns a writer that calls on for each line, and what ends when the
// writer is closed and everything was passed on.
func lines(app, stream string, on func(Line) error) (io.WriteCloser, <-chan error) {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		in := bufio.NewReaderSize(r, maxLine)
		for {
			text, _, err := in.ReadLine()
			if err == io.EOF {
				done <- nil
				return
			}
			if err == nil {
				err = on(parseLine(app, stream, string(text)))
			}
			if err != nil {
				_ = r.CloseWithError(err)
				done <- err
				return
			}
		}
	}()
	return w, done
}

// parseLine takes the engine's time off the front of a line.
func parseLine(app, stream, text string) Line {
	l := Line{App: app, Stream: stream, Text: text}
	for i := range text {
		if text[i] != ' ' {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, text[:i]); err == nil {
			l.Time, l.Text = at, text[i+1:]
		}
		break
	}
	return l
}

// Exec runs a command in the container of an app and returns its exit status.
func (t *Target) Exec(ctx context.Context, ref stacks.Ref, app string, o docker.ExecOptions) (int, error) {
	list, err := t.apps(ctx, ref, app)
	if err != nil {
		return 0, err
	}
	return t.Engine.Exec(ctx, list[0].ID, o)
}
