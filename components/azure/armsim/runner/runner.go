// Package runner runs what the Azure simulator accepted as real containers of a
// Docker Engine: an app of Container Apps answers at a URL of this machine, a job
// runs to its end.
//
// A managed environment is one internal network. On it, every container has the
// hardening of a local sandbox (package sandbox), and one gateway (package
// gateway) checks the apps, lets this machine in to those with external ingress, and
// passes what apps ask of identities and models on to [Runner.Bridge]. The images come from the simulated registry's store, with the digest
// that they have there.
//
// What there is, is only in the engine: containers, networks and images by their
// labels and names. Any process can therefore go on where another was killed:
// every method looks first, and does what is missing. Processes of one simulator
// (one folder) keep out of each other's way by locks of files, which end with
// their process.
//
// What differs from Container Apps, knowingly: a new revision takes the place of
// the old one before it is ready; init containers run once an app, not once a
// replica; a liveness probe tells that an app is unhealthy and does not restart it;
// a program that ends with status 0 is not started again.
package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
)

// Options is what a Runner needs.
type Options struct {
	Engine *docker.Engine
	// Dir is the simulator's folder. Runners with the same folder share what they
	// run; those of different folders never touch each other's.
	Dir string
	// Answer makes sure that some process is in [Runner.Bridge]; it is called before a
	// workload with an identity starts. Nil: the caller sees to that.
	Answer func(context.Context) error
}

// Runner implements [run.Runner] on one engine.
type Runner struct {
	engine *docker.Engine
	dir    string // of the locks
	scope  string // of everything that it makes
	answer func(context.Context) error

	probing sync.Mutex
	machine machine

	waking sync.Mutex
	woken  map[string]time.Time // by gateway's container

	closed chan struct{}
	close  sync.Once
	behind sync.WaitGroup // executions that are followed
}

var _ run.Runner = (*Runner)(nil)

// machine is what there is to know of the engine.
type machine struct {
	architecture string // of Go
	interfaces   bool   // the engine takes kernel settings of one interface
}

// New returns a Runner. It asks the engine for nothing yet.
func New(o Options) (*Runner, error) {
	if o.Engine == nil || o.Dir == "" {
		return nil, errors.New("a runner of simulated apps needs a Docker Engine and the simulator's folder")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	locks := filepath.Join(dir, "runner")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the runner's locks: %w", err)
	}
	return &Runner{
		engine: o.Engine, dir: locks, scope: short(dir), answer: o.Answer,
		woken: map[string]time.Time{}, closed: make(chan struct{}),
	}, nil
}

// Close ends what goes on behind the calls. Executions of jobs that this process
// started run on; whoever asks for their state next holds them to their time.
func (r *Runner) Close() error {
	r.close.Do(func() { close(r.closed) })
	r.behind.Wait()
	return nil
}

// about asks the engine what it is, until it has answered once.
func (r *Runner) about(ctx context.Context) (machine, error) {
	r.probing.Lock()
	defer r.probing.Unlock()
	if r.machine.architecture != "" {
		return r.machine, nil
	}
	arch, err := r.engine.Arch(ctx)
	if err != nil {
		return machine{}, err
	}
	info, err := r.engine.Info(ctx)
	if err != nil {
		return machine{}, err
	}
	r.machine = machine{architecture: arch, interfaces: info.InterfaceSysctls}
	return r.machine, nil
}

// short is a name for something long: the start of its SHA-256.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// wrap says what was being done.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
