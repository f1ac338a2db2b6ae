package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/envctl/envctl/local/daemon"
	"github.com/envctl/envctl/local/flock"
)

// ServeOptions tune [Serve]. Zero values are the defaults.
type ServeOptions struct {
	// Idle is how long the process waits for a request before it ends; 2 h.
	Idle time.Duration
	// Look is how often it looks whether it is still needed; 2 s.
	Look time.Duration
	// Fresh is how long after its start or the last request an empty store is kept
	// for what may come; 1 min.
	Fresh time.Duration
}

// Serve serves a store's folder on a loopback address until ctx ends, until nothing
// is left in it, or until nobody has asked for a long time. It is what
// [Service.Command] runs. Where another process serves the folder already, it is an
// error.
func Serve(ctx context.Context, dir string, o ServeOptions) error {
	store, err := Open(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(store.processPath(), 0o700); err != nil {
		return err
	}
	return daemon.Serve(ctx, store.processPath(), func(ctx context.Context, serving *daemon.Serving) error {
		p := &served{store: store, options: o.withDefaults()}
		return p.run(ctx, serving)
	})
}

func (o ServeOptions) withDefaults() ServeOptions {
	if o.Idle == 0 {
		o.Idle = 2 * time.Hour
	}
	if o.Look == 0 {
		o.Look = 2 * time.Second
	}
	if o.Fresh == 0 {
		o.Fresh = time.Minute
	}
	return o
}

// listen listens where the store was served last, or on a free port where that is
// taken.
func listen(ctx context.Context, before string) (listener net.Listener, err error) {
	var config net.ListenConfig
	if host, _, splitErr := net.SplitHostPort(before); splitErr == nil && host == "127.0.0.1" {
		listener, err = config.Listen(ctx, "tcp4", before)
	}
	if listener == nil {
		listener, err = config.Listen(ctx, "tcp4", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("the local registry finds no port: %w", err)
	}
	return listener, nil
}

// served is the process that serves.
type served struct {
	store   *Store
	options ServeOptions
	last    atomic.Int64 // when the last request ended, in ns
	active  atomic.Int64 // requests under way
}

// run serves until the watch says that nobody needs it.
func (p *served) run(ctx context.Context, serving *daemon.Serving) error {
	listener, err := listen(ctx, serving.Before().Address)
	if err != nil {
		return err
	}
	p.asked()
	server := &http.Server{Handler: p.guard(p.store.Handler(Options{ImmutableTags: true})), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := serving.Ready(listener.Addr().String(), ""); err != nil {
		return errors.Join(err, server.Close())
	}
	unneeded := make(chan struct{})
	go func() {
		defer close(unneeded)
		_ = serving.Watch(ctx, p.options.Look, p.needed) // whatever it is, it is no failure
	}()
	select {
	case err = <-ended:
		return err
	case <-unneeded:
	}
	// Requests under way end first; a push that is cut goes on with the next process.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close()
	}
	return nil
}

func (p *served) asked() { p.last.Store(time.Now().UnixNano()) }

// guard answers only who asks for a loopback name, so that a page in a browser on
// this machine cannot reach the registry by a name that it made to mean 127.0.0.1.
func (p *served) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.active.Add(1)
		defer func() { p.asked(); p.active.Add(-1) }()
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if host = strings.Trim(host, "[]"); host != "localhost" && !net.ParseIP(host).IsLoopback() {
			answer(w, refuse(http.StatusForbidden, "DENIED", "this registry answers only at a loopback address, not as %s", quoted(r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// errUnneeded ends the process.
var errUnneeded = errors.New("not needed any more")

func (p *served) needed(ctx context.Context) error {
	if p.idle(ctx) {
		return errUnneeded
	}
	return nil
}

// idle says whether nobody has asked for long, or nothing is left and nobody has
// asked for a while; then it removes the folder.
func (p *served) idle(ctx context.Context) bool {
	quiet := time.Since(time.Unix(0, p.last.Load()))
	if p.active.Load() > 0 || quiet < min(p.options.Fresh, p.options.Idle) {
		return false
	}
	if quiet >= p.options.Idle {
		return true
	}
	if names, err := p.store.Repositories(); err != nil || len(names) > 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	release, err := p.store.hold(ctx, flock.Exclusive, false)
	if err != nil {
		return false
	}
	defer release()
	empty, err := p.store.collect()
	if err != nil || !empty {
		return false
	}
	return errors.Join(daemon.Discard(p.store.processPath()), p.store.discard()) == nil
}
