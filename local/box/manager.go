package box

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/local/docker"
)

// Manager makes boxes, finds them and ends them. It knows those that it made, by
// its Owner; what others made it does not touch, but for [Manager.Reap]. It is
// safe for concurrent use.
type Manager struct {
	Engine *docker.Engine
	// Owner names the process that the boxes die with.
	Owner string
	// Gone says whether another owner is no more.
	Gone func(owner string) bool
	// Labels are the experiment's.
	Labels map[string]string
	// Most is how many boxes there may be at once.
	Most int
	Now  func() time.Time

	mu      sync.Mutex
	boxes   map[string]*state
	hold    []byte // the program as a tar, once it was needed
	holding sync.Mutex
}

// state is what is known of a box beside what the engine has. Its fields are
// guarded by the manager's lock.
type state struct {
	box      Box
	ready    bool
	programs []*Program
	started  int // programs ever
	room     room
	end      context.CancelFunc // of its services; nil: it has none
}

// Create makes a box and starts it.
func (m *Manager) Create(ctx context.Context, s Spec) (Box, error) {
	if err := s.check(); err != nil {
		return Box{}, err
	}
	if err := m.expire(ctx); err != nil {
		return Box{}, err
	}
	now := m.Now()
	box := Box{ID: newID(), Image: s.Ref, Created: now, Expires: now.Add(s.TTL).Truncate(time.Second), CPU: s.CPU, Memory: s.Memory, Running: true, Isolation: s.Isolation}
	if s.Services != nil {
		box.Models = s.Services.Models
	}
	if err := m.reserve(box); err != nil {
		return Box{}, err
	}
	err := m.build(ctx, box.ID, s, box.Expires)
	if err != nil {
		m.leave(box.ID)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Box{}, m.Engine.Explain(ctx, err)
	}
	if m.enter(box) {
		return box, nil
	}
	// Nobody reaps what is not there any more, or was made after the look.
	return Box{}, errors.Join(&Error{
		What: fmt.Sprintf("box %q expired while it was made", box.ID), Mend: "give it more time to live",
	}, m.sweep(ctx, box.ID))
}

// enter opens a box that was made for use; false: its time is over already, and it
// has no place any more.
func (m *Manager) enter(box Box) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, there := m.boxes[box.ID]
	if there && m.Now().Before(box.Expires) {
		s.ready = true
		return true
	}
	delete(m.boxes, box.ID)
	if there {
		s.forget()
	}
	return false
}

// leave gives up the place of a box, and what is kept of its programs.
func (m *Manager) leave(id string) {
	m.mu.Lock()
	s := m.boxes[id]
	delete(m.boxes, id)
	m.mu.Unlock()
	if s != nil {
		s.forget()
	}
}

// forget drops the output of programs and ends the services. Nothing is added to a box
// that has no place.
func (s *state) forget() {
	if s.end != nil {
		s.end()
	}
	for _, p := range s.programs {
		p.forget()
	}
}

// reserve takes a place before anything is made, so that creations side by side
// stay below the limit together.
func (m *Manager) reserve(box Box) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.boxes) >= m.Most {
		return &Error{
			What: fmt.Sprintf("there are %d boxes already, as many as are allowed", len(m.boxes)),
			Mend: "destroy one that is no longer needed",
		}
	}
	if m.boxes == nil {
		m.boxes = map[string]*state{}
	}
	m.boxes[box.ID] = &state{box: box}
	return nil
}

// program returns hold as a tar, read once.
func (m *Manager) program(ctx context.Context) ([]byte, error) {
	m.holding.Lock()
	defer m.holding.Unlock()
	if m.hold == nil {
		content, err := archiveOf(ctx, m.Engine)
		if err != nil {
			return nil, err
		}
		m.hold = content
	}
	return m.hold, nil
}

// List returns the boxes of this manager, the oldest first.
func (m *Manager) List(ctx context.Context) ([]Box, error) {
	if err := m.expire(ctx); err != nil {
		return nil, err
	}
	list, err := m.Engine.Containers(ctx, docker.Filter{Labels: map[string]string{LabelKind: Kind, LabelOwner: m.Owner}, Running: true})
	if err != nil {
		return nil, m.Engine.Explain(ctx, err)
	}
	running := map[string]bool{}
	for _, c := range list {
		running[c.Labels[LabelBox]] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]Box, 0, len(m.boxes))
	for id, s := range m.boxes {
		if !s.ready {
			continue
		}
		box := s.box
		box.Running = running[id]
		box.Programs = s.running()
		out = append(out, box)
	}
	slices.SortFunc(out, func(a, b Box) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return out, nil
}

func (s *state) running() int {
	n := 0
	for _, p := range s.programs {
		if !p.Ended() {
			n++
		}
	}
	return n
}

// Status returns one box.
func (m *Manager) Status(ctx context.Context, id string) (Box, error) {
	list, err := m.List(ctx)
	if err != nil {
		return Box{}, err
	}
	if i := slices.IndexFunc(list, func(b Box) bool { return b.ID == id }); i >= 0 {
		return list[i], nil
	}
	return Box{}, noBox(id)
}

// Known returns what is known of a box without asking the engine.
func (m *Manager) Known(id string) (Box, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.boxes[id]
	if !ok || !s.ready || !m.Now().Before(s.box.Expires) {
		return Box{}, noBox(id)
	}
	return s.box, nil
}

// Destroy removes a box with all that is in it; false says that there was none.
func (m *Manager) Destroy(ctx context.Context, id string) (bool, error) {
	m.mu.Lock()
	s, ok := m.boxes[id]
	ok = ok && s.ready
	if ok {
		delete(m.boxes, id)
	}
	m.mu.Unlock()
	if !ok {
		return false, nil
	}
	err := m.sweep(ctx, id)
	if err != nil { // it is still there, and can be destroyed again
		m.mu.Lock()
		m.boxes[id] = s
		m.mu.Unlock()
		return true, m.Engine.Explain(ctx, err)
	}
	s.forget()
	return true, nil
}

// DestroyAll removes every box of this manager.
func (m *Manager) DestroyAll(ctx context.Context) error {
	m.mu.Lock()
	var ids []string
	for id := range m.boxes {
		ids = append(ids, id)
	}
	m.mu.Unlock()
	return m.each(ctx, ids)
}

func (m *Manager) each(ctx context.Context, ids []string) error {
	errs := make([]error, len(ids))
	var group sync.WaitGroup
	for i, id := range ids {
		group.Go(func() { _, errs[i] = m.Destroy(ctx, id) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// expire removes the boxes whose time is over.
func (m *Manager) expire(ctx context.Context) error {
	m.mu.Lock()
	var over []string
	for id, s := range m.boxes {
		if s.ready && !m.Now().Before(s.box.Expires) {
			over = append(over, id)
		}
	}
	m.mu.Unlock()
	return m.each(ctx, over)
}
