package plan

import (
	"maps"
	"slices"
)

// clone returns a copy that shares no memory with s.
func (s Spec) clone() Spec {
	s.Workloads = slices.Clone(s.Workloads)
	for i := range s.Workloads {
		s.Workloads[i] = s.Workloads[i].clone()
	}
	s.Models = slices.Clone(s.Models)
	s.Azure, s.Shared, s.Budget = clonePtr(s.Azure), clonePtr(s.Shared), clonePtr(s.Budget)
	if s.Server = clonePtr(s.Server); s.Server != nil {
		s.Server.Names = maps.Clone(s.Server.Names)
	}
	if s.Egress = clonePtr(s.Egress); s.Egress != nil {
		s.Egress.Resolvers, s.Egress.Private = slices.Clone(s.Egress.Resolvers), slices.Clone(s.Egress.Private)
	}
	if b := s.Budget; b != nil {
		b.Alerts, b.Contacts = slices.Clone(b.Alerts), slices.Clone(b.Contacts)
	}
	return s
}

func (w Workload) clone() Workload {
	w.Image.Build = w.Image.Build.clone()
	w.Command, w.Args = slices.Clone(w.Command), slices.Clone(w.Args)
	w.Env, w.Secrets = maps.Clone(w.Env), maps.Clone(w.Secrets)
	w.Needs, w.Models, w.Egress = slices.Clone(w.Needs), slices.Clone(w.Models), slices.Clone(w.Egress)
	w.Ingress, w.Health = clonePtr(w.Ingress), clonePtr(w.Health)
	w.Scale, w.Run = clonePtr(w.Scale), clonePtr(w.Run)
	return w
}

func (b *Build) clone() *Build {
	b = clonePtr(b)
	if b != nil {
		b.Args, b.Files = maps.Clone(b.Args), maps.Clone(b.Files)
	}
	return b
}

// clonePtr copies what p points to, which holds no pointers itself.
func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
