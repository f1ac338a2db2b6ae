// Package store keeps the simulated subscription: resources, operations, what is
// soft-deleted, ports and keys, in memory or in one file that several processes
// share.
package store

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// State is everything the simulator remembers. It is only read and changed
// inside [Store.Do].
type State struct {
	Generation int64                 `json:"generation"` // counts changes
	Serial     uint64                `json:"serial"`     // counts generated values, see Next
	Resources  map[string]*Resource  `json:"resources"`  // by lower-case id
	Operations map[string]*Operation `json:"operations"` // by id
	Deleted    map[string]*Resource  `json:"deleted"`    // soft-deleted, by lower-case id
	Registered map[string]bool       `json:"registered"` // namespaces, lower case; absent: as the options say
	Ports      map[string]int        `json:"ports"`      // of data planes: registry/NAME, accounts
	Secret     string                `json:"secret"`     // of the client
	Key        []byte                `json:"key"`        // signs tokens
	CA         []byte                `json:"ca"`         // PEM of certificate and key

	dirty bool
}

// Resource is one resource.
type Resource struct {
	ID         string            `json:"id"` // as answered
	Name       string            `json:"name"`
	Type       string            `json:"type"` // canonical case
	APIVersion string            `json:"apiVersion"`
	Body       map[string]any    `json:"body"`              // as answered, without id, name, type
	Secrets    map[string]string `json:"secrets,omitempty"` // never answered by GET
	Private    map[string]string `json:"private,omitempty"` // what the service knows beyond the body
	Created    time.Time         `json:"created"`
	Updated    time.Time         `json:"updated"`
	DeletedAt  time.Time         `json:"deletedAt,omitzero"` // of a soft-deleted one
	Operation  string            `json:"operation,omitempty"`
}

// Operation is one long-running operation.
type Operation struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // put, delete, purge or post
	Resource string    `json:"resource"`
	Type     string    `json:"type"`
	Started  time.Time `json:"started"`
	Due      time.Time `json:"due"`
	Ended    time.Time `json:"ended,omitzero"`
	Status   string    `json:"status"` // InProgress, Succeeded or Failed
	Code     string    `json:"code,omitempty"`
	Message  string    `json:"message,omitempty"`
	// FailCode and FailMessage are how it is to end; empty: well.
	FailCode    string `json:"failCode,omitempty"`
	FailMessage string `json:"failMessage,omitempty"`
	// Owner is the process that is running real containers for it.
	Owner string `json:"owner,omitempty"`
	// Phase is "" before, "running" while and "ran" after the containers' work.
	Phase string `json:"phase,omitempty"`
}

// The states of an operation.
const (
	InProgress = "InProgress"
	Succeeded  = "Succeeded"
	Failed     = "Failed"
)

// The phases of an operation that runs real containers.
const (
	PhaseRunning = "running"
	PhaseRan     = "ran"
)

// NewState returns an empty subscription.
func NewState() *State {
	s := &State{}
	s.fill()
	return s
}

// fill makes the maps that a file may lack.
func (s *State) fill() {
	if s.Resources == nil {
		s.Resources = map[string]*Resource{}
	}
	if s.Operations == nil {
		s.Operations = map[string]*Operation{}
	}
	if s.Deleted == nil {
		s.Deleted = map[string]*Resource{}
	}
	if s.Registered == nil {
		s.Registered = map[string]bool{}
	}
	if s.Ports == nil {
		s.Ports = map[string]int{}
	}
}

// Changed marks the state to be written.
func (s *State) Changed() { s.dirty = true }

// Get finds a resource by id, without case; nil if there is none.
func (s *State) Get(id string) *Resource { return s.Resources[strings.ToLower(id)] }

// Put adds or replaces a resource.
func (s *State) Put(r *Resource) {
	s.Resources[strings.ToLower(r.ID)] = r
	s.Changed()
}

// Remove takes a resource away.
func (s *State) Remove(id string) {
	delete(s.Resources, strings.ToLower(id))
	s.Changed()
}

// Under lists the resources below id (not itself) in the order of their ids.
func (s *State) Under(id string) []*Resource {
	prefix := strings.ToLower(id) + "/"
	return sorted(s.Resources, func(key string, _ *Resource) bool { return strings.HasPrefix(key, prefix) })
}

// OfType lists the resources of a type, without case, in the order of their ids.
func (s *State) OfType(typ string) []*Resource {
	return sorted(s.Resources, func(_ string, r *Resource) bool { return strings.EqualFold(r.Type, typ) })
}

// DeletedOfType lists the soft-deleted resources of a type.
func (s *State) DeletedOfType(typ string) []*Resource {
	return sorted(s.Deleted, func(_ string, r *Resource) bool { return strings.EqualFold(r.Type, typ) })
}

func sorted(from map[string]*Resource, want func(string, *Resource) bool) []*Resource {
	var out []*Resource
	for key, r := range from {
		if want(key, r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *Resource) int { return cmp.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID)) })
	return out
}

// Running lists the operations in progress, the earliest due first.
func (s *State) Running() []*Operation {
	var out []*Operation
	for _, op := range s.Operations {
		if op.Status == InProgress {
			out = append(out, op)
		}
	}
	slices.SortFunc(out, func(a, b *Operation) int {
		return cmp.Or(a.Due.Compare(b.Due), strings.Compare(a.ID, b.ID))
	})
	return out
}

// Busy returns the operation in progress on the resource, nil if there is none.
func (s *State) Busy(id string) *Operation {
	r := s.Get(id)
	if r == nil || r.Operation == "" {
		return nil
	}
	if op := s.Operations[r.Operation]; op != nil && op.Status == InProgress {
		return op
	}
	return nil
}
