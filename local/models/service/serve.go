package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/daemon"
	"github.com/envctl/envctl/local/gateway"
)

// State is how the gateway's container does.
type State int

// The states of a container.
const (
	Gone    State = iota // there is none
	Stopped              // it does not run
	Running
)

// Engine is where the container runs.
type Engine interface {
	// Find says how the container does.
	Find(ctx context.Context, container string) (State, error)
	// Dial runs a command in it and returns its standard input and output.
	Dial(ctx context.Context, container string, command []string) (io.ReadWriteCloser, error)
	Close() error
}

// Options are what [Serve] needs of its surroundings. Zero times are the defaults.
type Options struct {
	Getenv func(string) string
	Now    func() time.Time
	// Self and Alive are those of a ledger.
	Self  string
	Alive func(owner string) bool
	// Connect finds the engine at an address in the form of DOCKER_HOST.
	Connect func(ctx context.Context, host string) (Engine, error)
	// Credential returns the bearer token for the settings' model server; "": none.
	Credential func(ctx context.Context, s Settings) (string, error)

	Look  time.Duration // between two looks at the settings and the container; 1 s
	Fresh time.Duration // how long after the start the container may not be there yet; 2 min
	Gone  time.Duration // how long it may be gone later; 10 s
	Idle  time.Duration // how long it may not run, or the engine not answer; 5 min
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, fallback time.Duration) {
		if *d == 0 {
			*d = fallback
		}
	}
	or(&o.Look, time.Second)
	or(&o.Fresh, 2*time.Minute)
	or(&o.Gone, 10*time.Second)
	or(&o.Idle, 5*time.Minute)
	return o
}

// Serve serves the models of a folder until ctx ends or nobody needs it any more.
// Where another process serves it already, it is an error.
func Serve(ctx context.Context, dir string, o Options) error {
	return daemon.Serve(ctx, dir, func(ctx context.Context, serving *daemon.Serving) (err error) {
		o := o.withDefaults()
		settings, mark, ok, err := readSettings(dir)
		if err != nil || !ok {
			return errors.Join(err, noSettings(dir, ok))
		}
		log, err := openLog(filepath.Join(dir, "log"), o.Now)
		if err != nil {
			return err
		}
		defer func() {
			log.say(fmt.Sprintf("ends: %v", err))
			if closed := log.close(); err == nil {
				err = closed
			}
			if errors.Is(err, errUnneeded) || errors.Is(err, daemon.ErrRemoved) {
				err = nil
			}
		}()
		p := &process{dir: dir, settings: settings, mark: mark, serving: serving, options: o, log: log}
		return p.run(ctx)
	})
}

func noSettings(dir string, ok bool) error {
	if ok {
		return nil
	}
	return fmt.Errorf("there are no settings of models in %q: envctl up writes them", dir)
}

// errUnneeded ends the process; what wraps it says why.
var errUnneeded = errors.New("not needed any more")

// process is the process that serves.
type process struct {
	dir      string
	settings Settings
	mark     string
	serving  *daemon.Serving
	options  Options
	log      *logFile
}

// run serves until the watch says that nobody needs it.
func (p *process) run(ctx context.Context) error {
	told := ctx // ends where somebody tells the process to
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	handler, settle, err := p.settings.Handler(ctx, p.options, p.log.say)
	if err != nil {
		return err
	}
	if err := p.serving.Ready("", p.mark); err != nil {
		return errors.Join(err, settle())
	}
	p.log.say(fmt.Sprintf("serves %d models by %s for %s", len(p.settings.Models), p.settings.Provider, p.settings.Container))
	w := &watch{process: p, running: make(chan bool, 1)}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		cancel(w.run(ctx))
	}()
	attached := p.attachAll(ctx, handler, w.running)
	cancel(attached)
	<-watched
	err = context.Cause(ctx)
	if failed := settle(); failed != nil {
		return failed
	}
	if told.Err() != nil {
		return nil
	}
	return err
}

// replaced says that another process serves the gateway now.
func replaced(err error) bool { return errors.Is(err, gateway.ErrReplaced) }
