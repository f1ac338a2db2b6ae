package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

type upOptions struct{ build bool }

func newUp(p *program) *cobra.Command {
	var o upOptions
	cmd := uses(&cobra.Command{
		Use:   "up",
		Short: "build, create or update; print the addresses",
		Long: `Make the experiment what the definition says: build images, create, update or replace
what differs, wait until it is healthy, and print where it answers. Run it as often
as you like: what is right already is left alone.

On Azure it takes the images that a local up built, by digest; --build builds what is
missing, as a pipeline does. A change there is asked about, or needs --yes.`,
		Example: `  envctl up
  envctl up -n pr-123 --ttl 4h      # a second instance that expires
  envctl up -o json | jq -r .outputs.apps.api.url
  envctl up -t azure --simulate     # the whole of it, without a subscription
  envctl up -t azure --build --yes  # in a pipeline`,
		Args: exactly(),
		RunE: p.runs(func(ctx context.Context, _ []string) (output.Document, error) { return runUp(ctx, p, o) }),
	}, "file", "name", "target", "output", "ttl", "simulate", "record")
	cmd.Flags().BoolVar(&o.build, "build", false, "with --target azure: build and push what no local up has built")
	return cmd
}

func runUp(ctx context.Context, p *program, o upOptions) (output.Document, error) {
	request, settings, err := p.request()
	if err != nil {
		return nil, err
	}
	if err := checkKind(request.Definition, definition.KindExperiment); err != nil {
		return nil, err
	}
	return p.bringUp(ctx, request, settings, o)
}

// bringUp is up of an experiment or a platform.
func (p *program) bringUp(ctx context.Context, request Request, settings Settings, o upOptions) (output.Document, error) {
	if o.build && settings.Target != targetAzure {
		return nil, usage("leave it out: a local up always builds", "--build has no meaning for the target %q", settings.Target)
	}
	settings.Build = o.build
	if err := p.checkConfirm("envctl up"); err != nil {
		return nil, err
	}
	ops, err := p.env.Services.Operations(ctx, settings)
	if err != nil {
		return nil, err
	}
	if err := p.confirmUp(ctx, ops, request); err != nil {
		return nil, err
	}
	result, err := ops.Up(ctx, request)
	return operationDocument(result), err
}

// checkKind refuses a definition of the other kind.
func checkKind(d *definition.Definition, want definition.Kind) error {
	if d == nil || d.Kind == want {
		return nil
	}
	hint := "envctl up"
	if d.Kind == definition.KindPlatform {
		hint = "envctl platform up"
	}
	return &problem{code: "kind", status: statusUsage, path: "kind", hint: hint,
		message: fmt.Sprintf("kind %q: this command is for a definition of kind %q", d.Kind, want)}
}
