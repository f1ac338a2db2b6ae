package stacks

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// SchemaVersion is the version of the JSON that results are printed as. Keys
// never change meaning within one version.
const SchemaVersion = 1

// Ref names one stack: an instance of an experiment on a target.
type Ref struct {
	Experiment string `json:"experiment"`
	Instance   string `json:"instance"`
	Target     string `json:"target"` // local or azure
}

// String returns the Pulumi stack name, experiment.instance.target. None of the
// parts can hold a dot, so the name is unambiguous.
func (r Ref) String() string { return r.Experiment + "." + r.Instance + "." + r.Target }

// ParseRef is the inverse of [Ref.String].
func ParseRef(stack string) (Ref, error) {
	p := strings.Split(stack, ".")
	if len(p) != 3 || p[0] == "" || p[1] == "" || p[2] == "" {
		return Ref{}, fmt.Errorf("stack name %q is not EXPERIMENT.INSTANCE.TARGET", stack)
	}
	return Ref{p[0], p[1], p[2]}, nil
}

// The values of Result.Result.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Destroyed = "destroyed"
	Absent    = "absent"
	Failed    = "failed"
	Refused   = "refused"
	Completed = "completed" // run: the job ended with status 0
)

// Result is what an operation ends with: the one object of `-o json`.
type Result struct {
	SchemaVersion int         `json:"schemaVersion"`
	Command       string      `json:"command"`
	Ref                       // experiment, instance, target
	Simulated     bool        `json:"simulated,omitempty"` // a simulator answered, not the target itself
	Result        string      `json:"result"`
	Changes       *Changes    `json:"changes,omitempty"`
	Seconds       float64     `json:"seconds"`
	Expires       time.Time   `json:"expires,omitzero"`
	Outputs       *Outputs    `json:"outputs,omitempty"`
	Steps         []Step      `json:"steps,omitempty"` // preview: what would be done
	Apps          []AppStatus `json:"apps,omitempty"`  // status: what is there
	Drift         []Drift     `json:"drift,omitempty"` // status: what differs from what was set up
	// Identity is what status --identity says.
	Identity []IdentityUse `json:"identity,omitempty"`
	// Spend is what models took this month; nil: it has none.
	Spend    *Spend   `json:"spend,omitempty"`
	Warnings []string `json:"warnings"`
}

// Changes counts resources by what was, or would be, done to them.
type Changes struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Delete  int `json:"delete"`
	Same    int `json:"same"`
}

// Any says whether anything but Same is counted.
func (c Changes) Any() bool { return c.Create+c.Update+c.Replace+c.Delete > 0 }

// Outputs are the same keys on every target.
type Outputs struct {
	Apps        map[string]AppOutput `json:"apps"`
	Jobs        map[string]JobOutput `json:"jobs"`
	Models      map[string]string    `json:"models"`
	Registry    string               `json:"registry,omitempty"`
	Environment string               `json:"environment"`
}

// AppOutput is where an app answers and what it runs.
type AppOutput struct {
	URL   string `json:"url,omitempty"` // empty: no public ingress
	Image string `json:"image"`
}

// JobOutput is what a job runs.
type JobOutput struct {
	Image string `json:"image"`
}

// Step is one resource of a preview.
type Step struct {
	Op    string           `json:"op"`   // create, update, replace, delete, same
	Type  string           `json:"type"` // Pulumi type token
	Name  string           `json:"name"`
	Diffs []PropertyChange `json:"diffs,omitempty"`
}

// PropertyChange is one property that differs. A secret's values are "[secret]".
type PropertyChange struct {
	Path    string `json:"path"`
	Old     any    `json:"old,omitempty"`
	New     any    `json:"new,omitempty"`
	Replace bool   `json:"replace,omitempty"` // the change needs a new resource
}

// AppStatus is one app as the target reports it now.
type AppStatus struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`            // one of the App constants
	Reason   string    `json:"reason,omitempty"` // in words, where State is not running
	URL      string    `json:"url,omitempty"`
	Image    string    `json:"image"`
	Since    time.Time `json:"since,omitzero"`
	ExitCode *int      `json:"exitCode,omitempty"`
	// Isolation is what separates it from the machine now: container, gvisor or vm;
	// empty where the target does not tell.
	Isolation string `json:"isolation,omitempty"`
}

// Drift is one difference between what was set up and what is there.
type Drift struct {
	Resource string `json:"resource"`
	Path     string `json:"path,omitempty"`
	Want     string `json:"want"`
	Got      string `json:"got"`
}

// String returns the difference in one line.
func (d Drift) String() string {
	if d.Path == "" {
		return fmt.Sprintf("%s is %s, want %s", d.Resource, d.Got, d.Want)
	}
	return fmt.Sprintf("%s: %s is %s, want %s", d.Resource, d.Path, d.Got, d.Want)
}

// Summary is one line of `envctl list`.
type Summary struct {
	Ref
	State   string    `json:"state"`            // one of the Status constants
	Reason  string    `json:"reason,omitempty"` // why the state is unknown
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Apps    int       `json:"apps"`
	Spend   float64   `json:"spend"`
	// Simulated says that a simulator answered, not the target itself.
	Simulated bool `json:"simulated,omitempty"`
}

// Compare orders summaries by experiment, instance and target.
func (s Summary) Compare(other Summary) int {
	return cmp.Or(cmp.Compare(s.Experiment, other.Experiment), cmp.Compare(s.Instance, other.Instance), cmp.Compare(s.Target, other.Target))
}

// KindOf is what a resource of a Pulumi type is in words: the last part of the token,
// "container" for docker:index/container:Container. Where an image came from and how
// a secret is made is no concern of a reader.
func KindOf(token string) string {
	switch kind := strings.ToLower(token[strings.LastIndexByte(token, ':')+1:]); kind {
	case "remoteimage":
		return "image"
	case "randompassword":
		return "secret"
	default:
		return kind
	}
}

// The types of Event.
const (
	EventPhase    = "phase"    // a named phase of the operation began or ended: build, apply, health, sweep
	EventResource = "resource" // one resource began, ended or failed
	EventLog      = "log"      // a line of build output or a diagnostic
)

// The states of an Event.
const (
	StateRunning = "running"
	StateDone    = "done"
	StateFailed  = "failed"
)

// Event is progress of an operation; `-o ndjson` prints one a line.
type Event struct {
	Time     time.Time `json:"time"`
	Type     string    `json:"type"`
	State    string    `json:"state,omitempty"`
	Phase    string    `json:"phase,omitempty"`
	Op       string    `json:"op,omitempty"`       // create, update, replace, delete, same, refresh
	Resource string    `json:"resource,omitempty"` // logical name, e.g. "api"
	Kind     string    `json:"kind,omitempty"`     // in words, e.g. "container"
	Parent   string    `json:"parent,omitempty"`   // logical name of the parent resource
	Seconds  float64   `json:"seconds,omitempty"`  // how long, where State is done or failed
	Severity string    `json:"severity,omitempty"` // info, warning, error
	Message  string    `json:"message,omitempty"`
}
