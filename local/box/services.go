package box

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/local/box/hold"
	"github.com/envctl/envctl/local/box/ports"
)

// Services are what the programs of one box reach although it has no network. They
// connect to its loopback interface; hold, inside, carries the connections over an
// exec of the engine to this process, which serves them. No port is opened here.
type Services struct {
	// Models are the models among them, for people.
	Models []string
	// Hosts are names that mean 127.0.0.1 in the box.
	Hosts []string
	// Env are variables that every program of the box finds.
	Env map[string]string
	// Folder is where Files are in the box, by their names, for everybody to read.
	Folder string
	Files  map[string][]byte
	// Ports are those of the loopback interface that are connected to.
	Ports []int
	// Serve serves the connections to the ports until ctx or one of the listeners
	// ends. It is called again when the way to the box was lost, one time after the
	// other; everything that comes over a connection was written by hostile code.
	Serve func(ctx context.Context, at map[int]net.Listener) error
}

// hosts are the entries of the box's list of names, in the order of the profile's.
func (s *Services) hosts() []string {
	var out []string
	for _, name := range s.Hosts {
		out = append(out, name+":127.0.0.1")
	}
	slices.Sort(out)
	return out
}

// archive has the files as a tar.
func (s *Services) archive() ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(s.Files)) {
		if path.Base(name) != name {
			return nil, fmt.Errorf("%q is no name of a file", name)
		}
		content := s.Files[name]
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o444, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

const (
	// openTime bounds the wait for the ports of a box.
	openTime = 30 * time.Second
	// The waits before the way to a box is opened again: what kills it again and again
	// has the longest one.
	firstWait = 100 * time.Millisecond
	lastWait  = 10 * time.Second
)

// open opens the way to the services of a box that runs, and keeps it until the box
// is forgotten, at its end at the latest.
func (m *Manager) open(ctx context.Context, id string, s Spec) error {
	if s.Services == nil {
		return nil
	}
	life, end := context.WithTimeout(context.WithoutCancel(ctx), s.TTL)
	line, err := m.dial(ctx, life, id, s.Services)
	if err != nil {
		end()
		return fmt.Errorf("open the way to the services of box %q: %w", id, err)
	}
	if !m.keep(id, end) { // it expired meanwhile
		end()
		return errors.Join(noBox(id), line.Close())
	}
	go m.serve(life, id, s.Services, line)
	return nil
}

// keep has the services of a box end with it; false: it has no place any more.
func (m *Manager) keep(id string, end context.CancelFunc) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	place, there := m.boxes[id]
	if there {
		place.end = end
	}
	return there
}

// dial opens the way to a box, until life ends. Opening ends with ctx.
func (m *Manager) dial(ctx, life context.Context, id string, s *Services) (*ports.Line, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, openTime, fmt.Errorf("the ports were not open after %s", openTime))
	defer cancel()
	stream, err := m.Engine.ExecStream(life, containerName(id), hold.ListenCommand(s.Ports...))
	if err != nil {
		return nil, err
	}
	return ports.Accept(ctx, stream, s.Ports...)
}

// serve serves what comes over a line, and over those that replace it when it was
// lost, until ctx ends.
func (m *Manager) serve(ctx context.Context, id string, s *Services, line *ports.Line) {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		if line != nil {
			began := time.Now()
			serveLine(ctx, s, line)
			if time.Since(began) > lastWait {
				wait = firstWait
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		// What is not there now may be in a while; the box's end ends it.
		line, _ = m.dial(ctx, ctx, id, s)
	}
}

// serveLine serves a line to its end.
func serveLine(ctx context.Context, s *Services, line *ports.Line) {
	stop := context.AfterFunc(ctx, func() { _ = line.Close() })
	defer stop()
	defer line.Close()
	at := map[int]net.Listener{}
	for _, port := range s.Ports {
		at[port] = line.Listener(port)
	}
	_ = s.Serve(ctx, at) // it has said what there is to say
}

// variables are those of every program of a box.
func (s Spec) variables() []string {
	// Output goes through pipes of hold's, which are read as it is written.
	out := []string{"HOME=" + Work, "TMPDIR=" + Temp, "PYTHONUNBUFFERED=1"}
	if s.Services == nil {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(s.Services.Env)) {
		out = append(out, name+"="+s.Services.Env[name])
	}
	return out
}

// checkServices says what is wrong with the services of a box to make.
func (s Spec) checkServices() error {
	switch {
	case s.Services == nil:
		return nil
	case len(s.Services.Ports) == 0 || s.Services.Serve == nil:
		return errors.New("services of a box need a port and what serves it")
	case len(s.Services.Files) > 0 && !path.IsAbs(s.Services.Folder):
		return fmt.Errorf("folder %q of the services' files is not absolute", s.Services.Folder)
	}
	for name := range s.Services.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("%q is no name of a variable", name)
		}
	}
	return nil
}
