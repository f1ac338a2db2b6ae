package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
)

// Record is what is known of one stack beside what Pulumi keeps.
type Record struct {
	stacks.Ref
	Created time.Time     `json:"created"`
	TTL     time.Duration `json:"ttl,omitempty"` // nanoseconds; 0: does not expire
	Expires time.Time     `json:"expires,omitzero"`
	File    string        `json:"file,omitempty"` // the definition was read from
	// Definition is the hash of the definition that was applied last.
	Definition string `json:"definition,omitempty"`
	// Plan is the plan that was applied last; it holds no secret.
	Plan json.RawMessage `json:"plan,omitempty"`
	// Pulled are the digests of images that were pulled for the experiment.
	Pulled []string  `json:"pulled,omitempty"`
	Last   Operation `json:"last"`
}

// Operation is one command on a stack.
type Operation struct {
	Command string    `json:"command"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"` // zero: under way, or killed
	Error   string    `json:"error,omitempty"`
}

// Started is an operation that began.
func Started(command string, at time.Time) Operation {
	return Operation{Command: command, Started: at.UTC()}
}

// Finished is the operation with its end.
func (o Operation) Finished(at time.Time, err error) Operation {
	o.Ended, o.Error = at.UTC(), ""
	if err != nil {
		o.Error = err.Error()
	}
	return o
}

// Interrupted says that the last operation never ended. Under the stack's lock
// that means that it was killed.
func (r Record) Interrupted() bool { return r.Last.Command != "" && r.Last.Ended.IsZero() }

// HasPulled says whether the experiment pulled an image.
func (r Record) HasPulled(ref string) bool { return slices.Contains(r.Pulled, ref) }

// AddPulled remembers an image that the experiment pulled.
func (r *Record) AddPulled(ref string) {
	if !r.HasPulled(ref) {
		r.Pulled = append(r.Pulled, ref)
	}
}

// LastPlan is the plan that was applied last; nil where there was none.
func (r Record) LastPlan() (*plan.Plan, error) {
	if len(r.Plan) == 0 {
		return nil, nil
	}
	return plan.Parse(r.Plan)
}

// DamagedError is a file that does not hold what envctl wrote.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string { return fmt.Sprintf("%s is damaged: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// Code is the error's name in JSON.
func (*DamagedError) Code() string { return "state" }

// Hint says how to restore it.
func (e *DamagedError) Hint() string {
	if _, err := os.Stat(e.Path + ".bak"); err == nil {
		return fmt.Sprintf("restore the previous version with: cp %[1]s.bak %[1]s", e.Path)
	}
	return fmt.Sprintf("remove it with: rm %s; `envctl down` then finds what is left by its labels", e.Path)
}

func (d *Dir) recordPath(ref stacks.Ref) string {
	return filepath.Join(d.path, "records", ref.String()+".json")
}

// Load reads the record of a stack; false where there is none.
func (d *Dir) Load(ref stacks.Ref) (Record, bool, error) {
	return d.load(d.recordPath(ref))
}

func (d *Dir) load(path string) (Record, bool, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, &DirError{Path: d.path, Err: err}
	}
	var r Record
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if err := decoder.Decode(&r); err != nil {
		return Record{}, false, &DamagedError{Path: path, Err: err}
	}
	if r.Ref.String()+".json" != filepath.Base(path) {
		return Record{}, false, &DamagedError{Path: path, Err: fmt.Errorf("it is the record of %s", r.Ref)}
	}
	return r, true, nil
}

// Save writes the record of a stack.
func (d *Dir) Save(r Record) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := writeAtomic(d.recordPath(r.Ref), append(raw, '\n')); err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	return nil
}

// Delete removes the record of a stack with what was kept of it.
func (d *Dir) Delete(ref stacks.Ref) error {
	for _, path := range []string{d.recordPath(ref), d.recordPath(ref) + ".bak"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &DirError{Path: d.path, Err: err}
		}
	}
	if err := os.RemoveAll(filepath.Join(d.Derived(), ref.Experiment+"."+ref.Instance)); err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	return nil
}

// List reads every record. A damaged one is an error that names it; files that
// are no records are left alone.
func (d *Dir) List() ([]Record, error) {
	entries, err := os.ReadDir(filepath.Join(d.path, "records"))
	if err != nil {
		return nil, &DirError{Path: d.path, Err: err}
	}
	out := make([]Record, 0, len(entries))
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if _, err := stacks.ParseRef(name); !ok || err != nil {
			continue
		}
		r, found, err := d.load(filepath.Join(d.path, "records", e.Name()))
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, r)
		}
	}
	return out, nil
}
