package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks/expiry"
)

type extendOptions struct{ by, until string }

func newExtend(p *program) *cobra.Command {
	var o extendOptions
	cmd := uses(&cobra.Command{
		Use:   "extend",
		Short: "move when an experiment expires",
		Long: `Move when an experiment that is up expires: by some time, to a point in time, or to a
time to live counted from its creation. Nothing of it is made anew or started again, and it
need not be in the state here. A later up does not take it back; only another extend, or a
down, makes it end sooner. ENVCTL_EXPIRES inside stays as it was.

Locally an empty, labelled volume says so, beside the labels of the containers; on Azure the
tag of the resource group does.`,
		Example: `  envctl extend --by 2h
  envctl extend --until 2026-01-31T18:00:00Z -n pr-123
  envctl extend --ttl 3d -e csv-insights   # 3 days after it was made`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runExtend(ctx, p, o) }),
	}, "file", "name", "target", "experiment", "output", "ttl", "simulate", "record")
	cmd.Flags().StringVar(&o.by, "by", "", "this `TIME` further, as 30m, 2h or 1d; from now on where it has expired")
	cmd.Flags().StringVar(&o.until, "until", "", "at this `TIME`, RFC 3339")
	return cmd
}

func runExtend(ctx context.Context, p *program, o extendOptions) (output.Document, error) {
	to, err := o.move(p.flags.ttl)
	if err != nil {
		return nil, err
	}
	if err := p.checkConfirm("envctl extend"); err != nil {
		return nil, err
	}
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	if err := p.confirm(ctx, "Move when "+named.ref.Experiment+" on Azure expires?"); err != nil {
		return nil, err
	}
	keeper, err := p.env.Services.Keeper(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	result, err := keeper.Extend(ctx, named.ref, to)
	return operationDocument(result), err
}

// move is where the flags move a deadline to: exactly one of them says it. A time
// to live of ENVCTL_TTL, which is set for all commands, gives way.
func (o extendOptions) move(ttl *time.Duration) (expiry.Move, error) {
	switch {
	case o.by != "" && o.until != "":
		return expiry.Move{}, usage("give one of the two", "--by %q and --until %q both say when it expires", o.by, o.until)
	case o.by != "":
		d, err := definition.ParseDuration(o.by)
		if err != nil {
			e := usage("--by 2h", "--by %q is wrong: %s", o.by, cause(err))
			e.path = "--by"
			return expiry.Move{}, e
		}
		return expiry.Move{By: d.Std()}, nil
	case o.until != "":
		t, err := time.Parse(time.RFC3339, o.until)
		if err != nil {
			e := usage("--until 2026-01-31T18:00:00Z", "--until %q is not RFC 3339", o.until)
			e.path = "--until"
			return expiry.Move{}, e
		}
		return expiry.Move{Until: t}, nil
	case ttl != nil && *ttl > 0:
		return expiry.Move{TTL: *ttl}, nil
	}
	return expiry.Move{}, usage("envctl extend --by 2h, --until TIME or --ttl 3d; one that is not to expire: envctl up --ttl 0",
		"nothing says when it is to expire")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
