// Package doctor looks for what keeps envctl from working on this machine, and says
// how to mend each thing. It mends nothing itself.
//
// A check is a small function over [Probes]; [Run] runs them all. A check that
// cannot be made because an earlier one failed is skipped, not failed.
package doctor

import (
	"context"
	"strings"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// Probes are the sources of what is checked. A probe that is nil is left out with
// its checks.
type Probes struct {
	// Engine asks the Docker engine.
	Engine func(ctx context.Context) (Engine, error)
	// Space returns the free and the total bytes of the file system of a folder.
	Space func(dir string) (free, total int64, err error)
	State *State
	// Cloud asks Azure; nil where the target is another.
	Cloud func(ctx context.Context) ([]output.Finding, error)
	// Definition reads the definition here; file is "" where there is none.
	Definition func() (file string, err error)
	Now        func() time.Time
	// Explain says what an error is about and what mends it; nil: as it reads.
	Explain func(err error) (detail, fix string)
}

// Engine is what a Docker engine says of itself.
type Engine struct {
	Host          string // its address
	Local         bool   // on this machine, so that RootDir can be looked at
	Version       string // e.g. 20.10.24
	API           string // e.g. 1.41
	OSType        string // linux or windows
	StorageDriver string // e.g. overlay2
	Containerd    bool   // images are in containerd's store
	RootDir       string // where images and containers are
	Cgroup        int    // 1 or 2; 0: it does not say
	Seccomp       bool
	Runc          string // its version; empty: not told
	RuncMended    bool   // it is known to be without the holes that are known
	Rootless      bool
	Isolation     string   // strongest that it has a runtime of: container, gvisor or vm; "": it does not say
	Missing       []string // limits that the kernel cannot enforce: memory, swap, pids, cpu
	// Time and Asked are the engine's clock and ours at the same moment.
	Time, Asked time.Time
}

// State is where envctl keeps its state.
type State struct {
	Dir     string // for locks, records and the key; absolute
	Backend string // URL of the Pulumi backend
	KeyFile string // that secrets in the state are encrypted with; "": given by the user
	// TryWrite writes and removes a file in Dir, or in the nearest folder above it
	// that is there.
	TryWrite func() error
	// KeyMode returns the key file's permissions; false where there is no key yet.
	KeyMode func() (mode uint32, there bool, err error)
	// TryBackend opens the backend.
	TryBackend func(ctx context.Context) error
	// Operations lists the operations that have not ended.
	Operations func(ctx context.Context) ([]Operation, error)
}

// Operation is a command on one stack that has not ended.
type Operation struct {
	Stack   string // EXPERIMENT.INSTANCE.TARGET
	Command string
	Since   time.Time
	Holder  string // who holds the lock, in words; empty: nobody, so it was killed
}

// engineTimeout bounds what the engine is asked: one that hangs never answers.
const engineTimeout = 10 * time.Second

// cloudTimeout bounds what Azure is asked: some twenty questions, side by side.
const cloudTimeout = 2 * time.Minute

// cloud makes the checks of the cloud's group.
func cloud(ctx context.Context, p Probes) []output.Finding {
	all, err := p.Cloud(ctx)
	if err == nil {
		return all
	}
	f := output.Finding{Group: "azure", Name: "login", State: output.FindingFailed, Detail: err.Error(), Fix: "az login"}
	if p.Explain != nil {
		f.Detail, f.Fix = p.Explain(err)
	}
	return append(all, f)
}

// Run makes every check.
func Run(ctx context.Context, p Probes) []output.Finding {
	var all []output.Finding
	if p.Engine != nil {
		bounded, cancel := context.WithTimeout(ctx, engineTimeout)
		all = append(all, docker(bounded, p)...)
		cancel()
	}
	if p.Cloud != nil {
		bounded, cancel := context.WithTimeout(ctx, cloudTimeout)
		all = append(all, cloud(bounded, p)...)
		cancel()
	}
	if p.State != nil {
		all = append(all, state(ctx, *p.State, p.Now())...)
	}
	if p.Definition != nil {
		all = append(all, define(p.Definition))
	}
	return all
}

func define(read func() (string, error)) output.Finding {
	f := output.Finding{Group: "definition", Name: "file", State: output.FindingOK}
	file, err := read()
	switch {
	case err != nil:
		f.State, f.Detail, f.Fix = output.FindingFailed, strings.SplitN(err.Error(), "\n", 2)[0], "envctl check tells every problem"
	case file == "":
		f.State, f.Detail = output.FindingSkipped, "none in this folder"
	default:
		f.Detail = file
	}
	return f
}
