package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/envctl/envctl/cmd/envctl/internal/doctor"
	"github.com/envctl/envctl/stacks/engine"
	"github.com/envctl/envctl/stacks/state"
)

// passphrases are the variables that take the place of the key file.
var passphrases = []string{"ENVCTL_PASSPHRASE", "ENVCTL_PASSPHRASE_FILE", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"}

// probeState looks at the state folder, which it makes where it is missing.
func probeState(getenv func(string) string) *doctor.State {
	dir, err := state.Open(getenv)
	if err != nil {
		return &doctor.State{TryWrite: func() error { return err }}
	}
	s := &doctor.State{
		Dir: dir.Path(), Backend: dir.BackendURL(), KeyFile: dir.KeyFile(),
		TryWrite: func() error { return tryWrite(dir.Path()) },
		KeyMode:  func() (uint32, bool, error) { return fileMode(dir.KeyFile()) },
		TryBackend: func(ctx context.Context) error {
			_, err := engine.New(engine.Config{BackendURL: dir.BackendURL(), WorkDir: dir.WorkDir()}).List(ctx)
			return err
		},
		Operations: func(ctx context.Context) ([]doctor.Operation, error) { return unfinished(ctx, dir) },
	}
	for _, v := range passphrases {
		if getenv(v) != "" {
			s.KeyFile = ""
		}
	}
	return s
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	_, err = f.Write([]byte("x"))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

func fileMode(name string) (mode uint32, there bool, err error) {
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return uint32(info.Mode().Perm()), true, nil
}

// unfinished lists the operations that have not ended: those whose lock is held
// are under way, the others were killed.
func unfinished(ctx context.Context, dir *state.Dir) ([]doctor.Operation, error) {
	records, err := dir.List()
	if err != nil {
		return nil, err
	}
	var all []doctor.Operation
	for _, r := range records {
		if !r.Interrupted() {
			continue
		}
		o := doctor.Operation{Stack: r.Ref.String(), Command: r.Last.Command, Since: r.Last.Started}
		lock, err := dir.Lock(ctx, r.Ref, state.LockOptions{Command: "doctor"})
		var held *state.HeldError
		switch {
		case errors.As(err, &held):
			o.Holder = held.Holder.String()
		case err != nil:
			return nil, err
		default:
			if err := lock.Release(); err != nil {
				return nil, err
			}
		}
		all = append(all, o)
	}
	return all, nil
}
