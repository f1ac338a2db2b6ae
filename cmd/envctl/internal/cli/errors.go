package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// The exit statuses.
const (
	statusOK          = 0
	statusFailed      = 1   // the operation failed; the same command goes on from there
	statusUsage       = 2   // the definition or the command line is wrong
	statusRefused     = 3   // by policy or budget
	statusChanges     = 4   // preview --exit-code
	statusLocked      = 5   // another envctl holds the experiment's lock
	statusInterrupted = 130 // state is consistent
)

// The parts that an error of any package may have besides its message. They are
// found with errors.As, so a package need not know this one.
type (
	coded  interface{ Code() string }
	hinted interface{ Hint() string }
	placed interface{ Path() string }
	// reasoned says why it matters or what was expected. Its Error still stands on
	// its own.
	reasoned interface{ Reason() string }
	// summarized has a message that is shorter than Error, which holds every part.
	summarized interface{ Summary() string }
	// graded has an exit status of the table in cli.md.
	graded interface{ ExitStatus() int }
)

// problem is an error of this package, complete with its parts.
type problem struct {
	code, message, reason, hint, path string
	status                            int
	err                               error
}

func (p *problem) Error() string   { return p.message }
func (p *problem) Unwrap() error   { return p.err }
func (p *problem) Code() string    { return p.code }
func (p *problem) Reason() string  { return p.reason }
func (p *problem) Hint() string    { return p.hint }
func (p *problem) Path() string    { return p.path }
func (p *problem) ExitStatus() int { return p.status }

// usage returns an error of the command line.
func usage(hint, format string, args ...any) *problem {
	return &problem{code: "usage", message: fmt.Sprintf(format, args...), hint: hint, status: statusUsage}
}

// exitWith ends the program with a status and no message: what exec and run pass
// on, and preview --exit-code.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// describe turns an error into what users see. interrupted says that a signal
// ended the operation.
func describe(err error, interrupted bool) *output.Failure {
	if interrupted {
		return &output.Failure{Code: "interrupted", Status: statusInterrupted, Interrupted: true,
			Message: "interrupted", Reason: "what was done so far is recorded", Hint: "the same command again goes on from there"}
	}
	f := &output.Failure{Code: "failed", Status: statusFailed, Message: err.Error()}
	if known := describeKnown(err, f); known {
		return f
	}
	var (
		c coded
		h hinted
		p placed
		r reasoned
		s summarized
		g graded
	)
	if errors.As(err, &c) && c.Code() != "" {
		f.Code = c.Code()
	}
	if errors.As(err, &h) {
		f.Hint = h.Hint()
	}
	if errors.As(err, &p) {
		f.Path = p.Path()
	}
	if errors.As(err, &r) {
		f.Reason = r.Reason()
	}
	if errors.As(err, &s) {
		f.Message = s.Summary()
	}
	if errors.As(err, &g) && g.ExitStatus() != statusOK {
		f.Status = g.ExitStatus()
	}
	if f.Code == "failed" && errors.Is(err, context.DeadlineExceeded) {
		f.Code = "timeout"
	}
	return f
}
