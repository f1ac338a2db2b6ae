// Package rm is Resource Manager itself: it authenticates, routes, checks, keeps
// long-running operations and answers, for the types of package rp.
package rm

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/keytrees"
	"github.com/envctl/envctl/components/azure/armsim/route"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Config is what a Server is made of.
type Config struct {
	Store        *store.Store
	World        *rp.World
	Signer       entra.Signer
	Audiences    []string // that a token may be for, without a slash at the end
	Subscription string
	Faults       *fault.Set
	Now          func() time.Time
	Delay        time.Duration
	Delays       map[string]time.Duration // by lower-case type
	Unregistered map[string]bool          // lower-case namespaces
	Denied       []string                 // actions
	Runner       run.Runner               // nil: none
	Platform     http.Handler             // for run.Spec
	Folders      rp.Folders
	Owner        *store.Owner
	After        func(*store.State) error // called after each request, under the lock
}

// Server answers Resource Manager's requests.
type Server struct {
	Config
	Types rp.Table
	trees *keytrees.Trees
	group sync.WaitGroup

	mu     sync.Mutex
	ctx    context.Context
	counts Counts
}

// Counts are the requests that were answered, by type and operation.
type Counts struct {
	Reads, Writes, Polls, Logins int
	ByType                       map[string]int // "put Microsoft.App/containerApps"
}

// New returns a server whose background work ends with ctx.
func New(ctx context.Context, c Config) *Server {
	return &Server{Config: c, Types: rp.All(), trees: keytrees.Load(), ctx: ctx, counts: Counts{ByType: map[string]int{}}}
}

// Wait waits for the background work, which the context of New ends.
func (s *Server) Wait() { s.group.Wait() }

// Context is what the background work ends with.
func (s *Server) Context() context.Context { return s.ctx }

// CountLogin counts a request for a token.
func (s *Server) CountLogin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Logins++
}

// Counts returns the requests so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.counts
	out.ByType = map[string]int{}
	for key, n := range s.counts.ByType {
		out.ByType[key] = n
	}
	return out
}

// request is one request as it goes through the server.
type request struct {
	http    *http.Request
	path    route.Path
	typ     *rp.Type // nil where the path is not of a known type
	kind    string   // type as counted
	op      string
	version string
	query   map[string]string
	body    rp.Object
	claims  entra.Claims
	fault   *fault.Fault
	effects []rp.Effect
	host    string
	status  *run.Status // of the app, from the runner; nil: not asked
}

// most is the largest request that Resource Manager takes.
const most = 4 << 20

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		s.write(w, answer.Of(answer.Errorf(http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The request content size exceeds the maximum size of '%d MB'.", most>>20)), nil)
		return
	}
	req, bad := s.read(r)
	if bad != nil {
		s.write(w, answer.Of(bad), nil)
		return
	}
	s.count(req)
	req.fault = s.Faults.Match(req.kind, req.op, req.path.Name())
	if f := req.fault; f != nil {
		if f.Wire == fault.DropBefore {
			panic(http.ErrAbortHandler) // closes the connection
		}
		if f.Delay > 0 && (req.op == "get" || req.op == "list" || req.op == "poll") {
			sleep(r.Context(), f.Delay)
		}
		if f.Status != 0 && !f.Async {
			s.write(w, faulty(f), nil)
			return
		}
	}
	s.write(w, s.answer(req, body), req.fault)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func faulty(f *fault.Fault) *answer.Answer {
	code := f.Code
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(f.Status), " ", "")
	}
	a := answer.Of(answer.Errorf(f.Status, code, "%s", f.Message))
	for key, value := range f.Headers {
		a.Set(key, value)
	}
	return a
}

// read takes the request apart.
func (s *Server) read(r *http.Request) (*request, *answer.Error) {
	path, err := route.Parse(r.URL.Path)
	if err != nil {
		return nil, answer.Errorf(http.StatusNotFound, "InvalidResourceType", "The request path is not one of Resource Manager: %v.", err)
	}
	req := &request{http: r, path: path, query: map[string]string{}, host: r.Host}
	for key, values := range r.URL.Query() {
		req.query[strings.ToLower(key)] = values[0]
	}
	req.version = req.query["api-version"]
	req.typ, req.kind = s.typeOf(path)
	req.op = operation(r.Method, path, req.kind)
	return req, nil
}

// typeOf finds the type of a path: itself, or the resource above an action or a
// child that is only read.
func (s *Server) typeOf(path route.Path) (*rp.Type, string) {
	name := path.Type()
	if strings.EqualFold(name, "Microsoft.Resources/subscriptions/resourceGroups") {
		name = "Microsoft.Resources/resourceGroups"
	}
	if t := s.Types.Find(name); t != nil {
		return t, t.Name
	}
	for p := path.Parent(); len(p.Types) > 0; p = p.Parent() {
		if t := s.Types.Find(p.Type()); t != nil && len(p.Types) == len(p.Names) {
			return t, t.Name + name[min(len(p.Type()), len(name)):]
		}
	}
	return nil, name
}

func operation(method string, path route.Path, kind string) string {
	lower := strings.ToLower(kind)
	switch {
	case strings.Contains(lower, "/operationstatuses") || strings.Contains(lower, "/operationresults"):
		return "poll"
	case method == http.MethodGet && path.Odd:
		return "list"
	}
	return strings.ToLower(method)
}

func (s *Server) count(r *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.op {
	case "poll":
		s.counts.Polls++
	case "get", "list", "head":
		s.counts.Reads++
	case "put", "patch", "delete":
		s.counts.Writes++
	}
	s.counts.ByType[r.op+" "+r.kind]++
}

// answer authenticates, decodes and answers under the store's lock.
func (s *Server) answer(r *request, body []byte) *answer.Answer {
	claims, bad := s.authenticate(r.http)
	if bad != nil {
		return answer.Of(bad)
	}
	r.claims = claims
	if len(body) > 0 {
		if err := json.Unmarshal(body, &r.body); err != nil {
			return answer.Of(answer.Errorf(http.StatusBadRequest, "InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err))
		}
	}
	s.look(r)
	var out *answer.Answer
	var work []func()
	err := s.Store.Do(func(st *store.State) error {
		work = s.settle(st)
		var bad *answer.Error
		if out, bad = s.handle(st, r); bad != nil {
			out = answer.Of(bad)
		}
		work = append(work, s.settle(st)...)
		work = append(work, s.effects(st, r)...)
		return s.After(st)
	})
	if err != nil {
		return answer.Of(answer.Errorf(http.StatusInternalServerError, "InternalServerError", "%v", err))
	}
	for _, f := range work {
		s.group.Go(f)
	}
	return out
}
