// Package box runs long-lived sandboxes for agents on a Docker Engine: a box has
// no network and no rights, one folder for files (/workspace), and a deadline. What
// else its programs reach, this process serves itself ([Services]).
//
// Everything of a box carries its label, its owner and its deadline, and goes with
// it. Process 1 of a box is the program hold, which ends at the deadline even when
// nobody on the host is left; what it leaves is removed by [Manager.Reap], by the
// labels alone. A program in a box is started, ended and asked for its output
// through hold too, as are files: inside the box, with the rights of its user, so
// no path and no link of the box is ever resolved on the host.
package box

import (
	"errors"
	"fmt"
	"time"

	"github.com/envctl/envctl/local/sandbox"
)

// The labels of everything that belongs to a box, beside those of its experiment.
const (
	LabelBox     = "dev.envctl.box"
	LabelKind    = "dev.envctl.kind"
	LabelOwner   = "dev.envctl.owner"   // the process that made it
	LabelExpires = "dev.envctl.expires" // RFC 3339
	// Kind is the value of LabelKind.
	Kind = "box"
)

const (
	// Work is the folder for files of a box, and where its programs start.
	Work = "/workspace"
	// Temp is the other folder that can be written to.
	Temp = "/tmp"
	// User is the uid and gid of everything in a box.
	User = 65532
)

// Spec is a box to make.
type Spec struct {
	// Image is what the engine knows for good: an image ID or a digest.
	Image string
	// Ref names the image to people.
	Ref     string
	CPU     float64 // cores
	Memory  int64   // bytes, files in /workspace and /tmp included
	Storage int64   // bytes of /workspace; 0: half of the memory
	TTL     time.Duration
	// Runtime is the engine's runtime; empty: its default.
	Runtime string
	// Isolation is the level that Runtime gives, for people.
	Isolation string
	// Services are what its programs reach; nil: nothing.
	Services *Services
}

// Box is one sandbox.
type Box struct {
	ID      string
	Image   string // as people name it
	Created time.Time
	Expires time.Time
	CPU     float64
	Memory  int64
	Running bool
	// Isolation is its Spec's.
	Isolation string
	// Programs run now.
	Programs int
	// Models are those of its Spec's services.
	Models []string
}

// minMemory is what the least of images needs beside hold.
const minMemory = 32 << 20

func (s Spec) check() error {
	switch {
	case s.Image == "":
		return errors.New("a box needs an image")
	case s.Memory < minMemory:
		return fmt.Errorf("memory of %d bytes is too little: a box needs %d MiB at least", s.Memory, minMemory>>20)
	case s.CPU <= 0:
		return fmt.Errorf("%v processors are too few: a box needs more than 0", s.CPU)
	case s.TTL <= 0:
		return fmt.Errorf("a time to live of %s is over already", s.TTL)
	case s.Storage < 0 || s.Storage > s.Memory:
		return fmt.Errorf("storage of %d bytes is more than the memory of %d that it is a part of", s.Storage, s.Memory)
	}
	return s.checkServices()
}

func (s Spec) storage() int64 {
	if s.Storage > 0 {
		return s.Storage
	}
	return s.Memory / 2
}

// Error is a box that cannot do what is asked of it, with the way to mend it.
type Error struct {
	What, Mend string
	Err        error // may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.What + ": " + e.Err.Error()
	}
	return e.What
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says how to mend it.
func (e *Error) Hint() string { return e.Mend }

// ErrNotFound is a box, a program or a file that is not there.
var ErrNotFound = errors.New("not found")

func noBox(id string) error {
	return &Error{
		What: fmt.Sprintf("there is no box %q", id), Err: ErrNotFound,
		Mend: "list the boxes, or create one: a box is gone when it has expired or was destroyed",
	}
}

// profile is the hardening of a box: a job's, but that process 1 is hold, which
// reaps as the engine's own would.
func (s Spec) profile() sandbox.Profile {
	p := sandbox.New(sandbox.Job, workload(s), "none")
	p.Init, p.Runtime = false, s.Runtime
	if s.Services != nil {
		p.Hosts = s.Services.hosts()
	}
	return p
}
