package service

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/envctl/envctl/local/gateway"
)

// watch looks whether the process is needed, and whether the container runs.
type watch struct {
	process *process
	engine  Engine    // nil: to be connected to
	running chan bool // holds true while the container runs
	seen    bool      // the container was there once
	since   time.Time // the present trouble began; zero: there is none
	trouble string
}

// run returns why the process is not needed any more.
func (w *watch) run(ctx context.Context) error {
	defer func() {
		if w.engine != nil {
			_ = w.engine.Close()
		}
	}()
	return w.process.serving.Watch(ctx, w.process.options.Look, w.look)
}

func (w *watch) look(ctx context.Context) error {
	p := w.process
	if _, mark, ok, err := readSettings(p.dir); err == nil && (!ok || mark != p.mark) {
		return fmt.Errorf("%w: its settings are removed or others", errUnneeded)
	}
	state, err := w.find(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	patience, trouble := p.options.Idle, ""
	switch {
	case err != nil:
		trouble = fmt.Sprintf("the engine does not answer: %v", err)
	case state == Stopped:
		trouble, w.seen = "the container "+p.settings.Container+" does not run", true
	case state == Gone:
		trouble, patience = "there is no container "+p.settings.Container, p.options.Gone
		if !w.seen {
			patience = p.options.Fresh
		}
	default:
		w.seen = true
	}
	w.tell(trouble == "")
	return w.judge(trouble, patience)
}

func (w *watch) find(ctx context.Context) (State, error) {
	// A connection to an engine that was stopped may hang.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if w.engine == nil {
		engine, err := w.process.options.Connect(ctx, w.process.settings.Engine)
		if err != nil {
			return Gone, err
		}
		w.engine = engine
	}
	return w.engine.Find(ctx, w.process.settings.Container)
}

// judge says whether a trouble has lasted long enough.
func (w *watch) judge(trouble string, patience time.Duration) error {
	if trouble == "" {
		w.since, w.trouble = time.Time{}, ""
		return nil
	}
	if w.since.IsZero() {
		w.since = time.Now()
	}
	if trouble != w.trouble {
		w.trouble = trouble
		w.process.log.say(trouble)
	}
	if time.Since(w.since) >= patience {
		return fmt.Errorf("%w: %s for %s", errUnneeded, trouble, patience)
	}
	return nil
}

// tell leaves the newest word in the channel.
func (w *watch) tell(running bool) {
	select {
	case <-w.running:
	default:
	}
	if running {
		w.running <- true
	}
}

// The waits between two attempts to attach.
const (
	firstWait = 50 * time.Millisecond
	lastWait  = 2 * time.Second
)

// attachAll attaches to the gateway, again whenever the connection ends and the
// container runs, until ctx ends or another process has attached.
func (p *process) attachAll(ctx context.Context, handler http.Handler, running <-chan bool) error {
	var attaching sync.WaitGroup
	defer attaching.Wait()
	wait := firstWait
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-running:
		}
		began := time.Now()
		err := p.attach(ctx, handler, &attaching)
		if replaced(err) {
			return fmt.Errorf("%w: %w", errUnneeded, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.log.say(fmt.Sprintf("detached: %v", err))
		if time.Since(began) > lastWait {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		wait = min(2*wait, lastWait)
	}
}

// settleWait is how long an ended connection may take to say how it ended. Calls of
// it that are still being settled go on beside the next connection.
const settleWait = 500 * time.Millisecond

// attach serves one connection and returns when it has ended.
func (p *process) attach(ctx context.Context, handler http.Handler, attaching *sync.WaitGroup) error {
	engine, err := p.options.Connect(ctx, p.settings.Engine)
	if err != nil {
		return err
	}
	conn, err := engine.Dial(ctx, p.settings.Container, gateway.TunnelCommand())
	if err != nil {
		_ = engine.Close()
		return err
	}
	watched := &watchedConn{ReadWriteCloser: conn, ended: make(chan struct{})}
	result := make(chan error, 1)
	attaching.Go(func() {
		defer engine.Close()
		result <- gateway.Attach(ctx, watched, handler, func() { p.log.say("attached") })
	})
	select {
	case err := <-result:
		return err
	case <-watched.ended:
	}
	select {
	case err := <-result:
		return err
	case <-time.After(settleWait):
		return io.EOF
	}
}

// watchedConn tells when its other end is gone.
type watchedConn struct {
	io.ReadWriteCloser
	once  sync.Once
	ended chan struct{}
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if err != nil {
		c.once.Do(func() { close(c.ended) })
	}
	return n, err
}
