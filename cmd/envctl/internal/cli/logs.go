package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

type logsOptions struct {
	follow bool
	egress bool
	since  string
	tail   int
}

func newLogs(p *program) *cobra.Command {
	o := logsOptions{tail: -1}
	cmd := uses(&cobra.Command{
		Use:   "logs [APP]",
		Short: "print what the apps wrote",
		Long: `Print what one app wrote, or all apps, each line after the app's name. On a terminal
control characters are left out; in a pipe or a file the text is as the app wrote it.

With --egress print what the gateway says of hosts outside that apps wanted to reach: when,
which app, which host, allowed or refused and why, and how often. Every refusal is there.`,
		Example: `  envctl logs api -f
  envctl logs --egress -o ndjson | jq -r 'select(.egress.allowed == false).egress.host'
  envctl logs --since 10m --tail 100
  envctl logs -o ndjson | jq -r 'select(.stream == "stderr").text'`,
		Args: between(0, 1, "APP"),
		RunE: p.runs(func(ctx context.Context, args []string) (output.Document, error) { return runLogs(ctx, p, o, args) }),
	}, "file", "name", "target", "experiment", "output", "simulate", "record")
	// -f is --follow here, as everywhere in the world; the definition is --file.
	cmd.Flags().Var(text{&p.flags.file, "FILE", nil}, "file", "the definition, - for stdin ("+variables["file"]+")")
	cmd.Flags().BoolVarP(&o.follow, "follow", "f", false, "go on until Ctrl-C")
	cmd.Flags().BoolVar(&o.egress, "egress", false, "hosts that apps wanted to reach, and what came of it")
	cmd.Flags().StringVar(&o.since, "since", "", "from this `TIME` on: as 10m, that long ago, or RFC 3339")
	cmd.Flags().IntVar(&o.tail, "tail", -1, "only the last `LINES` of each app; -1: all")
	return cmd
}

func runLogs(ctx context.Context, p *program, o logsOptions, args []string) (output.Document, error) {
	since, err := sinceTime(o.since, p.env.Clock.Now())
	if err != nil {
		return nil, err
	}
	if o.tail < -1 {
		return nil, usage("--tail 100", "--tail %d is no number of lines", o.tail)
	}
	if o.follow && p.flags.format == output.JSON {
		return nil, usage("-o ndjson", "--follow never ends, and -o json is one object at the end")
	}
	named, err := p.named()
	if err != nil {
		return nil, err
	}
	request := LogsRequest{Ref: named.ref, Egress: o.egress, Follow: o.follow, Since: since, Tail: o.tail}
	if len(args) > 0 {
		request.App = args[0]
		if err := named.checkApp(request.App); err != nil {
			return nil, err
		}
	}
	request.OnLine = func(l output.LogLine) error {
		head := ""
		if request.App == "" {
			head = fmt.Sprintf("%-*s | ", named.widestApp(), l.App)
		}
		return p.printer.Log(head, l)
	}
	workloads, err := p.env.Services.Workloads(ctx, named.settings)
	if err != nil {
		return nil, err
	}
	if err := workloads.Logs(ctx, request); err != nil {
		if o.follow && interrupted(ctx) { // the usual way to end it
			return nil, exitWith(statusInterrupted)
		}
		return nil, err
	}
	return output.NewLogs(named.ref), nil
}

// sinceTime reads a time ago or a point in time; empty is the beginning.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := definition.ParseDuration(text); err == nil {
		return now.Add(-d.Std()), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	p := usage("--since 10m, or --since 2026-01-31T09:00:00Z", "--since %q is neither a time ago nor RFC 3339", text)
	p.path = "--since"
	return time.Time{}, p
}
