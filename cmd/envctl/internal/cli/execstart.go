package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// startFailed begins what the engine writes to a command's own output where it could
// not start the command.
const startFailed = "OCI runtime exec failed: "

// longestStartFailure bounds what is held back, in bytes.
const longestStartFailure = 4096

// execOutput passes a command's output on, but holds back what may be the engine's
// words instead of the command's.
type execOutput struct {
	w    io.Writer
	held []byte
	open bool // it is the command's own
}

func (o *execOutput) Write(b []byte) (int, error) {
	if o.open {
		return o.w.Write(b)
	}
	o.held = append(o.held, b...)
	n := min(len(o.held), len(startFailed))
	if string(o.held[:n]) == startFailed[:n] && len(o.held) <= longestStartFailure {
		return len(b), nil
	}
	return len(b), o.release()
}

func (o *execOutput) release() error {
	held := o.held
	o.open, o.held = true, nil
	_, err := o.w.Write(held)
	return err
}

// end is what came of a command that ended with status: an error where the engine
// could not start it, else its status. What was held back of its own is passed on.
func (o *execOutput) end(app string, command []string, status int) error {
	if (status == 126 || status == 127) && bytes.HasPrefix(o.held, []byte(startFailed)) {
		why := strings.TrimSuffix(strings.TrimSpace(string(o.held[len(startFailed):])), ": unknown")
		if i := strings.LastIndex(why, "exec: "); i >= 0 {
			why = why[i+len("exec: "):]
		}
		return &problem{code: "no-program", status: status,
			message: fmt.Sprintf("app %q cannot start %q: %s", app, command[0], why),
			hint:    "name a program that its image has; one FROM scratch has no shell and no ls"}
	}
	if len(o.held) > 0 {
		if err := o.release(); err != nil {
			return err
		}
	}
	if status != statusOK {
		return exitWith(status)
	}
	return nil
}
