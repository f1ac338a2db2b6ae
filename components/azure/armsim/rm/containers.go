package rm

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

const (
	appType         = "Microsoft.App/containerApps"
	jobType         = "Microsoft.App/jobs"
	environmentType = "Microsoft.App/managedEnvironments"
)

// runs says whether resources of the type are run by the runner.
func runs(typ string) bool { return typ == appType || typ == jobType }

// spec is what the runner is given for the resource, nil if it is gone.
func (s *Server) spec(id string) (*run.Spec, error) {
	var out *run.Spec
	err := s.Store.Do(func(st *store.State) error {
		if r := st.Get(id); r != nil {
			spec := rp.Spec(st, r, s.Folders)
			out = &spec
		}
		return nil
	})
	if out != nil && len(out.Identities) > 0 {
		out.Platform, out.IdentityHeader = s.Platform, IdentityHeader(s.Signer, out.ID)
	}
	return out, err
}

// apply runs an app or loads a job, and ends the operation accordingly. It works
// outside the lock.
func (s *Server) apply(operation, id string) {
	spec, err := s.spec(id)
	var status run.Status
	if err == nil && spec != nil {
		status, err = s.Runner.Apply(s.ctx, *spec)
	}
	if s.ctx.Err() != nil {
		return // another process, or this one's successor, does it again
	}
	s.finish(operation, func(st *store.State, op *store.Operation) {
		switch {
		case err != nil:
			op.FailCode, op.FailMessage = "ContainerAppOperationError", "Failed to provision revision for container app '"+nameOf(id)+"': "+err.Error()
		case status.State == run.Failed:
			op.FailCode = "ContainerAppOperationError"
			op.FailMessage = "Failed to provision revision for container app '" + nameOf(id) + "'. Error details: " + strings.TrimSpace(status.Reason+" "+status.Message)
		default:
			if r := st.Get(id); r != nil {
				setAddress(r, status.Address)
			}
		}
	})
}

