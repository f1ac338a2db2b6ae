package cli

import (
	"context"
	"io"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

// Services builds what commands work with. Each is called when a command first
// needs it, so that `version` or `check` build no client at all.
type Services struct {
	Operations func(ctx context.Context, s Settings) (Operations, error)
	Views      func(ctx context.Context, s Settings) (Views, error)
	Workloads  func(ctx context.Context, s Settings) (Workloads, error)
	// Unsupported lists what a definition asks for and a target cannot honour. It
	// touches nothing.
	Unsupported func(target string, d *definition.Definition) []definition.Problem
	// Probes are what doctor asks.
	Probes func(s Settings) doctor.Probes
	// Cloud is what only Azure, or its simulator, has.
	Cloud func(ctx context.Context, s Settings) (Cloud, error)
}

// Settings are what clients are built from.
type Settings struct {
	Getenv func(string) string
	Target string // local or azure
	// Host is targets.local.host of the definition; empty: the caller's engine.
	Host string
	// Ref is what the command is about; the zero value: everything.
	Ref stacks.Ref
	// Azure is targets.azure of the definition; nil: it has none, or is not at hand.
	Azure *definition.Azure
	// Simulate puts the simulator in the place of Azure.
	Simulate bool
	// Record is a folder for the exchange with Azure; empty: it is not recorded.
	Record string
	// Build builds images that nobody has built, where the target is Azure.
	Build bool
	// Notice tells people something at once.
	Notice func(string)
	// AtEnd notes what is to be closed when the command is over.
	AtEnd func(func() error)
}

// Operations change an experiment, or say how they would. A result comes with an
// error where something is known of how far the operation came.
type Operations interface {
	Preview(ctx context.Context, r Request) (stacks.Result, error)
	Up(ctx context.Context, r Request) (stacks.Result, error)
	// Down gets no definition, only Request.Ref. Its Steps are what was removed.
	Down(ctx context.Context, r Request) (stacks.Result, error)
}

// Request is what Operations get.
type Request struct {
	Definition *definition.Definition // nil for Down
	File       string                 // that Definition was read from; empty: stdin
	Ref        stacks.Ref
	TTL        *time.Duration // nil: as in the definition; 0: does not expire
	KeepData   bool           // Down leaves volumes and images
	Yes        bool           // changes that need to be confirmed are
	OnEvent    func(stacks.Event)
}

// Views look at experiments and change nothing.
type Views interface {
	Status(ctx context.Context, ref stacks.Ref) (stacks.Result, error)
	// List returns every recorded experiment, sorted by name.
	List(ctx context.Context) ([]stacks.Summary, error)
	// Outputs returns false where the experiment is not up.
	Outputs(ctx context.Context, ref stacks.Ref) (stacks.Outputs, bool, error)
}

// Workloads reach into the containers of an experiment.
type Workloads interface {
	// Logs calls r.OnLine for each line until the end, or with r.Follow until ctx
	// is done.
	Logs(ctx context.Context, r LogsRequest) error
	// Exec returns the exit status of the command.
	Exec(ctx context.Context, r ExecRequest) (int, error)
	// Run runs a job to its end and returns its exit status.
	Run(ctx context.Context, r RunRequest) (stacks.Result, int, error)
}

// LogsRequest asks for the log of one app or of all.
type LogsRequest struct {
	Ref    stacks.Ref
	App    string // empty: every app
	Follow bool
	Since  time.Time // zero: from the beginning
	Tail   int       // the last lines of each app; below 0: all
	OnLine func(output.LogLine) error
}

// ExecRequest asks for a command in the container of an app.
type ExecRequest struct {
	Ref            stacks.Ref
	App            string
	Command        []string // at least one
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            bool               // stdin and stdout are a terminal, which is in raw mode
	Resize         <-chan docker.Size // its size, with TTY
}

// RunRequest asks for one run of a job.
type RunRequest struct {
	Definition     *definition.Definition
	File           string
	Ref            stacks.Ref
	Job            string
	Args           []string // replace the job's args where not empty
	Out            string   // folder for the job's outputs, absolute; empty: they are dropped
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	OnEvent        func(stacks.Event)
}
