package azure

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// differ collects what is otherwise than the plan says.
type differ struct {
	resource string
	out      []stacks.Drift
}

func (d *differ) compare(path, want, got string) {
	if want != got {
		d.out = append(d.out, stacks.Drift{Resource: d.resource, Path: path, Want: want, Got: got})
	}
}

// drift compares an app with its workload. Values of secrets are not compared:
// nobody gets to see them.
func (l *looking) drift(w plan.Workload, app ask.Object) []stacks.Drift {
	d := &differ{resource: "app " + w.Name}
	d.hash(l.hash(w.Name), app)
	d.container(w, container(ask.At(app, "properties", "template"), w.Name))
	ingress := ask.At(app, "properties", "configuration", "ingress")
	if w.Ingress == nil {
		d.compare("ingress", "none", present(ingress))
	} else {
		d.compare("ingress.targetPort", strconv.Itoa(w.Ingress.Port), strconv.Itoa(ask.Whole(ingress, "targetPort")))
		d.compare("ingress.external", strconv.FormatBool(w.Ingress.Public), strconv.FormatBool(ask.Yes(ingress, "external")))
		insecure := !w.Ingress.Public || l.needed(w.Name) // inside the environment there are no certificates
		d.compare("ingress.allowInsecure", strconv.FormatBool(insecure), strconv.FormatBool(ask.Yes(ingress, "allowInsecure")))
	}
	if s := w.Scale; s != nil {
		scale := ask.At(app, "properties", "template", "scale")
		least := s.Min
		if w.Ingress == nil {
			least = max(1, s.Min) // nothing would wake it
		}
		d.compare("scale.minReplicas", strconv.Itoa(least), strconv.Itoa(ask.Whole(scale, "minReplicas")))
		d.compare("scale.maxReplicas", strconv.Itoa(max(1, s.Max)), strconv.Itoa(ask.Whole(scale, "maxReplicas")))
	}
	return d.out
}

// hash compares what the resource was made from with the plan's.
func (d *differ) hash(want string, resource ask.Object) {
	if got := ask.Tags(resource)[target.TagPlan]; got != "" {
		d.compare("tags."+target.TagPlan, want, got)
	}
}

func (l *looking) needed(app string) bool {
	return slices.ContainsFunc(l.spec.Workloads, func(w plan.Workload) bool { return slices.Contains(w.Needs, app) })
}

func present(o any) string {
	if o == nil {
		return "none"
	}
	return "present"
}

// jobDrift compares a job with its workload.
func (l *looking) jobDrift(w plan.Workload) []stacks.Drift {
	d := &differ{resource: "job " + w.Name}
	job, ok := l.jobs[w.Name]
	if !ok {
		d.compare("", "present", "missing")
		return d.out
	}
	d.hash(l.hash(w.Name), job.object)
	d.container(w, container(ask.At(job.object, "properties", "template"), w.Name))
	config := ask.At(job.object, "properties", "configuration")
	if w.Run != nil {
		d.compare("scheduleTriggerConfig.cronExpression", w.Run.Schedule, ask.Text(config, "scheduleTriggerConfig", "cronExpression"))
		d.compare("replicaRetryLimit", strconv.Itoa(w.Run.Retries), strconv.Itoa(ask.Whole(config, "replicaRetryLimit")))
		d.compare("replicaTimeout", strconv.Itoa(int(w.Run.Timeout)), strconv.Itoa(ask.Whole(config, "replicaTimeout")))
	}
	return d.out
}

// container compares what runs: the digest, the limits, the program and the
// variables of the definition.
func (d *differ) container(w plan.Workload, c ask.Object) {
	if c == nil {
		d.compare("containers", w.Name, "none")
		return
	}
	_, got, _ := strings.Cut(ask.Text(c, "image"), "@")
	d.compare("image", w.Image.Digest, got)
	cpu, _ := ask.Number(c, "resources", "cpu")
	d.compare("resources.cpu", fmt.Sprint(w.CPU), fmt.Sprint(cpu))
	d.compare("resources.memory", preflight.GiB(w.Memory), memory(ask.Text(c, "resources", "memory")))
	if w.Command != nil {
		d.compare("command", fmt.Sprintf("%q", w.Command), fmt.Sprintf("%q", ask.Texts(c, "command")))
	}
	if w.Args != nil {
		d.compare("args", fmt.Sprintf("%q", w.Args), fmt.Sprintf("%q", ask.Texts(c, "args")))
	}
	env := map[string]ask.Object{}
	for _, e := range ask.Items(c, "env") {
		env[ask.Text(e, "name")] = e
	}
	for _, name := range slices.Sorted(maps.Keys(w.Env)) {
		if e, ok := env[name]; ok {
			d.compare("env."+name, w.Env[name], ask.Text(e, "value"))
		} else {
			d.compare("env."+name, w.Env[name], "missing")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Secrets)) {
		if ask.Text(env[name], "secretRef") == "" {
			d.compare("env."+name, "a secret", "none")
		}
	}
}

// memory writes 1.0Gi as 1Gi: Azure answers in its own way.
func memory(text string) string {
	n, err := strconv.ParseFloat(strings.TrimSuffix(text, "Gi"), 64)
	if err != nil || !strings.HasSuffix(text, "Gi") {
		return text
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + "Gi"
}
