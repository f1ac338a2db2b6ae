package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// servingFile is in the store's folder while a process serves it, which holds a
// lock of it (flock(2)) as long as it lives: a killed one's is gone with it. The
// file says where it serves; it stays after the process, so that the next one
// takes the same port.
const servingFile = "serving"

// serving is what the file says.
type serving struct {
	Address string `json:"address"` // HOST:PORT
	ID      string `json:"id"`      // in every answer, as header idHeader
	PID     int    `json:"pid"`     // 0: the process is being started
}

// idHeader tells this registry from another program that has taken its port.
const idHeader = "Envctl-Registry"

// The files that a started process inherits, after the three of every process.
const (
	listenerFD = 3
	lockFD     = 4
)

// Service is the background process that serves a store on a loopback address.
type Service struct {
	Store *Store
	// Command is a program and arguments that run [Serve] on the store's folder,
	// which is added to them.
	Command []string
}

// settlePatience is how long another one may take to start or to stop the process.
const settlePatience = 10 * time.Second

// Ensure returns the address (127.0.0.1:PORT) that the store is served at, and
// starts the process unless it runs. The address is bound when Ensure returns;
// requests wait until the process is ready for them.
func (s *Service) Ensure(ctx context.Context) (string, error) {
	release, err := s.Store.Hold(ctx)
	if err != nil {
		return "", fmt.Errorf("the local registry in %s: %w", s.Store.dir, err)
	}
	defer release()
	for began := time.Now(); ; {
		f, free, err := s.Store.lockServing()
		if err != nil {
			return "", fmt.Errorf("the local registry in %s: %w", s.Store.dir, err)
		}
		if free {
			address, err := s.start(f)
			return address, errors.Join(err, f.Close())
		}
		if at, ok := s.Store.readServing(); ok && at.answers(ctx) {
			return at.Address, nil
		}
		if time.Since(began) > settlePatience {
			at, _ := s.Store.readServing()
			return "", fmt.Errorf("the local registry (process %d) does not answer at %q: end that process and try again", at.PID, at.Address)
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

// Address returns where the store is or was last served, without starting anything.
func (s *Service) Address() (string, bool) {
	at, ok := s.Store.readServing()
	return at.Address, ok
}

// Running says whether the process runs.
func (s *Service) Running() (bool, error) {
	f, err := os.Open(s.Store.servingPath())
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	free, err := tryLock(f)
	return !free, err
}

// start starts the process; f is the lock that it inherits.
func (s *Service) start(f *os.File) (string, error) {
	listener, at, err := s.Store.bind(f)
	if err != nil {
		return "", err
	}
	defer listener.Close()
	socket, err := listener.File()
	if err != nil {
		return "", err
	}
	defer socket.Close()
	cmd := exec.Command(s.Command[0], append(s.Command[1:len(s.Command):len(s.Command)], s.Store.dir)...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), inherited+"=1")
	cmd.ExtraFiles = []*os.File{socket, f} // as listenerFD and lockFD
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the local registry: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it outlives this process most times
	return at.Address, nil
}

// bind listens where the store was served last, or on a free port where that is
// taken, and writes it down.
func (s *Store) bind(f *os.File) (*net.TCPListener, serving, error) {
	var before serving
	if raw, err := io.ReadAll(io.LimitReader(f, maxManifest)); err == nil {
		_ = json.Unmarshal(raw, &before) // what a killed one half wrote says nothing
	}
	var listener net.Listener
	err := errors.New("no address yet")
	if host, _, splitErr := net.SplitHostPort(before.Address); splitErr == nil && host == "127.0.0.1" {
		listener, err = net.Listen("tcp4", before.Address)
	}
	if err != nil {
		listener, err = net.Listen("tcp4", "127.0.0.1:0")
	}
	if err != nil {
		return nil, serving{}, fmt.Errorf("the local registry finds no port: %w", err)
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, serving{}, errors.Join(err, listener.Close())
	}
	at := serving{Address: listener.Addr().String(), ID: hex.EncodeToString(id[:])}
	if err := at.write(f); err != nil {
		return nil, serving{}, errors.Join(err, listener.Close())
	}
	return listener.(*net.TCPListener), at, nil
}

// write writes in place: the lock is the file's, not its name's.
func (at serving) write(f *os.File) error {
	raw, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(raw, 0)
	return err
}

// answers says whether the process is there behind its address.
func (at serving) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.Address+"/v2/", nil)
	if err != nil {
		return false
	}
	transport := &http.Transport{} // without proxies, and closed with the question
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.Header.Get(idHeader) == at.ID && at.ID != ""
}

func (s *Store) servingPath() string { return filepath.Join(s.dir, servingFile) }

func (s *Store) readServing() (serving, bool) {
	raw, err := readSmall(s.servingPath(), maxManifest)
	var at serving
	return at, err == nil && json.Unmarshal(raw, &at) == nil && at.Address != ""
}

// lockServing opens the file and takes its lock if nobody has it.
func (s *Store) lockServing() (f *os.File, free bool, err error) {
	for {
		f, err := os.OpenFile(s.servingPath(), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, false, err
		}
		free, err := tryLock(f)
		if err == nil && free && sameFile(f, f.Name()) {
			return f, true, nil
		}
		err = errors.Join(err, f.Close())
		if !free || err != nil {
			return nil, false, err
		}
	}
}

func tryLock(f *os.File) (bool, error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
