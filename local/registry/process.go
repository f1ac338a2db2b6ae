package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/envctl/envctl/local/daemon"
	"github.com/envctl/envctl/local/flock"
)

// processFolder is in the store's folder; it is the process's (package daemon). It
// stays after the process, so that the next one takes the same port.
const processFolder = "process"

func (s *Store) processPath() string { return filepath.Join(s.dir, processFolder) }

// Service is the background process that serves a store on a loopback address.
type Service struct {
	Store *Store
	// Command is a program and arguments that run [Serve] on the store's folder,
	// which is added to them.
	Command []string
}

func (s *Service) process() *daemon.Process {
	command := append(s.Command[:len(s.Command):len(s.Command)], s.Store.dir)
	return &daemon.Process{Name: "the local registry", Dir: s.Store.processPath(), Command: command}
}

// Ensure returns the address (127.0.0.1:PORT) that the store is served at, and
// starts the process unless it runs.
func (s *Service) Ensure(ctx context.Context) (string, error) {
	release, err := s.Store.Hold(ctx)
	if err != nil {
		return "", fmt.Errorf("the local registry in %s: %w", s.Store.dir, err)
	}
	defer release()
	at, err := s.process().Start(ctx, "")
	if err != nil {
		return "", err
	}
	if err := answers(ctx, at.Address); err != nil {
		return "", fmt.Errorf("the local registry (process %d) does not answer at %q: end that process and try again: %w", at.PID, at.Address, err)
	}
	return at.Address, nil
}

// answerPatience is how long the process may take to answer.
const answerPatience = 10 * time.Second

// answers asks whether the process is there behind its address.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v2/", nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{} // without proxies, and closed with the question
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// Address returns where the store is or was last served, without starting anything.
func (s *Service) Address() (string, bool) {
	at, _ := s.process().Last()
	return at.Address, at.Address != ""
}

// Running says whether the process runs.
func (s *Service) Running() (bool, error) {
	_, running, err := s.process().Find()
	return running, err
}

// Stop ends the process and returns when it is gone. Content stays. A process that
// does not run is no error.
func (s *Service) Stop(ctx context.Context) error { return s.process().Stop(ctx) }

// Clean collects garbage. Where nothing is left, it stops the process and removes
// the folder.
func (s *Service) Clean(ctx context.Context) error {
	release, err := s.Store.hold(ctx, flock.Exclusive, false)
	if missing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the local registry in %s: %w", s.Store.dir, err)
	}
	defer release()
	empty, err := s.Store.collect()
	if err != nil || !empty {
		return err
	}
	if err := s.process().Remove(ctx); err != nil {
		return err
	}
	return s.Store.discard()
}
