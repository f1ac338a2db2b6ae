package rp

import (
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/run"
)

func listSecrets(c *Call) (*answer.Answer, *answer.Error) {
	var out []any
	for _, s := range items(c.Old.Body, "properties", "configuration", "secrets") {
		secret := Object{"name": s["name"], "value": c.Old.Secrets[text(s, "name")]}
		if s["keyVaultUrl"] != nil {
			secret["keyVaultUrl"], secret["identity"] = s["keyVaultUrl"], s["identity"]
		}
		out = append(out, secret)
	}
	return answer.List(out), nil
}

// TokenOf is the token for an app's log streams and terminals, which is only
// good for that app.
func TokenOf(c *Call) string {
	if c.Old.Private == nil {
		c.Old.Private = map[string]string{}
	}
	if c.Old.Private["token"] == "" {
		c.Old.Private["token"] = c.State.Hex(c.Seed, 64)
	}
	return c.Old.Private["token"]
}

func authToken(c *Call) (*answer.Answer, *answer.Error) {
	return answer.OK(Object{
		"id": c.Old.ID, "name": c.Old.Name, "type": c.Old.Type, "location": c.Old.Body["location"],
		"properties": Object{"token": TokenOf(c), "expires": c.Now.Add(time.Hour).UTC().Format(time.RFC3339)},
	}), nil
}

// stopApp and startApp take replicas away and bring them back, without a new
// revision.
func stopApp(c *Call) (*answer.Answer, *answer.Error) { return setRunning(c, "Stopped") }

func startApp(c *Call) (*answer.Answer, *answer.Error) { return setRunning(c, "Running") }

func setRunning(c *Call, status string) (*answer.Answer, *answer.Error) {
	if op := c.State.Busy(c.Old.ID); op != nil {
		return nil, appBusy(op, c.Old.Name)
	}
	props(c.Old.Body)["runningStatus"] = status
	c.State.Changed()
	c.Effects = append(c.Effects, Effect{Kind: "apply", ID: strings.ToLower(c.Old.ID)})
	body := Object{"id": c.Old.ID, "name": c.Old.Name, "type": c.Old.Type}
	return answer.New(http.StatusAccepted, body), nil
}

// Stopped says whether an app was stopped.
func Stopped(body Object) bool { return text(body, "properties", "runningStatus") == "Stopped" }

// revisions answers …/revisions, …/revisions/R, …/revisions/R/replicas[/P] and
// POST …/revisions/R/restart. One revision is active: activeRevisionsMode Single.
func revisions(c *Call) (*answer.Answer, *answer.Error) {
	rest := c.below()
	name := text(c.Old.Body, "properties", "latestRevisionName")
	if len(rest) == 1 {
		return answer.List([]any{c.revision()}), nil
	}
	if rest[1] != name {
		return nil, answer.Errorf(http.StatusNotFound, "RevisionNotFound", "The revision '%s' of the container app '%s' does not exist.", rest[1], c.Old.Name)
	}
	switch {
	case len(rest) == 2:
		return answer.OK(c.revision()), nil
	case rest[2] == "replicas":
		return c.replicaList(rest[3:])
	case rest[2] == "restart":
		c.Effects = append(c.Effects, Effect{Kind: "restart", ID: strings.ToLower(c.Old.ID)})
		return answer.OK("Restarting revision " + name), nil
	}
	return nil, answer.Errorf(http.StatusNotFound, "ResourceNotFound", "There is nothing at '%s'.", c.Path.ID())
}

// below is the request's path under the resource.
func (c *Call) below() []string {
	rest := strings.TrimPrefix(c.Path.ID()[len(c.Old.ID):], "/")
	return strings.Split(rest, "/")
}

// revision is the view of the present revision. healthState and runningState are
// those of the specification's RevisionHealthState and RevisionRunningState.
func (c *Call) revision() Object {
	p := props(c.Old.Body)
	state, health, running := StateOf(c.Old), "Healthy", "Running"
	message := c.Old.Private["error"]
	switch {
	case state == "Failed":
		health, running = "Unhealthy", "Failed"
	case state != Succeeded:
		state, health, running = "Provisioning", "None", "Processing"
	case Stopped(c.Old.Body):
		health, running = "None", "Stopped"
	}
	details := ""
	if c.Status != nil && state == Succeeded {
		health, running, details = c.observed()
	}
	provisioned := map[string]string{Succeeded: "Provisioned", "Failed": "Failed", "Provisioning": "Provisioning"}[state]
	replicas := len(c.replicas())
	name := text(p, "latestRevisionName")
	out := Object{
		"createdTime": c.Old.Private["revision"], "active": true, "replicas": float64(replicas), "trafficWeight": 100.0,
		"healthState": health, "provisioningState": provisioned, "runningState": running, "template": p["template"],
		"fqdn": text(p, "configuration", "ingress", "fqdn"),
	}
	if details != "" {
		out["runningStateDetails"] = details
	}
	if message != "" && state == "Failed" {
		out["provisioningError"], out["runningStateDetails"] = message, message
	}
	return Object{"id": c.Old.ID + "/revisions/" + name, "name": name, "type": apps + "/revisions", "properties": out}
}

