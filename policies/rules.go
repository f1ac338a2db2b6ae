package policies

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// Rules returns the rules of envctl, sorted by ID.
func Rules() []Rule {
	return []Rule{
		{"budgeted-models", "an experiment that uses models has a budget", Warning, budgetedModels},
		{"expiry", "an experiment expires", Info, expiry},
		{"narrow-egress", "egress names hosts, not whole registries of names", Deny, narrowEgress},
		{"no-plain-secrets", "secrets are not written into the definition", Deny, noPlainSecrets},
		{"no-root", "nothing runs as user 0", Deny, noRoot},
		{"pinned-images", "images are named by digest or pinned in envctl.lock", Warning, pinnedImages},
		{"public-health", "an app that is reachable from outside has a health check", Warning, publicHealth},
	}
}

// at is a workload with its place in the definition.
type at struct {
	path string // apps.api
	name string
	definition.Workload
}

// workloads returns apps, then jobs, each by name.
func workloads(def *definition.Definition) []at {
	var list []at
	for _, name := range slices.Sorted(maps.Keys(def.Apps)) {
		list = append(list, at{"apps." + name, name, def.Apps[name].Workload})
	}
	for _, name := range slices.Sorted(maps.Keys(def.Jobs)) {
		list = append(list, at{"jobs." + name, name, def.Jobs[name].Workload})
	}
	return list
}

func noRoot(in Input) []Finding {
	var findings []Finding
	for _, w := range workloads(in.Definition) {
		if w.User != nil && *w.User == 0 {
			findings = append(findings, Finding{
				Path:    w.path + ".user",
				Message: "user 0 is root, and a hole in the kernel found by root is worth more",
				Hint:    fmt.Sprintf("remove the line (the default is %d) or name another user", plan.DefaultUser),
			})
		}
	}
	return findings
}

// pinnedImages is silent where it is not known what is pinned. With a plan it
// holds what the plan's own type promises.
func pinnedImages(in Input) []Finding {
	var findings []Finding
	for _, w := range workloads(in.Definition) {
		if w.Image == "" || plan.CheckRef(w.Image) == nil {
			continue
		}
		pinned := in.Pin == nil
		if in.Pin != nil {
			_, pinned = in.Pin(w.Image)
		}
		if in.Plan != nil {
			settled, ok := in.Plan.Workload(w.name)
			pinned = ok && plan.CheckRef(settled.Image.Ref) == nil
		}
		if !pinned {
			findings = append(findings, Finding{
				Path:    w.path + ".image",
				Message: fmt.Sprintf("%q is a tag, which can mean another image tomorrow", w.Image),
				Hint:    "run `envctl up` once and commit the envctl.lock it writes, or write NAME@sha256:…",
			})
		}
	}
	return findings
}

func publicHealth(in Input) []Finding {
	var findings []Finding
	for _, name := range slices.Sorted(maps.Keys(in.Definition.Apps)) {
		if a := in.Definition.Apps[name]; a.Ingress != nil && a.Ingress.Public && a.Health == nil {
			findings = append(findings, Finding{
				Path:    "apps." + name + ".health",
				Message: "the app is public but has no health check, so it gets requests before it can answer them",
				Hint:    "add health: {path: /healthz}",
			})
		}
	}
	return findings
}

func budgetedModels(in Input) []Finding {
	used := slices.ContainsFunc(workloads(in.Definition), func(w at) bool { return len(w.Models) > 0 })
	if !used || in.Definition.Budget != nil {
		return nil
	}
	return []Finding{{
		Path:    "budget",
		Message: "models are used without a budget, so a loop can spend without end",
		Hint:    "add budget: {amount: 50}",
	}}
}

func expiry(in Input) []Finding {
	if in.Definition.Kind == definition.KindPlatform || in.Definition.TTL > 0 {
		return nil
	}
	return []Finding{{Path: "ttl", Message: "the experiment never expires", Hint: "add ttl: 8h, so that everything it makes says when it may go"}}
}

// values returns every text of a workload that reaches a container or an image
// in clear, by its path.
func (w at) values() map[string]string {
	found := map[string]string{}
	for k, v := range w.Env {
		found[w.path+".env."+k] = v
	}
	for i, v := range w.Command {
		found[fmt.Sprintf("%s.command[%d]", w.path, i)] = v
	}
	for i, v := range w.Args {
		found[fmt.Sprintf("%s.args[%d]", w.path, i)] = v
	}
	if w.Build != nil {
		for k, v := range w.Build.Args {
			found[w.path+".build.args."+k] = v
		}
	}
	return found
}

// noPlainSecrets knows keys by their shape. The finding names the shape and
// never shows the value.
func noPlainSecrets(in Input) []Finding {
	var findings []Finding
	for _, w := range workloads(in.Definition) {
		values := w.values()
		for _, path := range slices.Sorted(maps.Keys(values)) {
			kind := keyIn(values[path])
			if kind == "" {
				continue
			}
			hint := "put it under the top-level secrets and name it under the workload's secrets"
			if strings.Contains(path, ".build.args.") {
				hint = "build without it: a build argument stays readable in the image"
			}
			findings = append(findings, Finding{
				Path: path, Hint: hint,
				Message: fmt.Sprintf("the value looks like %s, and everybody who can inspect the container would see it", kind),
			})
		}
	}
	return findings
}