func nameOf(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// setAddress notes where an app with external ingress answers.
func setAddress(r *store.Resource, address string) {
	p, _ := r.Body["properties"].(rp.Object)
	conf, _ := p["configuration"].(rp.Object)
	if ingress, ok := conf["ingress"].(rp.Object); ok && address != "" && ingress["external"] == true {
		ingress["fqdn"] = address
	}
}

// running lists what the runner has of a resource and below it: apps and jobs
// first, environments last.
func (s *Server) running(st *store.State, r *store.Resource) []string {
	var out []string
	for _, one := range append(st.Under(r.ID), r) {
		if runs(one.Type) || one.Type == environmentType {
			out = append(out, strings.ToLower(one.ID))
		}
	}
	last := func(id string) int {
		if strings.Contains(id, "/managedenvironments/") {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(last(a), last(b)) })
	return out
}

// takeDown removes containers and ends the operation.
func (s *Server) takeDown(operation string, ids []string) {
	var failed error
	for _, id := range ids {
		if err := s.Runner.Remove(s.ctx, id); err != nil && failed == nil {
			failed = err
		}
	}
	if s.ctx.Err() != nil {
		return
	}
	s.finish(operation, func(_ *store.State, op *store.Operation) {
		if failed != nil {
			op.FailCode, op.FailMessage = "InternalServerError", failed.Error()
		}
	})
}

// finish notes that the work on containers is done and lets the operation end.
func (s *Server) finish(operation string, note func(*store.State, *store.Operation)) {
	var work []func()
	err := s.Store.Do(func(st *store.State) error {
		op := st.Operations[operation]
		if op == nil || op.Status != store.InProgress {
			return nil
		}
		op.Phase = store.PhaseRan
		note(st, op)
		st.Changed()
		work = s.settle(st)
		return nil
	})
	if err != nil {
		return // the state's folder is gone: there is nobody to tell
	}
	for _, f := range work {
		s.group.Go(f)
	}
}

// effects are the work of a request's actions on containers.
func (s *Server) effects(_ *store.State, r *request) []func() {
	var out []func()
	if s.Runner == nil {
		return nil
	}
	for _, e := range r.effects {
		switch e.Kind {
		case "apply", "restart":
			out = append(out, func() { s.again(e) })
		case "start-job":
			out = append(out, func() { s.execute(e) })
		case "stop-job":
			out = append(out, func() { _ = s.Runner.StopJob(s.ctx, e.ID, e.Run) })
		}
	}
	return out
}

// again applies a running app: after a stop, a start or a restart. What comes of
// it is seen by the app's status.
func (s *Server) again(e rp.Effect) {
	spec, err := s.spec(e.ID)
	if err != nil || spec == nil {
		return
	}
	spec.Restart = e.Kind == "restart"
	status, err := s.Runner.Apply(s.ctx, *spec)
	if err != nil {
		return
	}
	_ = s.Store.Do(func(st *store.State) error {
		if r := st.Get(e.ID); r != nil {
			setAddress(r, status.Address)
			st.Changed()
		}
		return nil
	})
}

// execute starts an execution and follows it to its end. A process that ends
// before leaves the execution running; its state is read from the runner then.
func (s *Server) execute(e rp.Effect) {
	spec, unmountable, err := s.executionSpec(e)
	if err != nil || spec == nil {
		return
	}
	if unmountable != "" {
		s.noteExecution(e, run.Execution{Name: e.Name, State: run.Failed, Reason: "MountVolumeFailed", Message: unmountable, Ended: s.Now()})
		return
	}
	name, err := s.Runner.StartJob(s.ctx, *spec)
	if err != nil {
		s.noteExecution(e, run.Execution{Name: e.Name, State: run.Failed, Reason: "StartFailed", Message: err.Error(), Ended: s.Now()})
		return
	}
	if name != e.Name {
		_ = s.Store.Do(func(st *store.State) error { // what cannot be noted cannot be found later either
			if r := st.Get(e.ID); r != nil {
				rp.NoteRunName(st, r, e.Name, name)
			}
			return nil
		})
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		status, err := s.Runner.JobStatus(s.ctx, e.ID, name)
		if err == nil && status.State != run.Running && status.State != run.Starting {
			s.noteExecution(e, status)
			return
		}
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// executionSpec is the job's with the template of this execution, and why its file
// share cannot be mounted.
func (s *Server) executionSpec(e rp.Effect) (out *run.Spec, unmountable string, err error) {
	err = s.Store.Do(func(st *store.State) error {
		if r := st.Get(e.ID); r != nil {
			spec := rp.ExecutionSpec(st, r, e.Name, s.Folders)
			out, unmountable = &spec, rp.Unmountable(st, r)
		}
		return nil
	})
	if out != nil && len(out.Identities) > 0 {
		out.Platform, out.IdentityHeader = s.Platform, IdentityHeader(s.Signer, out.ID)
	}
	return out, unmountable, err
}

func (s *Server) noteExecution(e rp.Effect, status run.Execution) {
	_ = s.Store.Do(func(st *store.State) error {
		if r := st.Get(e.ID); r != nil {
			rp.NoteExecution(st, r, e.Name, status)
		}
		return nil
	})
}

// look asks the runner, outside the lock, about what the request will show:
// revisions and replicas of an app, executions of a job that this process may not
// have started.
func (s *Server) look(r *request) {
	if s.Runner == nil || r.op != "get" && r.op != "list" || r.typ == nil {
		return
	}
	switch id := strings.ToLower(r.id()); {
	case strings.HasPrefix(r.kind, appType+"/"):
		if status, err := s.Runner.Status(r.http.Context(), id); err == nil {
			r.status = &status
		}
	case strings.HasPrefix(r.kind, jobType+"/"):
		s.refresh(r.http.Context(), id)
	}
}

// refresh brings the executions of a job that are still running up to date.
func (s *Server) refresh(ctx context.Context, id string) {
	var open []rp.Effect
	_ = s.Store.Do(func(st *store.State) error { // an unreadable state fails the request itself
		r := st.Get(id)
		if r == nil {
			return nil
		}
		for _, e := range rp.Executions(r) {
			if p, _ := e["properties"].(rp.Object); p["status"] == "Running" {
				name, _ := e["name"].(string)
				open = append(open, rp.Effect{ID: id, Name: name, Run: rp.RunName(r, name)})
			}
		}
		return nil
	})
	for _, e := range open {
		status, err := s.Runner.JobStatus(ctx, e.ID, e.Run)
		// What is gone may not be there yet: its start is under way.
		if err == nil && status.State != run.Running && status.State != run.Starting && status.State != run.Gone {
			s.noteExecution(e, status)
		}
	}
}
