package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/box/models"
	"github.com/envctl/envctl/local/models/service"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/images"
	"github.com/envctl/envctl/stacks/state"
)

// projectImages are the images of a definition's apps and jobs by the names that it
// has for them, and what each of these means: what `up` built is called by its tag, and
// a name is what envctl.lock has for it.
func projectImages(getenv func(string) string, ref stacks.Ref, d *definition.Definition) (map[string]string, error) {
	dir, err := state.Open(getenv)
	if err != nil {
		return nil, err
	}
	lock, err := images.LoadLock(filepath.Join(d.Dir, images.LockFile))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	note := func(w definition.Workload) {
		if w.Image == "" {
			return
		}
		out[w.Image] = w.Image
		if pin, ok := lock.Pin(w.Image); ok {
			out[w.Image] = pin
		}
	}
	for _, a := range d.Apps {
		note(a.Workload)
	}
	for _, j := range d.Jobs {
		note(j.Workload)
	}
	record, _, err := dir.Load(ref)
	if err != nil {
		return nil, err
	}
	last, err := record.LastPlan()
	if err != nil || last == nil {
		return out, err
	}
	for _, w := range last.Spec().Workloads {
		if w.Image.Build != nil && w.Image.Tag != "" {
			out[w.Image.Tag] = w.Image.Ref
		}
	}
	return out, nil
}

// boxModels are the models of a definition, answered for in this process, by the
// settings and from the ledger of the one that answers for a sandbox's; nil where the
// definition does not say what answers.
func boxModels(ctx context.Context, s Settings, ref stacks.Ref, d *definition.Definition) (*models.Project, error) {
	dir, err := state.Open(s.Getenv)
	if err != nil {
		return nil, err
	}
	path, err := dir.Ledger(ref)
	if err != nil {
		return nil, err
	}
	settings, ok := service.SettingsOf(d, "", path, s.Getenv)
	if !ok {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the ledger's folder: %w", err)
	}
	options, done, err := modelsOptions(s.Getenv)
	if err != nil {
		return nil, err
	}
	s.AtEnd(func() error { done(); return nil })
	handler, settle, err := settings.Handler(context.WithoutCancel(ctx), options, s.Notice)
	if err != nil {
		return nil, err
	}
	s.AtEnd(settle)
	return &models.Project{
		Experiment: ref.Experiment, Instance: ref.Instance, Names: keys(settings.Models),
		Budget: settings.Budget, Ledger: path, Handler: handler, Now: options.Now,
	}, nil
}