// observed is what the runner says, in the words of a revision.
func (c *Call) observed() (health, running, details string) {
	details = strings.TrimSpace(c.Status.Reason + " " + c.Status.Message)
	switch c.Status.State {
	case run.Running:
		return "Healthy", "Running", details
	case run.Starting:
		return "None", "Activating", details
	case run.Stopped:
		return "None", "Stopped", details
	}
	return "Unhealthy", "Failed", details
}

func replicas(c *Call) (*answer.Answer, *answer.Error) { return c.replicaList(c.below()[1:]) }

func (c *Call) replicaList(rest []string) (*answer.Answer, *answer.Error) {
	all := c.replicas()
	if len(rest) == 0 {
		return answer.List(all), nil
	}
	for _, r := range all {
		if text(r, "name") == rest[0] {
			return answer.OK(r), nil
		}
	}
	return nil, answer.Errorf(http.StatusNotFound, "ReplicaNotFound", "The replica '%s' of the container app '%s' does not exist.", rest[0], c.Old.Name)
}

// replicas are what would run: minReplicas, at least one, unless it is stopped or
// failed. What the runner reports is put over it by package rm.
func (c *Call) replicas() []any {
	if c.Status != nil {
		return c.running()
	}
	if Stopped(c.Old.Body) || StateOf(c.Old) != Succeeded {
		return []any{}
	}
	least, _ := number(c.Old.Body, "properties", "template", "scale", "minReplicas")
	revision := text(c.Old.Body, "properties", "latestRevisionName")
	var out []any
	for i := range max(int(least), 1) {
		out = append(out, c.replica(revision, i))
	}
	return out
}

// running are the replicas that the runner has.
func (c *Call) running() []any {
	out := []any{}
	revision := text(c.Old.Body, "properties", "latestRevisionName")
	for _, r := range c.Status.Replicas {
		one := c.replicaNamed(revision, r.Name)
		state := map[string]string{run.Running: "Running", run.Starting: "NotRunning", run.Failed: "NotRunning", run.Stopped: "NotRunning"}[r.State]
		p := props(one)
		p["createdTime"], p["runningState"], p["runningStateDetails"] = r.Started.UTC().Format(time.RFC3339), state, r.Message
		for _, container := range items(one, "properties", "containers") {
			container["ready"], container["started"], container["restartCount"] = r.Ready, r.State == run.Running, float64(r.Restarts)
			container["runningState"], container["runningStateDetails"] = map[bool]string{true: "Running", false: "Waiting"}[r.State == run.Running], r.Message
		}
		out = append(out, one)
	}
	return out
}

func (c *Call) replica(revision string, i int) Object {
	sum := templateHash(c.Old)
	return c.replicaNamed(revision, revision+"-"+sum+string(rune('a'+i%26))+sum[:3])
}

func (c *Call) replicaNamed(revision, name string) Object {
	id := c.Old.ID + "/revisions/" + revision + "/replicas/" + name
	containers := c.containers(id, items(c.Old.Body, "properties", "template", "containers"))
	return Object{"id": id, "name": name, "type": apps + "/revisions/replicas", "properties": Object{
		"createdTime": c.Old.Private["revision"], "runningState": "Running", "runningStateDetails": "", "containers": containers,
	}}
}

// containers are a replica's, with the addresses of their consoles, which have the
// replica's id without the provider.
func (c *Call) containers(replica string, list []Object) []any {
	path := strings.Replace(replica, "/providers/Microsoft.App", "", 1)
	var out []any
	for _, container := range list {
		base := c.Platform() + path + "/containers/" + text(container, "name")
		out = append(out, Object{
			"name": container["name"], "containerId": "containerd://" + lastSegment(replica), "ready": true, "started": true, "restartCount": 0.0,
			"runningState": "Running", "runningStateDetails": "",
			"logStreamEndpoint": base + "/logstream",
			"execEndpoint":      strings.Replace(base, "https://", "wss://", 1) + "/exec",
		})
	}
	return out
}
