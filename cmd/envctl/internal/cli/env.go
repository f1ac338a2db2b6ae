// Package cli is the command line of envctl: one file a command.
//
// [Run] is the whole program. Everything it touches comes in through [Env], so a
// test runs it in-process: arguments, streams, variables, the current folder, the
// clock and, as [Services], whatever talks to an engine or to the state.
//
// A command is an options struct, newX (flags, help) and runX, which knows nothing
// of the flag library. runX returns a document or an error; [Run] prints either
// and turns an error into the exit status (errors.go).
package cli

import (
	"context"
	"io"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/docker"
)

// Env is everything of the outside world that a command sees.
type Env struct {
	Args           []string // without the program's name
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Lookup returns a variable, and whether it is set.
	Lookup func(name string) (value string, set bool)
	// Dir is the current folder, absolute.
	Dir string
	// IsTerminal says whether one of the three streams is a terminal.
	IsTerminal func(stream any) bool
	// Size returns the width and height of the terminal behind Stderr.
	Size func() (width, height int)
	// Raw hands the terminal behind Stdin over to a program in a container, byte by
	// byte, until restore is called. Sizes gets the terminal's size at once and
	// whenever it changes.
	Raw func() (sizes <-chan docker.Size, restore func(), err error)
	// Self is the path of this program, which rehearse runs.
	Self func() (string, error)
	// Open opens an address in the browser; nil: there is none.
	Open     func(ctx context.Context, url string) error
	Clock    output.Clock
	Services Services
}

// Getenv returns a variable, "" where it is not set.
func (e Env) Getenv(name string) string {
	value, _ := e.Lookup(name)
	return value
}
