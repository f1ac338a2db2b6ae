package stacks

import (
	"context"
	"time"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// Target is a place that experiments are made in: what has to be known or done
// there beside what Pulumi does.
type Target interface {
	// Unsupported lists what the definition asks for and the target cannot
	// honour. It touches nothing.
	Unsupported(def *definition.Definition) []definition.Problem
	// Prepare settles every image of the definition to a digest.
	Prepare(ctx context.Context, p Preparation) (map[string]plan.Image, error)
	// Component returns what makes the plan's parts. With dryRun nothing is made
	// ready for it.
	Component(ctx context.Context, p *plan.Plan, dryRun bool) (components.Target, error)
	// Observe says how the parts of the plan are now.
	Observe(ctx context.Context, p *plan.Plan) (Observation, error)
	// States says how every experiment on the target is, by one question.
	States(ctx context.Context) (map[Ref]State, error)
	// DataTypes are the types of resources (Pulumi type tokens) that hold data or
	// took long to make, which a destroy may be asked to leave.
	DataTypes() []string
	// Prune removes the workloads of the plan's experiment that the plan does not
	// have, and returns how many those were: a killed operation may have made them
	// and not recorded it.
	Prune(ctx context.Context, p *plan.Plan) (int, error)
	// Sweep removes everything that carries the labels of ref, whether any state
	// knows it or not, and returns how many objects that were.
	Sweep(ctx context.Context, ref Ref, keepData bool) (int, error)
}

// Waiter is a target whose parts are made before they work.
type Waiter interface {
	// Await returns when every part of the plan works by its effect: it answers. A
	// deadline's error says what it waited for and the last reason.
	Await(ctx context.Context, p *plan.Plan, onEvent func(Event)) error
}

// Beginner is a target that can make something of a plan before the Pulumi engine asks
// for it.
type Beginner interface {
	// Begin starts that beside the engine's own start. undo removes what the engine
	// never asked for after all.
	Begin(ctx context.Context, p *plan.Plan) (undo func(context.Context) error)
}

// Trimmer is a target where a killed operation may have made more than the workloads
// that [Target.Prune] looks for.
type Trimmer interface {
	// Trim removes what carries the labels of the plan's experiment and is not among
	// ids, which are all that the state has, and returns how many objects that were.
	Trim(ctx context.Context, p *plan.Plan, ids []string) (int, error)
}

// Repeater is a target where an apply can fail for something that passes: what has to
// spread first, or what somebody else took at the same moment.
type Repeater interface {
	// Again says whether the same apply is likely to succeed after it failed with
	// err, once it has waited for what that needs. tries counts from 1.
	Again(ctx context.Context, p *plan.Plan, err error, tries int, onEvent func(Event)) bool
}

// Preparation is what [Target.Prepare] works on.
type Preparation struct {
	Definition *definition.Definition
	Ref        Ref
	// Pulled says whether the experiment itself pulled an image earlier.
	Pulled func(ref string) bool
	// DryRun builds and pulls nothing and writes no envctl.lock.
	DryRun  bool
	OnEvent func(Event)
}

// Observation is how an experiment is now.
type Observation struct {
	Apps  []AppStatus
	Drift []Drift
}

// Sound says that everything is as it was set up.
func (o Observation) Sound() bool {
	for _, a := range o.Apps {
		if a.State != AppRunning {
			return false
		}
	}
	return len(o.Drift) == 0
}

// The states of an app.
const (
	AppRunning    = "running"
	AppStarting   = "starting"
	AppUnhealthy  = "unhealthy"
	AppRestarting = "restarting"
	AppExited     = "exited"
	AppMissing    = "missing"
)

// Extender is a target that keeps when an experiment expires.
type Extender interface {
	// SetDeadline makes ref expire at a time; zero: never. What is there stays as it
	// is.
	SetDeadline(ctx context.Context, ref Ref, deadline time.Time) error
}

// Marker is an [Extender] that keeps a deadline that was moved beside the labels of
// the objects, which stay as they were made: no change of ttl replaces one.
type Marker interface {
	Extender
	// Deadline is the one that was set; false where none was.
	Deadline(ctx context.Context, ref Ref) (deadline time.Time, moved bool, err error)
}

// State is an experiment in one line.
type State struct {
	Apps    int       // that run
	Stopped int       // that do not
	Created time.Time // of the oldest object; zero: the target does not tell
	Expires time.Time // by the labels there; zero: never, or the target does not tell
	Moved   bool      // Expires was set after creation; zero is never then
}

// The values of Summary.State.
const (
	StatusRunning     = "running"
	StatusPartial     = "partial"
	StatusStopped     = "stopped"
	StatusInterrupted = "interrupted"
	StatusAbsent      = "absent"
	StatusUnknown     = "unknown"
)
