package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// rehearser runs the steps of a rehearsal, each in a process of its own as a user
// would: nothing is shared but the state.
type rehearser struct {
	program *program
	self    string // this program
	file    string // the definition
	changed []byte // the definition with a change, which is given on stdin
	state   string // folder
}

// endPatience is how long an interrupted step may take to end by itself.
const endPatience = 30 * time.Second

func (r rehearser) run(ctx context.Context, s step) (string, error) {
	args := append([]string{"-o", "json"}, s.args...)
	file, dir := r.file, r.program.env.Dir
	if s.changed {
		file, dir = "-", filepath.Dir(r.file) // which its relative paths start from
	}
	if s.args[0] != "gc" {
		args = append(args, "-f", file)
	}
	cmd := exec.CommandContext(ctx, r.self, args...)
	var stdout bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, onceTold{r.program.env.Stderr}
	if s.changed {
		cmd.Stdin = bytes.NewReader(r.changed)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = endPatience
	cmd.Env = append(os.Environ(), "ENVCTL_STATE_DIR="+r.state, "ENVCTL_BACKEND_URL=", "ENVCTL_TARGET=", "ENVCTL_NAME=",
		"ENVCTL_FILE=", "ENVCTL_TTL=", "ENVCTL_OUTPUT=", "ENVCTL_SIMULATE=", "ENVCTL_EXPERIMENT=", "ENVCTL_RECORD=")
	err := cmd.Run()
	return r.came(s, stdout.Bytes(), err)
}

// onceTold leaves out of the steps' words what the rehearsal has said before them.
type onceTold struct{ w io.Writer }

func (o onceTold) Write(b []byte) (int, error) {
	if _, err := o.w.Write(bytes.ReplaceAll(b, []byte(simulatedNotice+"\n"), nil)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// came says what a step came to, from its result.
func (r rehearser) came(s step, stdout []byte, err error) (string, error) {
	var failure struct {
		Error *struct{ Message, Hint string }
	}
	if broken := json.Unmarshal(stdout, &failure); broken != nil && err == nil {
		return "", fmt.Errorf("its result is not JSON: %w", broken)
	}
	switch {
	case failure.Error != nil:
		return "", errors.New(failure.Error.Message)
	case err != nil:
		return "", err
	case s.detail == nil:
		return "", nil
	}
	var result rehearsed
	if err := json.Unmarshal(stdout, &result); err != nil {
		return "", fmt.Errorf("its result cannot be read: %w", err)
	}
	if s.name == "leftovers" && len(result.Found) > 0 {
		return "", fmt.Errorf("%d leftovers", len(result.Found))
	}
	if s.must != nil {
		if err := s.must(result); err != nil {
			return "", err
		}
	}
	return s.detail(result), nil
}
