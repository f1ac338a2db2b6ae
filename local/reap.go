package local

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/owner"
)

// Orphan is something on the engine that is worth nothing any more, though no
// experiment expired: its owner was killed, or it outlived its own deadline.
type Orphan struct {
	Kind    string // job, run, box, network or volume
	Name    string
	Owner   string    // the process that waited for it
	Expires time.Time // zero: its owner is gone
	Created time.Time

	labels map[string]string
}

// Orphans lists what owners left that are no more, and the runs and boxes that
// outlived their deadline: containers by one question, and with all networks and
// volumes too, for what was made before its container.
func (t *Target) Orphans(ctx context.Context, all bool, now time.Time) ([]Orphan, error) {
	owned := map[string]string{owner.Label: ""}
	var containers, networks, volumes []Orphan
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		list, err := t.Engine.Containers(ctx, docker.Filter{Labels: owned})
		for _, c := range list {
			containers = append(containers, Orphan{Name: c.Name, Created: c.Created, labels: c.Labels})
		}
		return err
	})
	if all {
		group.Go(func() error {
			list, err := t.Engine.Client().NetworkList(ctx, client.NetworkListOptions{Filters: labels(owned)})
			for _, n := range list.Items {
				networks = append(networks, Orphan{Kind: "network", Name: n.Name, Created: n.Created, labels: n.Labels})
			}
			return wrap("list networks", err)
		})
		group.Go(func() error {
			list, err := t.Engine.Client().VolumeList(ctx, client.VolumeListOptions{Filters: labels(owned)})
			for _, v := range list.Items {
				made, _ := time.Parse(time.RFC3339, v.CreatedAt)
				volumes = append(volumes, Orphan{Kind: "volume", Name: v.Name, Created: made, labels: v.Labels})
			}
			return wrap("list volumes", err)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var out []Orphan
	for _, o := range slices.Concat(containers, networks, volumes) {
		if o.judge(now) {
			out = append(out, o)
		}
	}
	return out, nil
}

// judge completes an orphan, and says whether it is one.
func (o *Orphan) judge(now time.Time) bool {
	o.Owner = o.labels[owner.Label]
	if o.labels[target.LabelKind] == "probe" {
		return false // of a run of the containment suite, which goes as a whole
	}
	if o.Kind == "" { // a container
		switch o.Kind = o.labels[target.LabelKind]; o.Kind {
		case "job", "run", "box":
		default:
			return false // it has no owner; a label that says so is its image's
		}
	}
	if owner.Gone(o.Owner) {
		return true
	}
	deadline, ok := readDeadline(o.labels)
	if !ok || deadline.IsZero() || deadline.After(now) || o.labels[target.LabelKind] == "job" {
		return false // a job's is its experiment's
	}
	o.Expires = deadline
	return true
}

// RemoveOrphan removes it, and where its owner is gone all of its kind that this one left. What
// is gone already, or being removed by somebody else, is no error.
func (t *Target) RemoveOrphan(ctx context.Context, o Orphan) error {
	of := map[string]string{}
	if o.Expires.IsZero() {
		of[owner.Label] = o.Owner
		if kind := o.labels[target.LabelKind]; kind != "" {
			of[target.LabelKind] = kind
		}
	} else {
		// A container has those of its image too, which nothing else of it has.
		for name, value := range o.labels {
			if strings.HasPrefix(name, "dev.envctl.") && value != "" {
				of[name] = value
			}
		}
	}
	_, err := t.Engine.Sweep(ctx, of, docker.SweepOptions{KeepImages: true})
	return err
}

// Reap removes what owners left that are no more, and returns what that was. A
// command does it beside its own work: where nothing is left, it costs one
// question.
func (t *Target) Reap(ctx context.Context) ([]Orphan, error) {
	list, err := t.Orphans(ctx, false, time.Now())
	var removed []Orphan
	for _, o := range list {
		if removeErr := t.RemoveOrphan(ctx, o); removeErr != nil {
			err = errors.Join(err, removeErr)
			continue
		}
		removed = append(removed, o)
	}
	return removed, err
}
