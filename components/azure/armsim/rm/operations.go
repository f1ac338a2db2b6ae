package rm

import (
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// poll answers the address of an operation.
func (s *Server) poll(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	op := st.Operations[r.path.Name()]
	if op == nil {
		return nil, answer.Errorf(http.StatusNotFound, "OperationNotFound", "The operation '%s' was not found; results are kept for %v.", r.path.Name(), keptOperations)
	}
	if strings.EqualFold(r.path.Last(), "operationStatuses") {
		body := rp.Object{"id": r.path.ID(), "name": op.ID, "status": op.Status, "startTime": op.Started.UTC().Format(time.RFC3339Nano)}
		if op.Status == store.Failed {
			body["error"] = rp.Object{"code": op.Code, "message": op.Message}
		}
		a := answer.OK(body)
		if op.Status == store.InProgress {
			a.RetryAfter(s.pause(op))
		} else {
			body["endTime"] = op.Ended.UTC().Format(time.RFC3339Nano)
		}
		return a, nil
	}
	switch op.Status {
	case store.InProgress:
		return answer.New(http.StatusAccepted, nil).Set("Location", "https://"+r.host+r.http.URL.RequestURI()).RetryAfter(s.pause(op)), nil
	case store.Failed:
		status := http.StatusConflict
		return nil, answer.Errorf(status, op.Code, "%s", op.Message)
	}
	if res := st.Get(op.Resource); op.Kind == "put" && res != nil {
		return answer.OK(s.view(st, r, res)), nil // as storage accounts do
	}
	return answer.New(http.StatusNoContent, nil), nil
}

// keptOperations is how long an ended operation can be asked for.
const keptOperations = 24 * time.Hour

// settle ends what is due, and returns the work on containers that came of it, to
// be done outside the lock.
func (s *Server) settle(st *store.State) []func() {
	var work []func()
	now := s.Now()
	for _, op := range st.Running() {
		if op.Due.After(now) {
			break // the rest is due later
		}
		if f := s.step(st, op, now); f != nil {
			work = append(work, f)
		}
	}
	for id, op := range st.Operations {
		if op.Status != store.InProgress && now.Sub(op.Ended) > keptOperations {
			delete(st.Operations, id)
			st.Changed()
		}
	}
	return work
}

// step takes one operation that is due further.
func (s *Server) step(st *store.State, op *store.Operation, now time.Time) func() {
	if op.Phase == store.PhaseRunning {
		if op.Owner == s.Owner.Token || s.Store.Alive(op.Owner) {
			return nil
		}
		op.Phase = "" // its process has died: again
	}
	res := st.Get(op.Resource)
	if res == nil || res.Operation != op.ID {
		s.end(st, op, now, "ResourceNotFound", "The resource is gone.")
		return nil
	}
	typ := s.Types.Find(op.Type)
	if op.FailCode != "" {
		s.fail(st, op, res, now, op.FailCode, op.FailMessage)
		return nil
	}
	if op.Kind != "put" {
		return s.stepDelete(st, op, res, typ, now)
	}
	if typ.End != nil && op.Phase == "" {
		call := &rp.Call{World: s.World, State: st, Now: now, Type: typ, New: res, Old: res}
		verdict := typ.End(call, op)
		if verdict.Code != "" {
			s.fail(st, op, res, now, verdict.Code, verdict.Message)
			return nil
		}
		if !verdict.Wait.IsZero() {
			op.Due = verdict.Wait
			st.Changed()
			return nil
		}
	}
	if s.Runner != nil && runs(op.Type) && op.Phase == "" {
		return s.take(st, op, func() { s.apply(op.ID, op.Resource) })
	}
	rp.SetState(res, rp.Succeeded)
	s.end(st, op, now, "", "")
	return nil
}

func (s *Server) stepDelete(st *store.State, op *store.Operation, res *store.Resource, typ *rp.Type, now time.Time) func() {
	if s.Runner != nil && op.Phase == "" {
		if s.starting(st, res) {
			return nil // what is being started is removed after that
		}
		if ids := s.running(st, res); len(ids) > 0 {
			return s.take(st, op, func() { s.takeDown(op.ID, ids) })
		}
	}
	query := map[string]string{}
	if op.Kind == "delete-force" {
		query["force"] = "true"
	}
	s.gone(st, typ, res, query, false)
	s.end(st, op, now, "", "")
	return nil
}

// starting says whether something below the resource is being started just now.
func (s *Server) starting(st *store.State, res *store.Resource) bool {
	for _, below := range st.Under(res.ID) {
		op := st.Busy(below.ID)
		if op != nil && op.Phase == store.PhaseRunning && (op.Owner == s.Owner.Token || s.Store.Alive(op.Owner)) {
			return true
		}
	}
	return false
}

// take notes that this process does the operation's work.
func (s *Server) take(st *store.State, op *store.Operation, work func()) func() {
	op.Phase, op.Owner = store.PhaseRunning, s.Owner.Token
	st.Changed()
	return work
}

func (s *Server) end(st *store.State, op *store.Operation, now time.Time, code, message string) {
	op.Status, op.Ended = store.Succeeded, now
	if code != "" {
		op.Status, op.Code, op.Message = store.Failed, code, message
	}
	st.Changed()
}

// fail is fault row 19: the resource stays, with provisioningState Failed. A
// failed delete leaves it too.
func (s *Server) fail(st *store.State, op *store.Operation, res *store.Resource, now time.Time, code, message string) {
	rp.SetState(res, "Failed")
	if res.Private == nil {
		res.Private = map[string]string{}
	}
	res.Private["error"] = message
	s.end(st, op, now, code, message)
}
