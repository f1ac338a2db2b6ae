package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/expiry"
)

type gcOptions struct {
	dryRun, all bool
	only        string // one target; empty: all that can be seen
}

func newGC(p *program) *cobra.Command {
	var o gcOptions
	cmd := uses(&cobra.Command{
		Use:   "gc",
		Short: "remove what has expired, and what nobody knows of",
		Long: `Destroy the experiments that have expired, here and on Azure where the state knows of any
there; --target takes one of the two. The labels on the objects count, so it needs neither
definition nor state. What a killed command left goes too. An experiment that another envctl
works on is left, and said; it can run beside every other command, from cron and in CI.

With -t azure also find what carries envctl's tags, is yours, and no state here knows, with
its age: what a machine of yours made that is gone. With a state that several machines share,
only what none of them knows. With --all also what others made: their state may be on their
machines, so look at it first. A removal on Azure is asked about, or needs --yes.`,
		Example: `  envctl gc --dry-run
  envctl gc --yes -o json           # from cron, on every target
  envctl gc -t azure --dry-run      # what would go
  envctl gc -t azure --all --dry-run`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("target") || p.flags.simulate || p.flags.target != targetLocal {
				o.only = p.flags.target
			}
			return p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runGC(ctx, p, o) })(cmd, args)
		},
	}, "target", "output", "simulate", "record")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would go, and remove nothing")
	cmd.Flags().BoolVar(&o.all, "all", false, "on Azure, also what others made and no state here knows")
	return cmd
}

// garbage is something to remove, and how.
type garbage struct {
	output.Leftover
	// remove removes it, or notes why it was left.
	remove func(ctx context.Context, l *output.Leftover) error
}

func runGC(ctx context.Context, p *program, o gcOptions) (output.Document, error) {
	if !o.dryRun {
		if err := p.checkConfirm("envctl gc"); err != nil {
			return nil, err
		}
	}
	found, lookErr := p.garbage(ctx, o)
	if !o.dryRun && len(found) > 0 {
		if err := p.confirm(ctx, fmt.Sprintf("Remove %d leftovers on Azure (envctl gc -t azure --dry-run lists them)?", len(found))); err != nil {
			return nil, err
		}
	}
	list, err := collect(ctx, found, o.dryRun)
	place := o.only
	if place == "" {
		place = output.EveryTarget
	}
	garbage := output.NewGarbage(place, p.flags.simulate, o.dryRun, list)
	garbage.Unsure = lookErr != nil
	return garbage, errors.Join(lookErr, err)
}

// garbage is all that is due, as far as it can be seen; the error is of what cannot.
func (p *program) garbage(ctx context.Context, o gcOptions) ([]garbage, error) {
	all, err := p.everywhere(ctx, o.only)
	found := p.expired(all)
	if o.only != targetAzure {
		left, orphanErr := p.orphans(ctx)
		found, err = append(found, left...), errors.Join(err, orphanErr)
	}
	if o.only == targetAzure {
		left, unknownErr := p.unknown(ctx, p.settings(nil), o.all)
		found, err = append(found, left...), errors.Join(err, unknownErr)
	}
	return found, err
}

// removers bounds removals under way at once.
const removers = 4

// collect removes what was found, or only lists it. One that cannot be removed
// keeps none of the others.
func collect(ctx context.Context, found []garbage, dryRun bool) ([]output.Leftover, error) {
	errs := make([]error, len(found))
	var group errgroup.Group
	group.SetLimit(removers)
	for i := range found {
		if dryRun || found[i].Left != "" {
			continue
		}
		group.Go(func() error { errs[i] = found[i].take(ctx); return nil })
	}
	_ = group.Wait() // the functions keep their errors apart
	list := make([]output.Leftover, 0, len(found))
	for _, g := range found {
		list = append(list, g.Leftover)
	}
	return list, errors.Join(errs...)
}

// take removes one thing and notes what came of it. Somebody who works on it is no
// failure.
func (g *garbage) take(ctx context.Context) error {
	err := g.remove(ctx, &g.Leftover)
	var busy graded
	switch {
	case err == nil:
		g.Removed = g.Left == ""
	case errors.As(err, &busy) && busy.ExitStatus() == statusLocked:
		g.Left = err.Error()
	default:
		g.Error = err.Error()
		return fmt.Errorf("%s %q: %w", g.Kind, g.Name, err)
	}
	return nil
}

// expired are the experiments whose time is over. One on Azure that nobody has
// confirmed is left.
func (p *program) expired(all []stacks.Summary) []garbage {
	now := p.env.Clock.Now()
	var one sync.Mutex // experiments go side by side, and tell in turn
	event := func(e stacks.Event) {
		one.Lock()
		defer one.Unlock()
		p.printer.Event(e)
	}
	var out []garbage
	for _, e := range all {
		if !expiry.Due(e.Expires, now) {
			continue
		}
		g := garbage{Leftover: output.Leftover{Kind: "experiment", Name: e.Ref.String(), Experiment: e.Experiment, Instance: e.Instance,
			Reason: output.Expired, Expires: e.Expires, AgeSeconds: seconds(now, e.Created)},
			remove: func(ctx context.Context, l *output.Leftover) error { return p.destroy(ctx, e.Ref, event, l) }}
		if e.Target == targetAzure && p.flags.target != targetAzure && !p.flags.yes {
			g.Left = "a removal on Azure needs --yes"
		}
		out = append(out, g)
	}
	return out
}

// seconds is how long ago t was; 0 where that is not known.
func seconds(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, now.Sub(t).Seconds())
}

// destroy ends an experiment that is due still.
func (p *program) destroy(ctx context.Context, ref stacks.Ref, event func(stacks.Event), l *output.Leftover) error {
	s := p.settingsOn(ref.Target, nil)
	s.Ref = ref
	keeper, err := p.env.Services.Keeper(ctx, s)
	if err != nil {
		return err
	}
	result, err := keeper.Expire(ctx, Request{Ref: ref, Yes: true, OnEvent: event})
	if err == nil && result.Result == stacks.Unchanged {
		l.Left, l.Expires = "it was extended meanwhile", result.Expires
	}
	return err
}

// orphans are what killed commands left here. Without an engine there is nothing to
// see.
func (p *program) orphans(ctx context.Context) ([]garbage, error) {
	keeper, err := p.env.Services.Keeper(ctx, p.settingsOn(targetLocal, nil))
	if err != nil {
		return nil, err
	}
	left, err := keeper.Orphans(ctx)
	return removable(left), err
}

// unknown is what no state knows.
func (p *program) unknown(ctx context.Context, s Settings, all bool) ([]garbage, error) {
	c, err := p.env.Services.Cloud(ctx, s)
	if err != nil {
		return nil, err
	}
	left, err := c.Leftovers(ctx, all)
	return removable(left), err
}

func removable(left []Leftover) []garbage {
	out := make([]garbage, 0, len(left))
	for _, l := range left {
		out = append(out, garbage{l.Leftover, func(ctx context.Context, _ *output.Leftover) error { return l.Remove(ctx) }})
	}
	return out
}
