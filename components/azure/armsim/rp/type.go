package rp

import (
	"regexp"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/route"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Object is decoded JSON.
type Object = map[string]any

// Style is how a type tells that an operation takes time. The three that Resource
// Manager has are in its Async-API-Reference.
type Style int

// The styles.
const (
	Sync     Style = iota // ends with the answer
	Async                 // Azure-AsyncOperation: an address that answers {"status":…}
	Location              // Location: an address that answers 202 until the end
	Body                  // provisioningState of the resource itself
)

// Type is one resource type.
type Type struct {
	Name     string   // Microsoft.App/containerApps
	Versions []string // api-versions that are served, the newest last
	Tree     string   // of package keytrees; "" for what is only read
	Put      Style
	Delete   Style
	// Located says that the body needs a location; Anywhere that it may be Global.
	Located, Anywhere bool
	// Extension types live below any scope.
	Extension bool
	// Flat types keep no tags.
	NoTags bool
	// Pattern and NameError are the rule of the name.
	Pattern   *regexp.Regexp
	Longest   int // characters of a name; 0: as Pattern says
	NameError func(name string) *answer.Error
	// BusyError is what a request answers while the resource has an operation.
	BusyError func(op *store.Operation, name string) *answer.Error
	// OddID writes an id in the case that this provider really uses.
	OddID func(id string) string

	// Check looks for what is wrong, before anything is changed.
	Check func(*Call) *answer.Error
	// Fill adds what the service computes to Call.New.
	Fill func(*Call)
	// End decides how the operation of a put ends.
	End func(*Call, *store.Operation) Verdict
	// Removable looks for what forbids a delete.
	Removable func(*Call) *answer.Error
	// Gone cleans up after the resource was removed.
	Gone func(*Call)
	// View changes a copy of the body for an answer.
	View func(*Call, Object)
	// Actions are POSTs by lower-case name; Reads are GETs of what is below it.
	Actions map[string]Action
	Reads   map[string]Action
	// Bodies are the trees of package keytrees for the bodies of Actions.
	Bodies map[string]string
}

// Action answers a request below a resource; Call.Old is the resource.
type Action func(*Call) (*answer.Answer, *answer.Error)

// Verdict is how an operation goes on.
type Verdict struct {
	Wait          time.Time // not yet: look again then
	Code, Message string    // failed; Code "" is success
}

// Call is one request on one resource.
type Call struct {
	*World
	State   *store.State
	Now     time.Time
	Path    route.Path
	Type    *Type
	Version string
	Query   map[string]string // keys in lower case
	Body    Object
	Old     *store.Resource // as it is; nil if there is none
	New     *store.Resource // as it is to be
	Status  *run.Status     // of the app, from the runner; nil: what would run
	// WithGroup says that the whole resource group is being removed.
	WithGroup bool
	// Effects are done after the state is written: containers to start or stop.
	Effects []Effect
}

// Effect is work on real containers that may take long.
type Effect struct {
	Kind string // apply, restart, start-job or stop-job
	ID   string
	Name string // of an execution
	Run  string // the runner's name of the execution; "": the same
}

// World is what holds for every request.
type World struct {
	Seed                      int64
	Tenant                    string
	Caller                    string // principal of who logs in
	PrincipalDelay, RoleDelay time.Duration
	PullPatience              time.Duration
	Quota                     map[string]int
	Taken                     map[string]bool
	Spend                     float64
	Currency                  string // of the bill; "" while nothing was charged
	OddCase                   bool
	Runs                      bool // apps are run as real containers
	// HostOf is host:port of a data plane: registry/NAME or files/ACCOUNT.
	HostOf func(st *store.State, what string) (string, error)
	// HasImage says whether a registry has the manifest. ok is false with the
	// registry's error code.
	HasImage func(registry, repository, reference string) (digest string, code string, ok bool)
	// Platform is the address of the platform's other services: log streams.
	Platform func() string
}

// props is the properties of a body, made if they are not there.
func props(body Object) Object {
	p, ok := body["properties"].(Object)
	if !ok {
		p = Object{}
		body["properties"] = p
	}
	return p
}

// at reads a value by its path of keys; nil if any is missing.
func at(body any, keys ...string) any {
	for _, key := range keys {
		members, ok := body.(Object)
		if !ok {
			return nil
		}
		body = members[key]
	}
	return body
}

// text reads a string by its path, "" if it is none.
func text(body any, keys ...string) string {
	s, _ := at(body, keys...).(string)
	return s
}

// number reads a number by its path; ok is false if it is none.
func number(body any, keys ...string) (float64, bool) {
	f, ok := at(body, keys...).(float64)
	return f, ok
}

// items reads the objects of an array by its path.
func items(body any, keys ...string) []Object {
	list, _ := at(body, keys...).([]any)
	out := make([]Object, 0, len(list))
	for _, item := range list {
		if o, ok := item.(Object); ok {
			out = append(out, o)
		}
	}
	return out
}

// standard sets a default.
func standard(body Object, key string, value any) {
	if body[key] == nil {
		body[key] = value
	}
}

// keep copies from the old body what the service computed once.
func (c *Call) keep(key string, fresh func() any) {
	p := props(c.New.Body)
	if c.Old != nil {
		if old := at(c.Old.Body, "properties", key); old != nil {
			p[key] = old
			return
		}
	}
	p[key] = fresh()
}

func (c *Call) guid() any { return c.State.GUID(c.Seed) }

func invalid(code, format string, args ...any) *answer.Error {
	return answer.Errorf(400, code, format, args...)
}

func named(pattern, code, format string) (*regexp.Regexp, func(string) *answer.Error) {
	return regexp.MustCompile(pattern), func(name string) *answer.Error { return invalid(code, format, name) }
}

// identities are the ids, in lower case, of a body's user-assigned identities.
func identities(body Object) []string {
	set, _ := at(body, "identity", "userAssignedIdentities").(Object)
	var out []string
	for id := range set {
		out = append(out, strings.ToLower(id))
	}
	return out
}
