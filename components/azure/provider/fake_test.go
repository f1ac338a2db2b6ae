package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/envctl/envctl/components/azure/arm"
)

type obj = map[string]any

const (
	testSubscription = "11111111-2222-3333-4444-555555555555"
	testTenant       = "99999999-2222-3333-4444-555555555555"
)

// fake is Resource Manager as far as the provider sees it: objects by path, and
// what a test makes it answer instead.
type fake struct {
	mu      sync.Mutex
	objects map[string]obj   // by path in lower case
	calls   []string         // METHOD path
	bodies  map[string][]obj // bodies of PUTs, by path in lower case
	fault   func(method, path string, nth int) error
	shape   func(path string, body obj) obj // what Azure makes of a PUT body
	hold    func(method, path string)       // called without the lock before an answer
	lists   map[string][]obj
	post    func(path string) (obj, error)
}

func newFake() *fake {
	return &fake{objects: map[string]obj{}, bodies: map[string][]obj{}, lists: map[string][]obj{}}
}

func refusal(status int, code, message string) *arm.Error {
	return &arm.Error{StatusCode: status, Code: code, Message: message}
}

// begin counts a call and returns the fault set for it.
func (f *fake) begin(method, path string) error {
	if f.hold != nil {
		f.hold(method, path)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	call := method + " " + path
	f.calls = append(f.calls, call)
	nth := 0
	for _, c := range f.calls {
		if strings.EqualFold(c, call) {
			nth++
		}
	}
	if f.fault != nil {
		return f.fault(method, path, nth)
	}
	return nil
}

func (f *fake) Get(_ context.Context, path, _ string) (map[string]any, error) {
	if err := f.begin("GET", path); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	o, ok := f.objects[strings.ToLower(path)]
	if !ok {
		return nil, refusal(http.StatusNotFound, "ResourceNotFound", "not here: "+path)
	}
	return clone(o), nil
}

func (f *fake) List(_ context.Context, path, _ string) ([]map[string]any, error) {
	if err := f.begin("LIST", path); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists[strings.ToLower(path)], nil
}

func (f *fake) Put(_ context.Context, path, api string, body any) (map[string]any, error) {
	sent := clone(body.(map[string]any))
	f.mu.Lock()
	f.bodies[strings.ToLower(path)] = append(f.bodies[strings.ToLower(path)], sent)
	f.mu.Unlock()
	err := f.begin("PUT", path)
	if e, ok := err.(*arm.Error); err != nil && (!ok || !e.Accepted) {
		return nil, err
	}
	made := f.make(path, sent)
	if err != nil {
		sub(made)["provisioningState"] = "Failed"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[strings.ToLower(path)] = made
	return clone(made), err
}

// make is what Azure answers: the body, an ID in its own casing, a name, a state.
func (f *fake) make(path string, body obj) obj {
	out := clone(body)
	if f.shape != nil {
		out = f.shape(path, out)
	}
	out["id"] = strings.Replace(path, "/resourceGroups/", "/resourcegroups/", 1)
	out["name"] = path[strings.LastIndex(path, "/")+1:]
	out["type"] = "Microsoft.Test/things"
	sub(out)["provisioningState"] = "Succeeded"
	sub(out)["neverHeardOf"] = "by any table"
	out["kind2"] = nil
	return out
}

func (f *fake) Query(_ context.Context, path, _ string, _ any) (map[string]any, error) {
	if err := f.begin("POST", path); err != nil {
		return nil, err
	}
	if f.post == nil {
		return nil, refusal(http.StatusNotFound, "ResourceNotFound", "no such action")
	}
	return f.post(path)
}

func (f *fake) Delete(_ context.Context, path, _ string) error {
	if err := f.begin("DELETE", path); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.objects, strings.ToLower(path))
	return nil
}

func (f *fake) Subscription() string { return testSubscription }
func (f *fake) Tenant() string       { return testTenant }
func (f *fake) Identity(context.Context) (arm.Identity, error) {
	return arm.Identity{Tenant: testTenant, Object: "object-1", Client: "client-1"}, nil
}

// put sets an object as if it had always been there.
func (f *fake) put(path string, o obj) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[strings.ToLower(path)] = o
}

func (f *fake) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasPrefix(strings.ToLower(c), strings.ToLower(prefix)) {
			n++
		}
	}
	return n
}

// sent is the last body that was PUT at a path.
func (f *fake) sent(t *testing.T, path string) obj {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.bodies[strings.ToLower(path)]
	if len(all) == 0 {
		t.Fatalf("nothing was put at %s; calls: %v", path, f.calls)
	}
	return all[len(all)-1]
}

func (f *fake) writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.calls), func(c string) bool {
		return strings.HasPrefix(c, "GET ") || strings.HasPrefix(c, "LIST ")
	})
}

func clone(o obj) obj {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var out obj
	if err := json.Unmarshal(b, &out); err != nil {
		panic(err)
	}
	return out
}

// failNth makes the nth call of a method answer with an error.
func failNth(method string, n int, err error) func(string, string, int) error {
	return func(m, _ string, nth int) error {
		if m == method && nth == n {
			return err
		}
		return nil
	}
}

// The real connection is one that the provider can be given.
var _ Client = (*arm.Client)(nil)
