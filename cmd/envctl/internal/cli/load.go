package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
)

// named is an experiment that a command is about, with its definition where one
// was read.
type named struct {
	ref        stacks.Ref
	definition *definition.Definition // nil: given by --experiment
	settings   Settings
}

// named finds the experiment of commands that need its name alone: --experiment,
// or the one that is defined here.
func (p *program) named() (named, error) {
	if p.flags.experiment != "" {
		if p.flags.file != "" {
			return named{}, usage("give one of the two", "--experiment %q and --file %q both name the experiment", p.flags.experiment, p.flags.file)
		}
		settings := p.settings(nil)
		settings.Ref = p.ref(p.flags.experiment)
		return named{ref: settings.Ref, settings: settings}, nil
	}
	source, err := p.source()
	if err != nil {
		return named{}, err
	}
	d, err := source.readWithoutVariables(p.env.Lookup, p.flags.target)
	if err != nil {
		return named{}, &definitionError{err: err, hint: "mend the definition, or name the experiment with --experiment"}
	}
	return named{ref: p.ref(d.Name), definition: d, settings: p.settings(d)}, nil
}

// operation prepares an operation on the experiment that is defined here.
func (p *program) operation(ctx context.Context) (Request, Operations, error) {
	r, settings, err := p.request()
	if err != nil {
		return Request{}, nil, err
	}
	ops, err := p.env.Services.Operations(ctx, settings)
	return r, ops, err
}

// request reads the definition and says what the command line adds to it.
func (p *program) request() (Request, Settings, error) {
	source, err := p.source()
	if err != nil {
		return Request{}, Settings{}, err
	}
	d, err := source.read(p.env.Lookup)
	if err != nil {
		return Request{}, Settings{}, err
	}
	return Request{Definition: d, File: source.file, Ref: p.ref(d.Name), TTL: p.flags.ttl, Yes: p.flags.yes,
		OnEvent: p.printer.Event}, p.settings(d), nil
}

func (p *program) ref(experiment string) stacks.Ref {
	return stacks.Ref{Experiment: experiment, Instance: p.flags.instance, Target: p.flags.target}
}

func (p *program) settings(d *definition.Definition) Settings { return p.settingsOn(p.flags.target, d) }

// settingsOn are those of a target, whichever the command is about.
func (p *program) settingsOn(target string, d *definition.Definition) Settings {
	s := Settings{Getenv: p.env.Getenv, Target: target, Notice: p.printer.Notice, AtEnd: p.atEnd}
	if target == targetAzure {
		s.Simulate = p.flags.simulate
		if p.flags.record != "" {
			s.Record = p.path(p.flags.record)
		}
	}
	if d == nil {
		return s
	}
	s.Ref, s.Azure = p.ref(d.Name), d.Targets.Azure
	if d.Targets.Local != nil {
		s.Host = d.Targets.Local.Host
	}
	return s
}

// checkApp refuses an app that the definition, where there is one, does not have.
func (n named) checkApp(app string) error {
	if n.definition == nil {
		return nil
	}
	if _, ok := n.definition.Apps[app]; !ok {
		return noSuch("app", app, keys(n.definition.Apps))
	}
	return nil
}

// widestApp is the length of the longest name of an app, for aligned logs.
func (n named) widestApp() int {
	widest := 0
	if n.definition != nil {
		for app := range n.definition.Apps {
			widest = max(widest, len(app))
		}
	}
	return widest
}

// noSuch says that a name is not among those of the definition.
func noSuch(kind, given string, names []string) error {
	hint := "the definition has no " + kind + "s"
	if near := nearest(given, names); near != "" {
		hint = near
	} else if len(names) > 0 {
		hint = "one of " + strings.Join(names, ", ")
	}
	return &problem{code: "no-such-" + kind, status: statusUsage, path: kind + "s." + given, hint: hint,
		message: fmt.Sprintf("the definition has no %s %q", kind, given)}
}

// notUp says that an experiment is not there.
func notUp(ref stacks.Ref) error {
	return &problem{code: "not-up", status: statusFailed, hint: "envctl up",
		message: fmt.Sprintf("experiment %q, instance %q, is not up on %s", ref.Experiment, ref.Instance, ref.Target)}
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// operationDocument is the document of a result, or none where the operation did
// not come far enough to have one.
func operationDocument(r stacks.Result) output.Document {
	if r.Command == "" {
		return nil
	}
	return output.NewOperation(r)
}
