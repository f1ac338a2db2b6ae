// Package promote takes over to Azure what runs locally: it refuses what was not
// healthy, says what will differ, which is nothing but addresses, and writes the
// receipt of it. It asks nobody and changes nothing but the receipt's file.
package promote

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/state"
)

// Source is what runs locally.
type Source struct {
	Record   state.Record // of the local stack; the zero value: there is none
	Known    bool         // there is a record
	Observed stacks.Observation
}

// RefusedError is a promotion that was not allowed.
type RefusedError struct {
	Ref     stacks.Ref // of the local stack
	Reasons []string
	Mend    string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s (instance %s) is not promoted: %s", e.Ref.Experiment, e.Ref.Instance, strings.Join(e.Reasons, "; "))
}

// Hint says how to mend it.
func (e *RefusedError) Hint() string { return e.Mend }

// ExitStatus is that of what was refused.
func (*RefusedError) ExitStatus() int { return 3 }

// Check refuses what did not run locally as def has it, or is not well there. It
// returns the plan that runs.
func Check(def *definition.Definition, ref stacks.Ref, s Source) (*plan.Plan, error) {
	refuse := func(mend string, reasons ...string) error {
		return &RefusedError{Ref: ref, Reasons: reasons, Mend: mend}
	}
	const up = "bring it up with `envctl up`, try it, and promote again"
	if !s.Known {
		return nil, refuse(up, "it never ran locally")
	}
	local, err := s.Record.LastPlan()
	switch {
	case err != nil:
		return nil, err
	case local == nil || s.Record.Applied == nil || s.Record.Interrupted():
		return nil, refuse(up, "its last local up did not succeed")
	case s.Record.Definition != definition.Hash(def):
		return nil, refuse(up, "the definition was changed since it came up locally")
	}
	var reasons []string
	for _, app := range s.Observed.Apps {
		if app.State != stacks.AppRunning {
			reasons = append(reasons, strings.TrimSuffix(fmt.Sprintf("app %q is %s locally: %s", app.Name, app.State, app.Reason), ": "))
		}
	}
	for _, d := range s.Observed.Drift {
		reasons = append(reasons, "what runs locally was changed: "+d.String())
	}
	if len(reasons) > 0 {
		return nil, refuse("`envctl status` and `envctl logs` say more; `envctl up` mends what was changed", reasons...)
	}
	return local, nil
}

// digestOf is the digest that a registry has of an image; empty where none has it.
func digestOf(image plan.Image) string {
	if image.Digest != "" {
		return image.Digest
	}
	if _, sum, ok := strings.Cut(image.Ref, "@"); ok {
		return sum
	}
	return ""
}

// Images are the images of a plan, by workload: what is to run on Azure. One that
// only the local engine has is given to publish, which puts it into a registry.
func Images(local *plan.Plan, publish func(workload, id string) (plan.Image, error)) (map[string]plan.Image, error) {
	out := map[string]plan.Image{}
	for _, w := range local.Spec().Workloads {
		image := w.Image
		if image.Digest = digestOf(image); image.Digest == "" {
			published, err := publish(w.Name, image.Ref)
			if err != nil {
				return nil, fmt.Errorf("the image of %q is known to the local engine only: %w", w.Name, err)
			}
			image = published
		}
		out[w.Name] = image
	}
	return out, nil
}

// Difference is what differs between what ran and what will run.
type Difference struct {
	// Same are the digests, by workload: the bytes that ran and will run.
	Same map[string]string
	// Addresses differ because it is another place: target, subscription, names.
	Addresses []plan.Change
	// Other is anything else. A promotion has none.
	Other []plan.Change
}

// stored is the path of a property of an image that says where it is kept, beside
// its digest, which is compared by itself.
var stored = regexp.MustCompile(`^image\.(ref|tag|keep|repository|build(\..+)?|digest)$`)

// address says that a property of a change only tells where something is, or what
// the place alone knows of: all of a plan's ground but its models.
func address(c plan.Change, path string) bool {
	if c.Workload != "" {
		return stored.MatchString(path)
	}
	return !strings.HasPrefix(path, "models")
}

// Compare says what differs between the local plan, whose images are images, and
// the one for Azure.
func Compare(local, azure *plan.Plan, images map[string]plan.Image) Difference {
	d := Difference{Same: map[string]string{}}
	for _, c := range plan.Diff(local, azure) {
		here, other := c, c
		here.Props, other.Props = nil, nil
		for _, p := range c.Props {
			if address(c, p.Path) {
				here.Props = append(here.Props, p)
			} else {
				other.Props = append(other.Props, p)
			}
		}
		if len(here.Props) > 0 {
			d.Addresses = append(d.Addresses, here)
		}
		if len(other.Props) > 0 || c.Op != plan.Changed {
			d.Other = append(d.Other, other)
		}
	}
	for _, w := range azure.Spec().Workloads {
		from, ok := images[w.Name]
		was, is := digestOf(from), digestOf(w.Image)
		if ok && was == is {
			d.Same[w.Name] = is
			continue
		}
		d.Other = append(d.Other, plan.Change{Op: plan.Changed, Kind: w.Kind, Workload: w.Name,
			Props: []plan.Property{{Path: "image.digest", Old: was, New: is}}})
	}
	return d
}

// Err refuses a difference that is more than addresses.
func (d Difference) Err(ref stacks.Ref) error {
	if len(d.Other) == 0 {
		return nil
	}
	var reasons []string
	for _, c := range d.Other {
		name := strings.TrimSpace(c.Kind + " " + c.Workload)
		if len(c.Props) == 0 {
			reasons = append(reasons, name+" was "+c.Op)
		}
		for _, p := range c.Props {
			reasons = append(reasons, strings.TrimSpace(fmt.Sprintf("%s %s is %v and would be %v", name, p.Path, p.Old, p.New)))
		}
	}
	slices.Sort(reasons)
	return &RefusedError{Ref: ref, Reasons: slices.Compact(reasons), Mend: "bring the definition up with `envctl up` first: what is promoted is what ran"}
}
