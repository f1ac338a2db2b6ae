package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/stacks"
)

type gcOptions struct{ dryRun, all bool }

func newGC(p *program) *cobra.Command {
	var o gcOptions
	cmd := uses(&cobra.Command{
		Use:   "gc",
		Short: "remove what has expired, and what nobody knows of",
		Long: `Destroy the experiments of a target that have expired. On Azure also find what carries
envctl's tags, is yours, and no state here knows, with its age: what a machine of yours made
that is gone. With a state that several machines share, only what none of them knows.
With --all also what others made: their state may be on their machines, so look at it first.`,
		Example: `  envctl gc --dry-run
  envctl gc -t azure --dry-run      # what would go
  envctl gc -t azure --yes
  envctl gc -t azure --all --dry-run`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runGC(ctx, p, o) }),
	}, "target", "output", "simulate", "record")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would go, and remove nothing")
	cmd.Flags().BoolVar(&o.all, "all", false, "on Azure, also what others made and no state here knows")
	return cmd
}

// garbage is something to remove, and how.
type garbage struct {
	output.Leftover
	remove func(ctx context.Context) error
}

func runGC(ctx context.Context, p *program, o gcOptions) (output.Document, error) {
	if !o.dryRun {
		if err := p.checkConfirm("envctl gc"); err != nil {
			return nil, err
		}
	}
	settings := p.settings(nil)
	found, err := p.expired(ctx, settings)
	if err != nil {
		return nil, err
	}
	if settings.Target == targetAzure {
		left, err := p.unknown(ctx, settings, o.all)
		if err != nil {
			return nil, err
		}
		found = append(found, left...)
	}
	if !o.dryRun && len(found) > 0 {
		if err := p.confirm(ctx, fmt.Sprintf("Remove %d leftovers on Azure (envctl gc -t azure --dry-run lists them)?", len(found))); err != nil {
			return nil, err
		}
	}
	var errs error
	list := make([]output.Leftover, 0, len(found))
	for _, g := range found {
		if !o.dryRun {
			if err := g.remove(ctx); err != nil {
				g.Error = err.Error()
				errs = errors.Join(errs, fmt.Errorf("%s %q: %w", g.Kind, g.Name, err))
			} else {
				g.Removed = true
			}
		}
		list = append(list, g.Leftover)
	}
	return output.NewGarbage(settings.Target, settings.Simulate, o.dryRun, list), errs
}

// expired are the experiments of the target whose time is over.
func (p *program) expired(ctx context.Context, s Settings) ([]garbage, error) {
	all, err := p.listOn(ctx, s.Target)
	if err != nil {
		return nil, err
	}
	now := p.env.Clock.Now()
	var out []garbage
	for _, e := range of(all, s.Target) {
		if e.Expires.IsZero() || e.Expires.After(now) {
			continue
		}
		out = append(out, garbage{
			Leftover: output.Leftover{Kind: "experiment", Name: e.Ref.String(), Experiment: e.Experiment, Instance: e.Instance,
				Reason: output.Expired, Expires: e.Expires, AgeSeconds: seconds(now, e.Created)},
			remove: func(ctx context.Context) error { return p.destroy(ctx, s, e.Ref) },
		})
	}
	return out, nil
}

// seconds is how long ago t was; 0 where that is not known.
func seconds(now, t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, now.Sub(t).Seconds())
}

func (p *program) destroy(ctx context.Context, s Settings, ref stacks.Ref) error {
	s.Ref = ref
	ops, err := p.env.Services.Operations(ctx, s)
	if err != nil {
		return err
	}
	_, err = ops.Down(ctx, Request{Ref: ref, Yes: true, OnEvent: p.printer.Event})
	return err
}

// unknown is what no state knows.
func (p *program) unknown(ctx context.Context, s Settings, all bool) ([]garbage, error) {
	c, err := p.env.Services.Cloud(ctx, s)
	if err != nil {
		return nil, err
	}
	left, err := c.Leftovers(ctx, all)
	out := make([]garbage, 0, len(left))
	for _, l := range left {
		out = append(out, garbage{l.Leftover, l.Remove})
	}
	return out, err
}
