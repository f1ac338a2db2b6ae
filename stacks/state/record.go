package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// recordVersion is the version of a record's form. A newer one is refused.
const recordVersion = 1

// Record is what is known of one stack beside what Pulumi keeps. No field holds
// a secret.
type Record struct {
	Version int `json:"version"` // set by [Dir.Save]
	stacks.Ref
	Created time.Time     `json:"created"`
	TTL     time.Duration `json:"ttl,omitempty"` // nanoseconds; 0: does not expire
	Expires time.Time     `json:"expires,omitzero"`
	Moved   bool          `json:"moved,omitempty"` // Expires is what `extend` said, not TTL
	// Kept is what the target itself says of Expires; zero: never, or not known.
	Kept time.Time `json:"kept,omitzero"`
	File string    `json:"file,omitempty"` // the definition was read from; empty: stdin
	// Definition is the hash of the definition that was applied last.
	Definition string `json:"definition,omitempty"`
	// Pulled are the digests of images that were pulled for the experiment.
	Pulled []string `json:"pulled,omitempty"`
	// Applied is what came of Plan; nil where the last up did not succeed.
	Applied *Applied  `json:"applied,omitempty"`
	Last    Operation `json:"last,omitzero"`
	// Plan is the plan that was applied last; it holds no secret. [Dir.List]
	// leaves it out.
	Plan json.RawMessage `json:"-"`
}

// Applied is what a plan became when it was set up.
type Applied struct {
	Program   string         `json:"program"` // build of envctl that did it
	Outputs   stacks.Outputs `json:"outputs"` // no secret is an output of envctl
	Resources int            `json:"resources"`
}

// Operation is one command on a stack and the process that does it.
type Operation struct {
	Command string    `json:"command"`
	Process Process   `json:"process"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"` // zero: under way, or killed
	Error   string    `json:"error,omitempty"`
}

// Started is an operation of this process that began.
func Started(command string, at time.Time) Operation {
	return Operation{Command: command, Process: Self(), Started: at.UTC()}
}

// Finished is the operation with its end.
func (o Operation) Finished(at time.Time, err error) Operation {
	o.Ended, o.Error = at.UTC(), ""
	if err != nil {
		o.Error = err.Error()
	}
	return o
}

// Interrupted says that the last operation never ended, and that no other
// process is still at it. One that this very process left open counts: whoever
// holds the stack's lock must not trust what it left.
func (r Record) Interrupted() bool {
	return r.Last.Command != "" && r.Last.Ended.IsZero() && (r.Last.Process.PID == os.Getpid() || !r.Last.Process.Alive())
}

// HasPulled says whether the stack itself brought the image to the engine.
func (r Record) HasPulled(ref string) bool { return slices.Contains(r.Pulled, ref) }

// AddPulled remembers an image that the stack brought to the engine.
func (r *Record) AddPulled(ref string) {
	if !r.HasPulled(ref) {
		r.Pulled = append(r.Pulled, ref)
		slices.Sort(r.Pulled)
	}
}

// LastPlan returns the plan that the record holds; nil where there is none.
func (r Record) LastPlan() (*plan.Plan, error) {
	if len(r.Plan) == 0 {
		return nil, nil
	}
	p, err := plan.Parse(r.Plan)
	if err != nil {
		return nil, fmt.Errorf("the record of %s: %w", r.Ref, err)
	}
	return p, nil
}

// encode writes a record as two JSON documents, one a line: the record, then its
// plan. So a list of many records need not read their plans.
func (r Record) encode() ([]byte, error) {
	r.Version = recordVersion
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	data = append(data, '\n')
	if len(r.Plan) == 0 {
		return data, nil
	}
	compact, err := json.Marshal(r.Plan) // on one line, and refused where it is no JSON
	if err != nil {
		return nil, fmt.Errorf("plan of %s: %w", r.Ref, err)
	}
	return append(append(data, compact...), '\n'), nil
}

// errNewer is a record of a form that this envctl does not know.
var errNewer = errors.New("written by a newer envctl")

// check holds that a decoded record is one that this envctl can act on.
func (r Record) check(name string) error {
	switch {
	case r.Version > recordVersion:
		return fmt.Errorf("%w: it has version %d, and this one reads %d", errNewer, r.Version, recordVersion)
	case r.Version < 1:
		return errors.New("it has no version")
	case r.Ref.String() != name:
		return fmt.Errorf("it is of stack %q", r.Ref)
	}
	return nil
}
