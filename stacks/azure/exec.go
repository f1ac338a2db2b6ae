package azure

import (
	"context"
	"fmt"
	"io"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/console"
)

// ExecOptions is a command to run in an app that runs. On Azure it always has a
// terminal there; see [console.Session].
type ExecOptions struct {
	Cmd            []string
	TTY            bool
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Resize         <-chan console.Size
}

// NoReplicaError is an app that has nothing running to reach into.
type NoReplicaError struct{ App string }

func (e *NoReplicaError) Error() string {
	return fmt.Sprintf("app %q has no replica that runs, so nothing can be run in it", e.App)
}

// Hint says how to mend it.
func (e *NoReplicaError) Hint() string {
	return fmt.Sprintf("with scale.min 0 it sleeps until somebody asks it: `envctl open %s -t azure` wakes it; `envctl status -t azure` says how it is", e.App)
}

// Exec runs a command in the first replica of an app and returns its exit status.
func (t *Target) Exec(ctx context.Context, ref stacks.Ref, app string, o ExecOptions) (int, error) {
	list, err := t.apps(ctx, ref, app)
	if err != nil {
		return 0, err
	}
	consoles, err := t.consoles(ctx, list[0])
	if err != nil {
		return 0, err
	}
	if len(consoles) == 0 {
		return 0, &NoReplicaError{app}
	}
	return console.Exec(ctx, t.Client.HTTPClient(), consoles[0], console.Session{
		Command: o.Cmd, Stdin: o.Stdin, Stdout: o.Stdout, Stderr: o.Stderr, TTY: o.TTY, Resize: o.Resize, Wait: t.Wait,
	})
}
