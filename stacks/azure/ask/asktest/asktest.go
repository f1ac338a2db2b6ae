// Package asktest is a Resource Manager for tests: answers that a test wrote
// down, and a note of everything that was asked and removed.
package asktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// Manager implements [ask.Manager]. Paths are compared without case and without
// their query.
type Manager struct {
	mu      sync.Mutex
	objects map[string]ask.Object
	lists   map[string][]ask.Object
	posts   map[string]func(body any) (ask.Object, error)
	errs    map[string]error
	calls   []string
}

// New returns one that has nothing: every object is missing and every list empty.
func New() *Manager {
	return &Manager{
		objects: map[string]ask.Object{}, lists: map[string][]ask.Object{},
		posts: map[string]func(any) (ask.Object, error){}, errs: map[string]error{},
	}
}

var _ ask.Manager = (*Manager)(nil)

func key(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return strings.ToLower(strings.TrimSuffix(path, "/"))
}

// JSON reads one object; it panics on what is none, for a test wrote it.
func JSON(text string) ask.Object {
	var o ask.Object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(fmt.Sprintf("asktest: %v in %s", err, text))
	}
	return o
}

// Has sets the answer of a path, as JSON.
func (m *Manager) Has(path, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[key(path)] = JSON(text)
}

// Lists sets the members of a list, each as JSON.
func (m *Manager) Lists(path string, members ...string) {
	list := make([]ask.Object, len(members))
	for i, text := range members {
		list[i] = JSON(text)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lists[key(path)] = list
}

// Answers sets what a POST to a path is answered with.
func (m *Manager) Answers(path string, answer func(body any) (ask.Object, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.posts[key(path)] = answer
}

// Fails makes every request to a path fail.
func (m *Manager) Fails(path string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errs[key(path)] = err
}

// Forget makes a path missing again.
func (m *Manager) Forget(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key(path))
	delete(m.lists, key(path))
}

// Calls are the requests of a method, sorted; empty: of all.
func (m *Manager) Calls(method string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, c := range m.calls {
		if path, ok := strings.CutPrefix(c, method+" "); ok {
			out = append(out, path)
		} else if method == "" {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return out
}

// Missing is Resource Manager's answer of what is not there.
func Missing(path string) error {
	return &arm.Error{StatusCode: http.StatusNotFound, Code: "ResourceNotFound", Message: "The Resource was not found.", Operation: path}
}

func (m *Manager) begin(method, path string) error {
	m.calls = append(m.calls, method+" "+key(path))
	return m.errs[key(path)]
}

// Get implements [ask.Manager].
func (m *Manager) Get(_ context.Context, path, _ string) (ask.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(http.MethodGet, path); err != nil {
		return nil, err
	}
	o, ok := m.objects[key(path)]
	if !ok {
		return nil, Missing(path)
	}
	return o, nil
}

// List implements [ask.Manager].
func (m *Manager) List(_ context.Context, path, _ string) ([]ask.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(http.MethodGet, path); err != nil {
		return nil, err
	}
	return m.lists[key(path)], nil
}

// Post implements [ask.Manager].
func (m *Manager) Post(_ context.Context, path, _ string, body any) (ask.Object, error) {
	m.mu.Lock()
	err := m.begin(http.MethodPost, path)
	answer, ok := m.posts[key(path)]
	m.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, Missing(path)
	}
	return answer(body)
}

// Query implements [ask.Manager].
func (m *Manager) Query(ctx context.Context, path, apiVersion string, body any) (ask.Object, error) {
	return m.Post(ctx, path, apiVersion, body)
}

// Delete implements [ask.Manager].
func (m *Manager) Delete(_ context.Context, path, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.begin(http.MethodDelete, path); err != nil {
		return err
	}
	delete(m.objects, key(path))
	return nil
}
