package azure

import (
	"strings"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/words"
)

// status says in words how an app is.
func (t *Target) status(w plan.Workload, app running) stacks.AppStatus {
	out := stacks.AppStatus{
		Name: w.Name, State: stacks.AppRunning, Image: w.Image.Ref, URL: t.url(w, app.object),
		Since: ask.Time(app.revision, "properties", "createdTime"),
	}
	switch {
	case ask.Text(app.object, "properties", "runningStatus") == "Stopped":
		out.State, out.Reason = stacks.AppExited, "it was stopped: by somebody, or by its budget"
	case ask.Text(app.object, "properties", "provisioningState") == "Failed":
		out.State, out.Reason = stacks.AppUnhealthy, reason(app, "it could not be set up")
	case app.revision == nil:
		out.State, out.Reason = stacks.AppStarting, "it has no revision yet"
	default:
		out.State, out.Reason = revisionState(app)
	}
	return out
}

// revisionState is the state of an app by its latest revision.
func revisionState(app running) (state, why string) {
	provisioning := ask.Text(app.revision, "properties", "provisioningState")
	health := ask.Text(app.revision, "properties", "healthState")
	switch runs := ask.Text(app.revision, "properties", "runningState"); {
	case provisioning == "Failed":
		return stacks.AppUnhealthy, reason(app, "its revision could not be set up")
	case crashing(app):
		return stacks.AppRestarting, reason(app, "it ends again and again")
	case runs == "Failed", runs == "Degraded", health == "Unhealthy":
		return stacks.AppUnhealthy, reason(app, "its revision is "+strings.ToLower(runs+" "+health))
	case provisioning == "Provisioning", runs == "Processing", runs == "Activating":
		return stacks.AppStarting, reason(app, "its revision is being set up")
	case runs == "Stopped" && !idle(app.revision):
		return stacks.AppExited, reason(app, "its revision was stopped")
	case provisioning == "Deprovisioned", provisioning == "Deprovisioning":
		return stacks.AppExited, "its revision was deactivated"
	}
	return stacks.AppRunning, ""
}

// crashing says that a container was started again and does not run now.
func crashing(app running) bool {
	for _, replica := range app.replicas {
		for _, c := range ask.Items(replica, "properties", "containers") {
			if ask.Whole(c, "restartCount") > 0 && ask.Text(c, "runningState") != "Running" {
				return true
			}
		}
	}
	return false
}

// reason is why an app is not well, in words: the most telling that is found.
func reason(app running, fallback string) string {
	texts := []string{
		ask.Text(app.revision, "properties", "provisioningError"),
	}
	for _, replica := range app.replicas {
		for _, c := range ask.Items(replica, "properties", "containers") {
			texts = append(texts, ask.Text(c, "runningStateDetails"))
		}
		for _, c := range ask.Items(replica, "properties", "initContainers") {
			texts = append(texts, ask.Text(c, "runningStateDetails"))
		}
		texts = append(texts, ask.Text(replica, "properties", "runningStateDetails"))
	}
	texts = append(texts, ask.Text(app.object, "properties", "provisioningError"), ask.Text(app.object, "properties", "deploymentErrors"))
	unknown := ""
	for _, text := range texts {
		f, ok := words.Of(text)
		switch {
		case ok && f.Kind != words.Unknown:
			if f.Mend == "" {
				return f.What
			}
			return f.What + ": " + f.Mend
		case ok && unknown == "":
			unknown = f.What
		}
	}
	if unknown != "" {
		return unknown
	}
	return strings.TrimSpace(fallback)
}

// url is where a public app answers; empty for the others.
func (t *Target) url(w plan.Workload, app ask.Object) string {
	host := ask.Text(app, "properties", "configuration", "ingress", "fqdn")
	if host == "" || w.Ingress == nil || !w.Ingress.Public {
		return ""
	}
	if t.Client.Simulated() {
		return "http://" + host
	}
	return "https://" + host
}
