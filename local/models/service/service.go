package service

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/envctl/envctl/local/daemon"
)

// Service is the background process of one instance.
type Service struct {
	Dir string // the process's folder
	// Command is a program and arguments that run [Serve] on the folder, which is added
	// to them.
	Command []string
}

func (v *Service) process() *daemon.Process {
	command := append(v.Command[:len(v.Command):len(v.Command)], v.Dir)
	return &daemon.Process{Name: "the process of the models", Dir: v.Dir, Command: command}
}

// Ensure makes the process run with these settings: it starts it, leaves one that has
// them alone, or replaces one that has others, whose calls are settled first.
func (v *Service) Ensure(ctx context.Context, s Settings) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	raw, err := s.encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.Ledger), 0o700); err != nil {
		return fmt.Errorf("the ledger's folder: %w", err)
	}
	process := v.process()
	process.Prepare = func() error { return renewSettings(v.Dir, raw) }
	_, err = process.Start(ctx, markOf(raw))
	return err
}

// Stop ends the process, removes its folder and returns when it is gone. The ledger
// stays. A process that does not run is no error.
func (v *Service) Stop(ctx context.Context) error { return v.process().Remove(ctx) }

// Running says whether the process runs.
func (v *Service) Running() (bool, error) {
	_, running, err := v.process().Find()
	return running, err
}
