// Package platform is what the simulated services answer besides Resource
// Manager: log streams and terminals of Container Apps, Log Analytics queries,
// the token endpoint of managed identities, and the models of AI accounts.
package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/entra"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Server answers the platform's data planes.
type Server struct {
	Store  *store.Store
	World  *rp.World
	Login  *entra.Server
	Runner run.Runner // nil: no app has written anything or can be entered
	Faults *fault.Set
	Now    func() time.Time
}

// Mine says whether a path is one of the platform's and not Resource Manager's.
func Mine(path string) bool {
	lower := strings.ToLower(path)
	return strings.HasPrefix(lower, "/loganalytics/") || strings.HasPrefix(lower, "/msi/") ||
		strings.Contains(lower, "/containers/") && (strings.HasSuffix(lower, "/logstream") || strings.HasSuffix(lower, "/exec"))
}

// ServeHTTP answers what Mine says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	lower := strings.ToLower(r.URL.Path)
	switch {
	case strings.HasPrefix(lower, "/msi/"):
		s.identity(w, r)
	case strings.HasPrefix(lower, "/loganalytics/"):
		s.query(w, r)
	default:
		s.console(w, r)
	}
}

// App answers inside of an environment's network: the token endpoint and the
// models, which there have the paths of an accounts' address.
func (s *Server) App(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(strings.ToLower(r.URL.Path), "/msi/") {
		s.identity(w, r)
		return
	}
	s.Models(w, r)
}

// console answers …/containers/C/logstream and …/exec with the token of
// getAuthToken.
func (s *Server) console(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	// subscriptions/S/resourceGroups/G/{containerApps,jobs}/NAME/{revisions,executions}/X/replicas/R/containers/C/VERB
	if len(parts) != 13 {
		http.NotFound(w, r)
		return
	}
	id := strings.ToLower("/" + strings.Join(parts[:4], "/") + "/providers/Microsoft.App/" + strings.Join(parts[4:6], "/"))
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	found, allowed, execution := false, false, ""
	err := s.Store.Do(func(st *store.State) error {
		if res := st.Get(id); res != nil {
			found, allowed = true, token != "" && res.Private["token"] == token
			execution = rp.RunName(res, parts[7])
		}
		return nil
	})
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case !found:
		http.NotFound(w, r)
	case !allowed:
		http.Error(w, "the token is not one of this app", http.StatusUnauthorized)
	case s.Runner == nil:
		if parts[12] == "exec" {
			http.Error(w, "the simulator runs no containers", http.StatusNotImplemented)
		}
	case parts[12] == "exec":
		s.exec(w, r, id)
	default:
		if strings.EqualFold(parts[4], "jobs") {
			id += "/executions/" + execution
		}
		s.stream(w, r, id)
	}
}

// line is one line of a log stream with output=json.
type line struct {
	TimeStamp, Log string
}

// stream answers as the real log stream: its lines have the time of the container.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, id string) {
	ctx := r.Context()
	out := &lines{now: s.Now, write: func(l line) error {
		if r.URL.Query().Get("output") != "json" {
			_, err := w.Write([]byte(l.Log + "\n"))
			return err
		}
		raw, err := json.Marshal(l)
		if err == nil {
			_, err = w.Write(append(raw, '\n'))
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		return err
	}}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_ = s.Runner.Logs(ctx, id, r.URL.Query().Get("follow") == "true", time.Time{}, out) // the stream just ends
	_ = out.flush()
}

// lines takes what a runner writes apart: each line may begin with an RFC 3339
// time and a space, which is then its time.
type lines struct {
	now   func() time.Time
	rest  []byte
	write func(line) error
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		before, after, ok := strings.Cut(string(l.rest), "\n")
		if !ok {
			return len(p), nil
		}
		l.rest = []byte(after)
		if err := l.one(before); err != nil {
			return len(p), err
		}
	}
}

func (l *lines) flush() error {
	if len(l.rest) == 0 {
		return nil
	}
	return l.one(string(l.rest))
}

func (l *lines) one(text string) error {
	text = strings.TrimSuffix(text, "\r")
	at := l.now()
	if stamp, rest, ok := strings.Cut(text, " "); ok {
		if t, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			at, text = t, rest
		}
	}
	return l.write(line{TimeStamp: at.UTC().Format(time.RFC3339Nano), Log: text})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that is gone needs no answer
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]any{"code": code, "message": message}})
}

// collect reads a workload's log to its present end.
func (s *Server) collect(ctx context.Context, id string, since time.Time) []line {
	var out []line
	in := &lines{now: s.Now, write: func(l line) error { out = append(out, l); return nil }}
	if s.Runner != nil {
		_ = s.Runner.Logs(ctx, id, false, since, in) // what could be read is the history
		_ = in.flush()
	}
	return out
}
