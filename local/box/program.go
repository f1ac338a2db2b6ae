package box

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/local/box/frame"
)

const (
	// keptPrograms is how many programs of a box are remembered; the oldest that
	// have ended go first.
	keptPrograms = 64
	// MaxStdin is the size of what a program may get as stdin, in bytes.
	MaxStdin = 1 * mib
	// MaxCommand is the size of a command with its variables, in bytes of JSON. The
	// kernel takes less than 2 MiB of them.
	MaxCommand = 1 * mib
	// endTime is how long a program that was killed may take to be gone, before
	// everything else in its box is killed too.
	endTime = 5 * time.Second
	// lookAfter is how long a request is served before anybody looks whether its box
	// lives, and lastWords how long its end may take to come after that of the box.
	lookAfter = time.Second
	lastWords = 2 * time.Second
)

// Command is a program to run in a box.
type Command struct {
	Argv    []string
	Dir     string            // absolute; empty: Work
	Env     map[string]string // beside the image's own
	Stdin   []byte
	Timeout time.Duration // then it is killed; 0: the box's deadline is its own
}

func (c Command) check() error {
	switch {
	case len(c.Argv) == 0 || c.Argv[0] == "":
		return errors.New("a command needs a program")
	case c.Dir != "" && (!path.IsAbs(c.Dir) || path.Clean(c.Dir) != c.Dir):
		return fmt.Errorf("folder %q is not a clean absolute path in the box", c.Dir)
	case len(c.Stdin) > MaxStdin:
		return fmt.Errorf("stdin of %d bytes is too long: %d are allowed; write a file first", len(c.Stdin), MaxStdin)
	}
	if said, err := json.Marshal(c.request()); err != nil || len(said) > MaxCommand {
		return fmt.Errorf("a command of %d bytes is too long: %d are allowed; write a file first", len(said), MaxCommand)
	}
	for name := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return fmt.Errorf("%q is no name of a variable", name)
		}
	}
	for _, a := range c.Argv {
		if strings.ContainsRune(a, 0) {
			return fmt.Errorf("argument %q holds a zero byte", a)
		}
	}
	return nil
}

// request is what hold is asked for.
func (c Command) request() frame.Request {
	r := frame.Request{Op: frame.Run, Argv: c.Argv, Dir: cmp.Or(c.Dir, Work)}
	for name, value := range c.Env {
		r.Env = append(r.Env, name+"="+value)
	}
	return r
}

// The reasons why a program ended.
const (
	Exited    = "exited"
	TimedOut  = "timeout"
	Cancelled = "cancelled"
	Expired   = "expired" // its box was no more
	Lost      = "lost"    // it, or another one, killed what watches over it
)

// Program is one that was started in a box.
type Program struct {
	ID             string
	Box            string
	Argv           []string
	Started        time.Time
	Stdout, Stderr *Output

	now     func() time.Time
	control chan byte // to hold; closed: it is the end
	end     func(reason string)
	done    chan struct{}

	mu     sync.Mutex
	reason string // of the end that was asked for
	result Result
}

// Result is how a program ended.
type Result struct {
	Reason   string
	ExitCode int // 128 + the signal, as in a shell
	Signal   int
	Duration time.Duration
	MaxRSS   int64 // bytes
	CPU      time.Duration
	// Left counts the processes that it left behind, which were ended.
	Left int
	Err  error // why nothing was run
}

// Ended says whether the program is no more.
func (p *Program) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Done is closed at the program's end.
func (p *Program) Done() <-chan struct{} { return p.done }

// Result returns how the program ended, once it has.
func (p *Program) Result() Result {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.result
}

// Elapsed is how long the program has run, or ran.
func (p *Program) Elapsed() time.Duration {
	if p.Ended() {
		return p.Result().Duration
	}
	return p.now().Sub(p.Started)
}

// Kill ends the program and everything that came from it, and returns when that
// is done.
func (p *Program) Kill(ctx context.Context, reason string) error {
	p.end(reason)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Terminate asks the program to end. It may not.
func (p *Program) Terminate() {
	select {
	case p.control <- frame.Terminate:
	default: // it was asked already
	}
}

func (p *Program) forget() {
	p.Stdout.close()
	p.Stderr.close()
}

// Start starts a program in a box. It runs on when ctx ends.
func (m *Manager) Start(ctx context.Context, id string, c Command) (*Program, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	box, err := m.Known(id)
	if err != nil {
		return nil, err
	}
	in := m.room(id)
	stdout, err := newOutput(in)
	if err != nil {
		return nil, err
	}
	stderr, err := newOutput(in)
	if err != nil {
		stdout.close()
		return nil, err
	}
	p := &Program{
		Box: id, Argv: c.Argv, Started: m.Now(), Stdout: stdout, Stderr: stderr,
		now: m.Now, control: make(chan byte, 1), done: make(chan struct{}),
	}
	if err := m.remember(p); err != nil {
		p.forget()
		return nil, err
	}
	left := box.Expires.Sub(m.Now())
	if c.Timeout <= 0 || c.Timeout > left {
		c.Timeout = left
	}
	ending := make(chan struct{})
	var once sync.Once
	p.end = func(reason string) {
		once.Do(func() {
			p.mu.Lock()
			p.reason = reason
			p.mu.Unlock()
			close(ending)
		})
	}
	go m.watch(context.WithoutCancel(ctx), p, c, ending)
	return p, nil
}

// room is that for the output of a box's programs.
func (m *Manager) room(id string) *room {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.boxes[id]; ok {
		return &s.room
	}
	return &room{} // of a box that is gone: the program will not be started
}

// remember keeps a program with its box.
func (m *Manager) remember(p *Program) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.boxes[p.Box]
	if !ok {
		return noBox(p.Box)
	}
	if len(s.programs) >= keptPrograms {
		for i, old := range s.programs {
			if old.Ended() {
				old.forget()
				s.programs = append(s.programs[:i:i], s.programs[i+1:]...)
				break
			}
		}
	}
	if len(s.programs) >= keptPrograms {
		return &Error{
			What: fmt.Sprintf("%d programs run in box %q already, as many as are allowed", keptPrograms, p.Box),
			Mend: "stop one of them",
		}
	}
	s.started++
	p.ID = "e" + strconv.Itoa(s.started)
	s.programs = append(s.programs, p)
	return nil
}

// Program returns one that was started.
func (m *Manager) Program(box, id string) (*Program, error) {
	if _, err := m.Known(box); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.boxes[box]; ok {
		for _, p := range s.programs {
			if p.ID == id {
				return p, nil
			}
		}
	}
	return nil, &Error{
		What: fmt.Sprintf("there is no program %q in box %q", id, box), Err: ErrNotFound,
		Mend: "use the exec id that exec or exec_start returned",
	}
}
