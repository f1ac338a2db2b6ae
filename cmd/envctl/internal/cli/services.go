package cli

import (
	"context"
	"io"
	"time"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/cmd/envctl/internal/mcpserver"
	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/box/models"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/untar"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
)

// Services builds what commands work with. Each is called when a command first
// needs it, so that `version` or `check` build no client at all.
type Services struct {
	Operations func(ctx context.Context, s Settings) (Operations, error)
	Views      func(ctx context.Context, s Settings) (Views, error)
	Workloads  func(ctx context.Context, s Settings) (Workloads, error)
	Keeper     func(ctx context.Context, s Settings) (Keeper, error)
	Meter      func(ctx context.Context, s Settings) (Meter, error)
	// OneShots runs scripts and images that no definition knows of.
	OneShots func(ctx context.Context, s Settings) (OneShots, error)
	// Unsupported lists what a definition asks for and a target cannot honour. It
	// touches nothing.
	Unsupported func(target string, d *definition.Definition) []definition.Problem
	// Probes are what doctor asks.
	Probes func(s Settings) doctor.Probes
	// Sandboxes prove and strengthen what separates workloads from the machine.
	Sandboxes func(ctx context.Context, s Settings) (Sandboxes, error)
	// Cloud is what only Azure, or its simulator, has.
	Cloud func(ctx context.Context, s Settings) (Cloud, error)
	// Boxes are sandboxes for agents.
	Boxes func(ctx context.Context, s Settings) (Boxes, error)
}

// Boxes make sandboxes for agents, and have the images for them.
type Boxes struct {
	Manager *box.Manager
	Images  mcpserver.Images
	// Project lists the images of a definition's apps and jobs by name, with those that
	// the last up built, and has Images know what they mean.
	Project func(ref stacks.Ref, d *definition.Definition) ([]string, error)
	// Isolate chooses the runtime of boxes, and of what installs their packages, by a
	// setting as in targets.local.isolation.
	Isolate func(ctx context.Context, setting string) (isolation.Choice, error)
	// Models are those of a definition for boxes to call, until the command is over; nil
	// where nothing answers for them.
	Models func(ctx context.Context, ref stacks.Ref, d *definition.Definition) (*models.Project, error)
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

// Keeper ends what has expired.
type Keeper interface {
	// Expire destroys r.Ref where its time is over. One that somebody works on is an
	// error of status 5; one that was extended meanwhile is unchanged.
	Expire(ctx context.Context, r Request) (stacks.Result, error)
	// Extend moves when an experiment expires, and changes nothing else of it.
	Extend(ctx context.Context, ref stacks.Ref, to expiry.Move) (stacks.Result, error)
	// Orphans lists what owners left that are no more.
	Orphans(ctx context.Context) ([]Leftover, error)
}

// Meter tells what an experiment used.
type Meter interface {
	// Identity says what each app did with the roles that it has.
	Identity(ctx context.Context, ref stacks.Ref) ([]stacks.IdentityUse, error)
	// Spend is what its models took this month.
	Spend(ctx context.Context, ref stacks.Ref) (stacks.Spend, error)
}

// Workloads reach into the containers of an experiment.
type Workloads interface {
	// Logs calls r.OnLine for each line until the end, or with r.Follow until ctx
	// is done.
	Logs(ctx context.Context, r LogsRequest) error
	// Exec returns the exit status of the command.
	Exec(ctx context.Context, r ExecRequest) (int, error)
	// Run runs a job to its end and returns its exit status.
	Run(ctx context.Context, r RunRequest) (RunEnd, error)
}

// OneShots run scripts and images that no definition knows of. A report comes with an
// error where the program ran.
type OneShots interface {
	Run(ctx context.Context, spec oneshot.Spec, s oneshot.Streams) (oneshot.Report, error)
	// Again repeats a run. pass are the variables whose values are not recorded.
	Again(ctx context.Context, id, out string, pass map[string]string, s oneshot.Streams) (oneshot.Report, error)
	// IDs are the runs that can be repeated, the newest first.
	IDs() ([]string, error)
}

// LogsRequest asks for the log of one app or of all.
type LogsRequest struct {
	Ref    stacks.Ref
	App    string // empty: every app
	Egress bool   // what the gateway told of egress, in the place of what apps wrote
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

// RunEnd is how a run of a job ended.
type RunEnd struct {
	stacks.Result
	ExitCode int
	Report   *oneshot.Report // nil: nothing is known of it but how it ended
	Files    *untar.Summary  // where there is no report: what came back; nil: nothing was asked for
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
