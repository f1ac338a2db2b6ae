package box

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/docker"
)

// sweepTries is how often a box is swept that another process still makes something of.
const sweepTries = 5

// sweep removes everything of a box by its label, also when ctx has ended.
func (m *Manager) sweep(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
	defer cancel()
	for try := 1; ; try++ {
		_, err := m.Engine.Sweep(ctx, map[string]string{LabelBox: id}, docker.SweepOptions{KeepImages: true})
		if err == nil || try == sweepTries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * 100 * time.Millisecond):
		}
	}
}

// Reap removes what is left of boxes that have expired or whose owner is no more,
// whoever made them, and returns their names. The labels alone decide; what this
// manager is making it leaves alone, for whoever makes it removes it where its time is
// over.
func (m *Manager) Reap(ctx context.Context) ([]string, error) {
	found, err := m.labelled(ctx)
	if err != nil {
		return nil, m.Engine.Explain(ctx, err)
	}
	var reaped []string
	var errs []error
	for id, labels := range found {
		if !m.over(labels) || m.making(id) {
			continue
		}
		if err := m.sweep(ctx, id); err != nil {
			errs = append(errs, err)
			continue
		}
		m.leave(id)
		reaped = append(reaped, id)
	}
	slices.Sort(reaped)
	return reaped, errors.Join(errs...)
}

// making says that a box of this manager is not ready yet.
func (m *Manager) making(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, there := m.boxes[id]
	return there && !s.ready
}

// over says whether a box has expired or has no owner any more. A deadline that
// cannot be read is none, and its owner decides.
func (m *Manager) over(labels map[string]string) bool {
	if expires, err := time.Parse(time.RFC3339, labels[LabelExpires]); err == nil && !m.Now().Before(expires) {
		return true
	}
	owner := labels[LabelOwner]
	return owner != m.Owner && m.Gone(owner)
}

// labelled returns the labels of every box of the engine, by its name. What a kill
// in the midst of a creation left may be a volume and nothing else.
func (m *Manager) labelled(ctx context.Context) (map[string]map[string]string, error) {
	found := map[string]map[string]string{}
	list, err := m.Engine.Containers(ctx, docker.Filter{Labels: map[string]string{LabelKind: Kind, LabelBox: ""}})
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		found[c.Labels[LabelBox]] = c.Labels
	}
	volumes, err := m.Engine.Client().VolumeList(ctx, client.VolumeListOptions{
		Filters: make(client.Filters).Add("label", LabelKind+"="+Kind).Add("label", LabelBox),
	})
	if err != nil {
		return nil, err
	}
	for _, v := range volumes.Items {
		found[v.Labels[LabelBox]] = v.Labels
	}
	delete(found, "")
	return found, nil
}

// reapEvery is how often [Manager.Watch] looks.
const reapEvery = 10 * time.Second

// Watch reaps until ctx ends; report gets what was reaped, and what failed.
func (m *Manager) Watch(ctx context.Context, report func(boxes []string, err error)) {
	tick := time.NewTicker(reapEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if boxes, err := m.Reap(ctx); ctx.Err() == nil && (len(boxes) > 0 || err != nil) {
				report(boxes, err)
			}
		}
	}
}
