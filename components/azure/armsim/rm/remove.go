package rm

import (
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

const groupType = "Microsoft.Resources/resourceGroups"

// remove answers DELETE: 204 for what is not there, 404 for a group.
func (s *Server) remove(st *store.State, r *request) (*answer.Answer, *answer.Error) {
	old := st.Get(r.id())
	if old == nil {
		if r.typ.Name == groupType {
			return nil, groupNotFound(r.path.Group)
		}
		if bad := s.home(st, r); bad != nil && bad.Code == "ResourceGroupNotFound" {
			return nil, bad
		}
		return answer.New(http.StatusNoContent, nil), nil
	}
	if op := st.Busy(old.ID); op != nil {
		if op.Kind == "delete" {
			return s.accepted(r, op), nil
		}
		if r.typ.Name != groupType {
			return nil, busy(r, op)
		}
	}
	if parent := r.path.Parent(); strings.Count(r.typ.Name, "/") > 1 {
		for _, sibling := range st.Under(parent.ID()) {
			if op := st.Busy(sibling.ID); op != nil && r.typ.BusyError != nil {
				return nil, r.typ.BusyError(op, "") // fault row 8 holds for deletes too
			}
		}
	}
	if r.typ.Removable != nil {
		if bad := r.typ.Removable(s.call(st, r, old)); bad != nil {
			return nil, bad
		}
	}
	if r.typ.Delete == rp.Sync && !r.failing() {
		body := s.view(st, r, old)
		s.gone(st, r.typ, old, r.query, false)
		return answer.OK(body), nil
	}
	op := s.operation(st, r, old, "delete")
	if r.query["force"] == "true" {
		op.Kind = "delete-force"
	}
	state := "Deleting"
	if old.Type == "Microsoft.App/managedEnvironments" {
		state = "ScheduledForDelete"
	}
	rp.SetState(old, state)
	return s.accepted(r, op), nil
}

func (s *Server) accepted(r *request, op *store.Operation) *answer.Answer {
	a := answer.New(http.StatusAccepted, nil).Set("Location", s.address(r, op, "operationResults"))
	if strings.HasPrefix(op.Type, "Microsoft.Network/") || strings.HasPrefix(op.Type, "Microsoft.ContainerRegistry/") {
		a.Set("Azure-AsyncOperation", s.address(r, op, "operationStatuses"))
	}
	return a.RetryAfter(s.pause(op))
}

// gone takes a resource, what is below it and what is assigned on it away. Role
// assignments of a removed identity stay, as they do on the service.
func (s *Server) gone(st *store.State, typ *rp.Type, res *store.Resource, query map[string]string, withGroup bool) {
	for _, below := range st.Under(res.ID) {
		s.goneOne(st, s.Types.Find(below.Type), below, query, withGroup || typ.Name == groupType)
	}
	s.goneOne(st, typ, res, query, withGroup)
}

func (s *Server) goneOne(st *store.State, typ *rp.Type, res *store.Resource, query map[string]string, withGroup bool) {
	st.Remove(res.ID)
	if typ.Gone != nil {
		typ.Gone(&rp.Call{World: s.World, State: st, Now: s.Now(), Type: typ, Old: res, Query: query, WithGroup: withGroup})
	}
	if op := st.Operations[res.Operation]; op != nil && op.Status == store.InProgress {
		s.end(st, op, s.Now(), "ResourceNotFound", "The resource was removed.")
	}
}
