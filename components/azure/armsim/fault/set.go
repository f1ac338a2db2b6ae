package fault

import (
	"strings"
	"sync"
)

// Set are the faults of one simulator with their counts.
type Set struct {
	mu     sync.Mutex
	faults []Fault
	seen   []int
	hits   []int
}

// NewSet returns a set of faults, none of which has seen a request.
func NewSet(faults []Fault) *Set {
	return &Set{faults: faults, seen: make([]int, len(faults)), hits: make([]int, len(faults))}
}

// Match counts a request and returns the fault that it is to have, nil for none.
// Every fault that the request matches counts it; the first that is due wins.
func (s *Set) Match(typ, op, name string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found *Fault
	for i := range s.faults {
		f := &s.faults[i]
		if !f.matches(typ, op, name) {
			continue
		}
		s.seen[i]++
		times := f.Times
		if times == 0 {
			times = 1
		}
		if found == nil && s.seen[i] >= max(f.Nth, 1) && (times < 0 || s.hits[i] < times) {
			s.hits[i]++
			found = f
		}
	}
	return found
}

// Add adds a fault.
func (s *Set) Add(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.seen, s.hits = append(s.faults, f), append(s.seen, 0), append(s.hits, 0)
}

// Hits says how often each fault has hit, in the order they were given.
func (s *Set) Hits() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.hits...)
}

func (f *Fault) matches(typ, op, name string) bool {
	return (f.Type == "" || f.Type == "*" || strings.EqualFold(f.Type, typ)) &&
		(f.Op == "" || strings.EqualFold(f.Op, op)) && (f.Name == "" || strings.EqualFold(f.Name, name))
}
