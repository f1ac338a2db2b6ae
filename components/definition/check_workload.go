package definition

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

func (c *checker) app(id string) {
	at := childPath("apps", id)
	app := c.def.Apps[id]
	app.Workload = c.workload(at, app.Workload, "")
	c.def.Apps[id] = app
	if app.Health != nil && app.Ingress == nil {
		c.key(at+".health", "the app has no ingress that could be checked", `add "ingress: {port: …}" or remove health`)
	}
	if app.Scale.Max < app.Scale.Min && c.clean(at+".scale.min") && c.clean(at+".scale.max") {
		c.val(at+".scale.max", fmt.Sprintf("%d is less than min, %d", app.Scale.Max, app.Scale.Min), fmt.Sprintf("give at least %d", app.Scale.Min))
	}
}

func (c *checker) job(id string) {
	at := childPath("jobs", id)
	job := c.def.Jobs[id]
	if _, both := c.def.Apps[id]; both {
		c.key(at, fmt.Sprintf("there is an app %q already; apps and jobs share one namespace", id), "give one of them another name")
	}
	job.Workload = c.workload(at, job.Workload, job.Outputs)
	c.def.Jobs[id] = job
	if job.Schedule != "" && c.clean(at+".schedule") {
		if why := cronProblem(job.Schedule); why != "" {
			c.val(at+".schedule", fmt.Sprintf("%q %s", job.Schedule, why), "")
		}
	}
}

// workload checks what apps and jobs share and returns it with the half of cpu
// and memory that was not given.
func (c *checker) workload(at string, w Workload, outputs string) Workload {
	c.source(at, w)
	w = c.resources(at, w)
	for variable, secret := range w.Secrets {
		c.secretReference(childPath(at+".secrets", variable), secret)
	}
	for i, model := range w.Models {
		c.model(itemPath(at+".models", i), model)
	}
	for i, need := range w.Needs {
		c.need(itemPath(at+".needs", i), need)
	}
	c.variables(at, w)
	c.files(at, w, outputs)
	return w
}

func (c *checker) source(at string, w Workload) {
	image := at + ".image"
	switch {
	case !c.clean(at) || !c.clean(at+".build") || !c.clean(image):
	case w.Build == nil && w.Image == "":
		c.key(at, "has neither build nor image", `give it one: "build: {context: .}" or "image: …"`)
	case w.Build != nil && w.Image != "":
		c.key(image, "there is a build too, and a workload has one image", "remove image or build")
	case w.Image != "":
		if _, err := name.ParseReference(w.Image); err != nil {
			c.val(image, fmt.Sprintf("%q is not an image reference: %v", w.Image, err), "")
		}
	}
}

// memoryPerCore is the one ratio that Container Apps accepts in a consumption plan.
const memoryPerCore = 2 * gibi

func (c *checker) resources(at string, w Workload) Workload {
	cpu, memory := at+".cpu", at+".memory"
	if !c.clean(cpu) || !c.clean(memory) {
		return w
	}
	wanted := Size(w.CPU * float64(memoryPerCore))
	switch {
	case c.given(cpu) && !c.given(memory):
		w.Memory = wanted
	case c.given(memory) && !c.given(cpu) && w.Memory >= gibi/2 && w.Memory <= 8*gibi && w.Memory%(gibi/2) == 0:
		w.CPU = float64(w.Memory) / float64(memoryPerCore)
	case w.Memory != wanted:
		cores := strconv.FormatFloat(w.CPU, 'f', -1, 64)
		if !c.given(cpu) {
			c.val(memory, fmt.Sprintf("%s is not a multiple of 512Mi up to 8Gi, which Container Apps accepts", w.Memory), "")
			break
		}
		c.val(memory, fmt.Sprintf("%s with cpu %s is no pair that Container Apps accepts", w.Memory, cores), fmt.Sprintf("write memory: %s, or leave one of the two out", wanted))
	}
	return w
}

func (c *checker) secretReference(at, secret string) {
	if _, ok := c.def.Secrets[secret]; !ok && c.clean(at) {
		c.val(at, fmt.Sprintf("there is no secret %q", secret), orKnown(secret, "secrets", sorted(c.def.Secrets)))
	}
}

func (c *checker) need(at, need string) {
	app, ok := c.def.Apps[need]
	_, job := c.def.Jobs[need]
	switch {
	case !c.clean(at):
	case job && !ok:
		c.val(at, fmt.Sprintf("%q is a job; only an app can be needed", need), "")
	case !ok:
		c.val(at, fmt.Sprintf("there is no app %q", need), orKnown(need, "apps", sorted(c.def.Apps)))
	case app.Ingress == nil:
		c.val(at, fmt.Sprintf("the app %q has no ingress, so nothing can connect to it", need), fmt.Sprintf(`add "ingress: {port: …}" to apps.%s`, need))
	}
}

// variables reports a variable that two places set.
func (c *checker) variables(at string, w Workload) {
	owner := map[string]string{}
	for i, need := range w.Needs {
		c.brings(owner, itemPath(at+".needs", i), URLVariable(need))
	}
	for i, model := range w.Models {
		c.brings(owner, itemPath(at+".models", i), EndpointVariable(model))
		c.brings(owner, itemPath(at+".models", i), DeploymentVariable(model))
	}
	for _, variable := range sorted(w.Secrets) {
		c.sets(owner, childPath(at+".secrets", variable), variable)
	}
	for _, variable := range sorted(w.Env) {
		c.sets(owner, childPath(at+".env", variable), variable)
	}
}

func (c *checker) brings(owner map[string]string, at, variable string) {
	if compiledRules()["variable"].exclude.MatchString(variable) && c.clean(at) {
		c.val(at, fmt.Sprintf("brings the variable %s, which the platform sets itself", variable), "give it another name")
	}
	if first, ok := owner[variable]; ok && first != at && c.clean(at) {
		c.val(at, fmt.Sprintf("brings the variable %s, which %s brings too", variable, first), "give one of them another name")
	}
	owner[variable] = at
}

func (c *checker) sets(owner map[string]string, at, variable string) {
	if first, ok := owner[variable]; ok {
		c.key(at, fmt.Sprintf("the variable %s comes from %s already", variable, first), "remove one of them")
		return
	}
	owner[variable] = at
}

// files reports destinations that would not be seen in the container.
func (c *checker) files(at string, w Workload, outputs string) {
	owner := map[string]string{}
	for _, source := range sorted(w.Files) {
		destination, here := w.Files[source], childPath(at+".files", source)
		if !c.clean(here) {
			continue
		}
		switch first, again := owner[destination]; {
		case again:
			c.val(here, fmt.Sprintf("%q is the destination of %s too", destination, first), "give one of them another")
		case w.Scratch > 0 && below(destination, "/tmp"):
			c.val(here, fmt.Sprintf("%q would be hidden by scratch, which is /tmp", destination), "put it elsewhere")
		case outputs != "" && below(destination, outputs):
			c.val(here, fmt.Sprintf("%q would be hidden by outputs, which is %s", destination, outputs), "put it elsewhere")
		}
		owner[destination] = here
	}
}

func below(file, folder string) bool {
	return file == folder || strings.HasPrefix(file, path.Clean(folder)+"/")
}
