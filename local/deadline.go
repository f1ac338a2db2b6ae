package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/stacks"
)

var _ stacks.Marker = (*Target)(nil)

// mark is a volume of [target.KindExpiry].
type mark struct {
	name     string
	ref      stacks.Ref
	deadline time.Time // zero: never
	set      time.Time
}

// marks lists the marks that carry all of the labels.
func (t *Target) marks(ctx context.Context, of map[string]string) ([]mark, error) {
	filters := labels(of)
	filters.Add("label", target.LabelKind+"="+target.KindExpiry)
	list, err := t.Engine.Client().VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list the volumes that say when something expires: %w", err)
	}
	var out []mark
	for _, v := range list.Items {
		m := mark{name: v.Name}
		var ok, reads bool
		m.ref, ok = refOf(v.Labels)
		m.deadline, reads = readDeadline(v.Labels)
		m.set, err = time.Parse(time.RFC3339Nano, v.Labels[target.LabelSet])
		if ok && reads && err == nil {
			out = append(out, m)
		}
	}
	return out, nil
}

// Deadline implements [stacks.Marker].
func (t *Target) Deadline(ctx context.Context, ref stacks.Ref) (deadline time.Time, moved bool, err error) {
	list, err := t.marks(ctx, target.Selector(ref.Experiment, ref.Instance))
	var latest mark
	for _, m := range list {
		if !m.set.Before(latest.set) {
			latest, moved = m, true
		}
	}
	return latest.deadline, moved, err
}

// SetDeadline implements [stacks.Extender] by a mark beside what is there. The new
// one is made before the old ones go, so there is a deadline at every instant.
func (t *Target) SetDeadline(ctx context.Context, ref stacks.Ref, deadline time.Time) error {
	now := time.Now().UTC()
	before, err := t.marks(ctx, target.Selector(ref.Experiment, ref.Instance))
	if err != nil {
		return err
	}
	for _, m := range before {
		if !m.set.Before(now) { // by a clock that went ahead: the last word counts, not that one
			now = m.set.Add(1)
		}
	}
	of := target.Selector(ref.Experiment, ref.Instance)
	of[target.LabelKind], of[target.LabelSet] = target.KindExpiry, now.Format(time.RFC3339Nano)
	of[target.LabelExpires] = target.Never
	if !deadline.IsZero() {
		of[target.LabelExpires] = deadline.UTC().Format(time.RFC3339)
	}
	name := fmt.Sprintf("%s.expires.%d", target.NetworkName(ref.Experiment, ref.Instance), now.UnixNano())
	_, err = t.Engine.Client().VolumeCreate(ctx, client.VolumeCreateOptions{Name: name, Driver: "local", Labels: of})
	if err != nil {
		return fmt.Errorf("make the volume that says when %s expires: %w", ref, err)
	}
	return t.unmark(ctx, ref, now)
}

// unmark removes the marks of ref that were set before a time; the zero time: all.
func (t *Target) unmark(ctx context.Context, ref stacks.Ref, before time.Time) error {
	list, err := t.marks(ctx, target.Selector(ref.Experiment, ref.Instance))
	for _, m := range list {
		if !before.IsZero() && !m.set.Before(before) {
			continue // by somebody who moves it at the same time
		}
		_, removeErr := t.Engine.Client().VolumeRemove(ctx, m.name, client.VolumeRemoveOptions{})
		if removeErr != nil && !cerrdefs.IsNotFound(removeErr) {
			err = errors.Join(err, fmt.Errorf("remove the volume %s: %w", m.name, removeErr))
		}
	}
	return err
}
