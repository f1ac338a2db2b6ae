package local

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/stacks"
)

// States implements [stacks.Target]: containers, networks and marks of expiry, by
// one question each. A volume or an image alone is no experiment: it is data that
// somebody kept.
func (t *Target) States(ctx context.Context) (map[stacks.Ref]stacks.State, error) {
	s := states{of: map[stacks.Ref]stacks.State{}, set: map[stacks.Ref]time.Time{}}
	ours := map[string]string{target.LabelTarget: target.Target}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		list, err := t.Engine.Containers(ctx, docker.Filter{Labels: ours})
		for _, c := range list {
			s.container(c)
		}
		return err
	})
	group.Go(func() error {
		list, err := t.Engine.Client().NetworkList(ctx, client.NetworkListOptions{Filters: labels(ours)})
		for _, n := range list.Items {
			s.object(n.Labels, n.Created)
		}
		return wrap("list networks", err)
	})
	var marks []mark
	group.Go(func() (err error) { marks, err = t.marks(ctx, ours); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, m := range marks {
		s.mark(m)
	}
	return s.of, nil
}

// states is what is found, by several readers at once.
type states struct {
	mu  sync.Mutex
	of  map[stacks.Ref]stacks.State
	set map[stacks.Ref]time.Time // when the mark was made that counts so far
}

func (s *states) container(c docker.Container) {
	if kind := c.Labels[target.LabelKind]; kind == "run" || kind == "box" {
		return // it goes with its owner
	}
	ref, ok := s.object(c.Labels, c.Created)
	if !ok || c.Labels[target.LabelKind] != "app" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.of[ref]
	if c.State == "running" {
		st.Apps++
	} else {
		st.Stopped++
	}
	s.of[ref] = st
}

// object notes what is true of every object. The latest deadline counts, so that
// nothing goes early.
func (s *states) object(labels map[string]string, created time.Time) (stacks.Ref, bool) {
	ref, ok := refOf(labels)
	if !ok {
		return ref, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.of[ref]
	if st.Created.IsZero() || created.Before(st.Created) {
		st.Created = created
	}
	if expires, ok := readDeadline(labels); ok && expires.After(st.Expires) {
		st.Expires = expires
	}
	s.of[ref] = st
	return ref, true
}

func (s *states) mark(m mark) {
	st, there := s.of[m.ref]
	if !there || m.set.Before(s.set[m.ref]) {
		return // a mark of nothing expires nothing
	}
	st.Expires, st.Moved = m.deadline, true
	s.of[m.ref], s.set[m.ref] = st, m.set
}

// refOf is whom labels say that an object belongs to.
func refOf(labels map[string]string) (stacks.Ref, bool) {
	ref := stacks.Ref{
		Experiment: labels[target.LabelExperiment], Instance: labels[target.LabelInstance], Target: target.Target,
	}
	return ref, ref.Experiment != "" && ref.Instance != ""
}

// readDeadline reads [target.LabelExpires]; zero is never. It returns false where
// the label is not there or says nothing that envctl wrote.
func readDeadline(labels map[string]string) (time.Time, bool) {
	text := labels[target.LabelExpires]
	if text == target.Never {
		return time.Time{}, true
	}
	at, err := time.Parse(time.RFC3339, text)
	return at, err == nil
}

// labels are filters of objects that carry all of some labels.
func labels(of map[string]string) client.Filters {
	out := client.Filters{}
	for name, value := range of {
		if value != "" {
			name += "=" + value
		}
		out.Add("label", name)
	}
	return out
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
