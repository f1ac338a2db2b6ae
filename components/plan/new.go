package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/envctl/envctl/components/definition"
)

// DefaultUser is the numeric user of a workload that names none: the "nonroot"
// user of distroless images.
const DefaultUser = 65532

// Plan is one settled experiment. It cannot be changed after [New] or [Parse].
type Plan struct {
	spec   Spec
	levels [][]string
}

// Options are what a definition leaves open.
type Options struct {
	Instance string    // DNS label
	Target   string    // local or azure
	Expires  time.Time // zero: never; kept in whole seconds of UTC
	// Images has the image of every app and job by its name, and no others.
	Images map[string]Image
}

// New settles def. It fails where an image is missing or is not named by its
// digest, where files of the definition are not in the image, and where needs
// go in a circle; all of these are reported in one error.
func New(def *definition.Definition, opts Options) (*Plan, error) {
	if def.Kind == definition.KindPlatform && opts.Target != Azure {
		return nil, fmt.Errorf("%q is a Platform, which runs nothing of its own: plan an Experiment", def.Name)
	}
	spec := Spec{Experiment: def.Name, Instance: opts.Instance, Target: opts.Target, Expires: wholeSeconds(opts.Expires)}
	ground(&spec, def)
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(def.Apps)) {
		w := app(name, def.Apps[name])
		problems = append(problems, settleImage(&w, def.Apps[name].Workload, opts.Images))
		spec.Workloads = append(spec.Workloads, w)
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		w := job(name, def.Jobs[name])
		problems = append(problems, settleImage(&w, def.Jobs[name].Workload, opts.Images))
		spec.Workloads = append(spec.Workloads, w)
	}
	for _, name := range slices.Sorted(maps.Keys(opts.Images)) {
		_, isApp := def.Apps[name]
		if _, isJob := def.Jobs[name]; !isApp && !isJob {
			problems = append(problems, fmt.Errorf("image %q is for workload %q, which the definition does not have", opts.Images[name].Ref, name))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return fromSpec(spec)
}

// fromSpec checks a spec and takes a copy of it.
func fromSpec(spec Spec) (*Plan, error) {
	if err := check(spec); err != nil {
		return nil, err
	}
	levels, err := order(spec.Workloads)
	if err != nil {
		return nil, err
	}
	return &Plan{spec: spec.clone(), levels: levels}, nil
}

func app(name string, a definition.App) Workload {
	w := common(App, name, a.Workload)
	if a.Ingress != nil {
		w.Ingress = &Ingress{Port: a.Ingress.Port, Public: a.Ingress.Public}
	}
	if h := a.Health; h != nil {
		w.Health = &Health{
			Path: h.Path, Interval: seconds(h.Interval), Timeout: seconds(h.Timeout),
			Retries: h.Retries, Grace: seconds(h.Grace),
		}
	}
	w.Scale = &Scale{Min: a.Scale.Min, Max: a.Scale.Max, Concurrency: a.Scale.Concurrency}
	return w
}

func job(name string, j definition.Job) Workload {
	w := common(Job, name, j.Workload)
	w.Run = &Run{Schedule: j.Schedule, Timeout: seconds(j.Timeout), Retries: j.Retries, Outputs: j.Outputs}
	return w
}

func common(kind, name string, w definition.Workload) Workload {
	user := int64(DefaultUser)
	if w.User != nil {
		user = *w.User
	}
	return Workload{
		Kind: kind, Name: name, User: user,
		Command: w.Command, Args: w.Args, Env: w.Env, Secrets: w.Secrets,
		CPU: w.CPU, Memory: int64(w.Memory), Scratch: int64(w.Scratch),
		Needs: sorted(w.Needs), Models: w.Models, Egress: sorted(w.Egress),
	}
}

// settleImage gives w its image and holds that files of the definition, which
// are part of the image, are in its recipe.
func settleImage(w *Workload, def definition.Workload, images map[string]Image) error {
	image, ok := images[w.Name]
	if !ok {
		return fmt.Errorf("%s %q has no image: resolve or build it before planning", w.Kind, w.Name)
	}
	w.Image = image
	want := slices.Sorted(maps.Values(def.Files))
	var got []string
	if image.Build != nil {
		got = slices.Sorted(maps.Values(image.Build.Files))
	}
	if !slices.Equal(want, got) {
		return fmt.Errorf("%s %q: the definition puts files at %q, but image %q was made with files at %q: build it with the definition's files",
			w.Kind, w.Name, want, image.Ref, got)
	}
	return nil
}

// label is a DNS label.
var label = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// check holds what every plan promises, whether made or read from a file.
func check(spec Spec) error {
	var problems []error
	for _, f := range []struct{ field, value string }{
		{"experiment", spec.Experiment}, {"instance", spec.Instance}, {"target", spec.Target},
	} {
		if !label.MatchString(f.value) {
			problems = append(problems, fmt.Errorf("%s %q is not a DNS label: use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends", f.field, f.value))
		}
	}
	seen := map[string]string{}
	for _, w := range spec.Workloads {
		if other, ok := seen[w.Name]; ok {
			problems = append(problems, fmt.Errorf("%s %q has the name of the %s %q, but both become a container of that name: rename one", w.Kind, w.Name, other, w.Name))
		}
		seen[w.Name] = w.Kind
		if err := CheckRef(w.Image.Ref); err != nil {
			problems = append(problems, fmt.Errorf("%s %q: %w", w.Kind, w.Name, err))
		}
		if err := checkWorkload(w); err != nil {
			problems = append(problems, err)
		}
	}
	if !slices.IsSortedFunc(spec.Workloads, byKindAndName) {
		problems = append(problems, errors.New("workloads are not in order: apps come first, then jobs, each sorted by name"))
	}
	return errors.Join(problems...)
}

// checkWorkload holds that w has the parts of its kind, no others, and numbers
// that mean something.
func checkWorkload(w Workload) error {
	switch {
	case w.Kind == App && w.Scale != nil && w.Run == nil:
	case w.Kind == Job && w.Run != nil && w.Scale == nil && w.Ingress == nil && w.Health == nil:
	default:
		return fmt.Errorf("workload %q of kind %q: an %s has scale and no run, a %s has run and no scale, ingress or health", w.Name, w.Kind, App, Job)
	}
	if !label.MatchString(w.Name) {
		return fmt.Errorf("%s %q is not named by a DNS label: use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends", w.Kind, w.Name)
	}
	if !(w.CPU > 0) || math.IsInf(w.CPU, 0) || w.Memory <= 0 || w.Scratch < 0 || w.User < 0 {
		return fmt.Errorf("%s %q has cpu %v, memory %d, scratch %d and user %d: cpu and memory are above 0, the others at least 0",
			w.Kind, w.Name, w.CPU, w.Memory, w.Scratch, w.User)
	}
	return nil
}

func byKindAndName(a, b Workload) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) // "app" < "job"
}

func seconds(d definition.Duration) float64 { return time.Duration(d).Seconds() }

// wholeSeconds makes a time equal to what it is after a trip through JSON.
func wholeSeconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}

// sorted copies a list whose order means nothing, so writing it in another
// order is no change. Models keep their order: the first is the default.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
