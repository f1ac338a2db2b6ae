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
	"syscall"
	"time"
)

// inherited is the variable that says that the listener and the lock are open
// files of this process.
const inherited = "ENVCTL_REGISTRY_INHERITED"

// ServeOptions tune [Serve]. Zero values are the defaults.
type ServeOptions struct {
	// Getenv is the environment of the process.
	Getenv func(string) string
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
	o = o.withDefaults()
	listener, lock, at, err := store.claim(ctx, o)
	if err != nil {
		return err
	}
	defer lock.Close() // which gives the lock back
	at.PID = os.Getpid()
	if err := at.write(lock); err != nil {
		return errors.Join(err, listener.Close())
	}
	p := &served{store: store, at: at, lock: lock, options: o}
	p.asked()
	server := &http.Server{Handler: p.guard(store.Handler(Options{ImmutableTags: true})), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err = <-ended:
		return err
	case <-p.unneeded(ctx):
	}
	// Requests under way end first; a push that is cut goes on with the next process.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close()
	}
	return nil
}

func (o ServeOptions) withDefaults() ServeOptions {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
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

// claim takes what [Service] started the process with, or, started by hand, takes
// the lock and a port itself.
func (s *Store) claim(ctx context.Context, o ServeOptions) (net.Listener, *os.File, serving, error) {
	if o.Getenv(inherited) != "" {
		socket := os.NewFile(listenerFD, "listener")
		lock := os.NewFile(lockFD, s.servingPath())
		listener, err := net.FileListener(socket)
		if err != nil {
			return nil, nil, serving{}, fmt.Errorf("%s is set, but the process was given no listener: %w", inherited, err)
		}
		at, ok := s.readServing()
		if err := errors.Join(socket.Close(), lockError(lock)); err != nil || !ok || !sameFile(lock, s.servingPath()) {
			return nil, nil, serving{}, errors.Join(err, fmt.Errorf("the folder %s was removed meanwhile", s.dir), listener.Close())
		}
		return listener, lock, at, nil
	}
	release, err := s.Hold(ctx)
	if err != nil {
		return nil, nil, serving{}, err
	}
	defer release()
	lock, free, err := s.lockServing()
	if err != nil {
		return nil, nil, serving{}, err
	}
	if !free {
		at, _ := s.readServing()
		return nil, nil, serving{}, fmt.Errorf("process %d serves %s already, at %s", at.PID, s.dir, at.Address)
	}
	listener, at, err := s.bind(lock)
	return listener, lock, at, err
}

// lockError says what is wrong with an inherited lock: that of the one who started
// this process is the same open file, so taking it again changes nothing.
func lockError(lock *os.File) error {
	free, err := tryLock(lock)
	if err == nil && !free {
		err = errors.New("another process serves this folder")
	}
	return err
}

// served is the process that serves.
type served struct {
	store   *Store
	at      serving
	lock    *os.File
	options ServeOptions
	last    atomic.Int64 // when the last request ended, in ns
	active  atomic.Int64 // requests under way
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
		w.Header().Set(idHeader, p.at.ID)
		next.ServeHTTP(w, r)
	})
}

// unneeded is closed when the process has to end.
func (p *served) unneeded(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(p.options.Look)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if !sameFile(p.lock, p.store.servingPath()) || p.idle(ctx) {
					return
				}
			}
		}
	}()
	return done
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
	release, err := p.store.hold(ctx, syscall.LOCK_EX, false)
	if err != nil {
		return false
	}
	defer release()
	empty, err := p.store.collect()
	if err != nil || !empty {
		return false
	}
	return errors.Join(remove(p.store.servingPath()), p.store.discard()) == nil
}
