package rp

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

func job() *Type {
	t := &Type{
		Name: jobs, Tree: "jobs", Versions: appVersions()[1:], Located: true, Put: Async, Delete: Location,
		BusyError: appBusy, Check: checkJob, Fill: fillJob, View: viewApp,
		End: func(c *Call, op *store.Operation) Verdict { return c.pulls(op) },
	}
	t.Longest = 32
	t.Pattern, t.NameError = named(`^[a-z]([a-z0-9]|-[a-z0-9])+$`, "JobInvalidName",
		"Invalid Job name '%s'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters.")
	t.Actions = map[string]Action{"start": startJob, "stop": stopJob, "listsecrets": listSecrets, "getauthtoken": authToken}
	t.Bodies = map[string]string{"start": "jobExecutionTemplate"}
	t.Reads = map[string]Action{"executions": executions}
	return t
}

func checkJob(c *Call) *answer.Error {
	if bad := c.checkHome("Job"); bad != nil {
		return bad
	}
	conf := at(c.Body, "properties", "configuration")
	trigger := text(conf, "triggerType")
	if trigger == "Schedule" {
		cron := text(conf, "scheduleTriggerConfig", "cronExpression")
		if why := checkCron(cron); why != "" {
			return invalid("JobInvalidCronExpression", "The cron expression '%s' of the job '%s' is invalid: %s.", cron, c.Path.Name(), why)
		}
	}
	if timeout, ok := number(conf, "replicaTimeout"); !ok || timeout < 1 || timeout > 86400 {
		return invalid("JobInvalidReplicaTimeout", "The replicaTimeout of the job '%s' is %v, and must be 1 to 86400 seconds.", c.Path.Name(), timeout)
	}
	if len(items(c.Body, "properties", "template", "containers")) == 0 {
		return invalid("JobContainersRequired", "The job '%s' has no container in properties.template.containers.", c.Path.Name())
	}
	return c.checkWorkload("Job")
}

func fillJob(c *Call) {
	p := props(c.New.Body)
	p["environmentId"] = EnvironmentOf(c.New.Body)
	takeSecrets(c.New)
	standard(p, "workloadProfileName", "Consumption")
	fillTemplate(c.New.Body)
	fillIdentity(c)
	if conf, ok := p["configuration"].(Object); ok {
		standard(conf, "replicaRetryLimit", 0.0)
		if conf["triggerType"] == "Manual" {
			standard(conf, "manualTriggerConfig", Object{"parallelism": 1.0, "replicaCompletionCount": 1.0})
		}
	}
	p["eventStreamEndpoint"] = c.Platform() + c.New.ID + "/eventstream"
	c.keep("outboundIpAddresses", func() any { return []any{"203.0.113.20"} })
}

// startJob starts an execution. Without real containers it succeeds at once.
func startJob(c *Call) (*answer.Answer, *answer.Error) {
	if state := StateOf(c.Old); state != Succeeded {
		return nil, answer.Errorf(http.StatusConflict, "JobNotProvisioned", "The job '%s' cannot be started: its state is %s.", c.Old.Name, state)
	}
	name := c.Old.Name + "-" + c.State.Hex(c.Seed, 7)
	execution := Object{
		"id": c.Old.ID + "/executions/" + name, "name": name, "type": jobs + "/executions",
		"properties": Object{"status": "Running", "startTime": c.Now.UTC().Format(time.RFC3339), "template": c.template()},
	}
	if !c.Runs {
		execution["properties"].(Object)["status"] = "Succeeded"
		execution["properties"].(Object)["endTime"] = c.Now.UTC().Format(time.RFC3339)
	}
	c.keepExecution(execution)
	c.Effects = append(c.Effects, Effect{Kind: "start-job", ID: strings.ToLower(c.Old.ID), Name: name})
	return answer.New(http.StatusOK, Object{"id": execution["id"], "name": name}), nil
}

func (c *Call) template() any {
	if len(items(c.Body, "containers")) > 0 {
		return c.Body // this execution's own
	}
	return at(c.Old.Body, "properties", "template")
}

func (c *Call) keepExecution(execution Object) {
	raw, err := json.Marshal(execution)
	if err != nil {
		panic(err) // decoded JSON
	}
	if c.Old.Private == nil {
		c.Old.Private = map[string]string{}
	}
	c.Old.Private["execution/"+text(execution, "name")] = string(raw)
	c.State.Changed()
}

// Executions lists a job's executions, the newest first.
func Executions(r *store.Resource) []Object {
	var out []Object
	for key, raw := range r.Private {
		if strings.HasPrefix(key, "execution/") {
			var o Object
			if json.Unmarshal([]byte(raw), &o) == nil {
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, func(a, b Object) int {
		return cmp.Or(strings.Compare(text(b, "properties", "startTime"), text(a, "properties", "startTime")), strings.Compare(text(a, "name"), text(b, "name")))
	})
	return out
}

func executions(c *Call) (*answer.Answer, *answer.Error) {
	rest := c.below()
	var list []any
	for _, e := range Executions(c.Old) {
		if len(rest) > 1 && text(e, "name") == rest[1] {
			if len(rest) == 3 && strings.EqualFold(rest[2], "stop") {
				return stopOne(c, e)
			}
			if len(rest) >= 3 && strings.EqualFold(rest[2], "replicas") {
				return answer.List([]any{c.executionReplica(e)}), nil
			}
			return answer.OK(e), nil
		}
		list = append(list, e)
	}
	if len(rest) > 1 {
		return nil, answer.Errorf(http.StatusNotFound, "JobExecutionNotFound", "The execution '%s' of the job '%s' does not exist.", rest[1], c.Old.Name)
	}
	return answer.List(list), nil
}

// stopJob ends every running execution; …/executions/E/stop and …/stop/E one.
func stopJob(c *Call) (*answer.Answer, *answer.Error) {
	for _, e := range Executions(c.Old) {
		if text(e, "properties", "status") == "Running" {
			if _, bad := stopOne(c, e); bad != nil {
				return nil, bad
			}
		}
	}
	return answer.New(http.StatusAccepted, nil), nil
}

func stopOne(c *Call, e Object) (*answer.Answer, *answer.Error) {
	p := props(e)
	if p["status"] == "Running" {
		p["status"], p["endTime"] = "Stopped", c.Now.UTC().Format(time.RFC3339)
		c.keepExecution(e)
		c.Effects = append(c.Effects, Effect{Kind: "stop-job", ID: strings.ToLower(c.Old.ID), Name: text(e, "name"), Run: RunName(c.Old, text(e, "name"))})
	}
	return answer.New(http.StatusAccepted, nil), nil
}

// NoteExecution writes what the runner says into an execution.
func NoteExecution(st *store.State, r *store.Resource, name string, status run.Execution) {
	for _, e := range Executions(r) {
		if text(e, "name") != name || text(e, "properties", "status") == "Stopped" {
			continue
		}
		p := props(e)
		switch status.State {
		case run.Succeeded:
			p["status"] = "Succeeded"
		case run.Failed, run.Gone:
			p["status"] = "Failed"
		case run.Stopped:
			p["status"] = "Stopped"
		}
		if !status.Ended.IsZero() {
			p["endTime"] = status.Ended.UTC().Format(time.RFC3339)
		}
		if status.Message != "" || status.ExitCode != 0 {
			// The API answers no exit status; the console log and this text have it.
			p["detailedStatus"] = Object{"replicas": []any{Object{"name": name, "containers": []any{Object{
				"name": text(first(items(r.Body, "properties", "template", "containers")), "name"), "code": float64(status.ExitCode), "status": status.State, "additionalInformation": strings.TrimSpace(status.Reason + " " + status.Message),
			}}}}}
		}
		(&Call{State: st, Old: r}).keepExecution(e)
	}
}

func first(list []Object) Object {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// executionReplica is the one replica of an execution.
func (c *Call) executionReplica(e Object) Object {
	id := text(e, "id") + "/replicas/" + text(e, "name") + "-0"
	return Object{"id": id, "name": text(e, "name") + "-0", "type": jobs + "/executions/replicas", "properties": Object{
		"createdTime": text(e, "properties", "startTime"), "runningState": text(e, "properties", "status"),
		"containers": c.containers(id, items(e, "properties", "template", "containers")),
	}}
}

// RunName is the name that the runner knows an execution by.
func RunName(r *store.Resource, execution string) string {
	if name := r.Private["runs/"+execution]; name != "" {
		return name
	}
	return execution
}

// NoteRunName keeps the runner's own name of an execution.
func NoteRunName(st *store.State, r *store.Resource, execution, name string) {
	if r.Private == nil {
		r.Private = map[string]string{}
	}
	r.Private["runs/"+execution] = name
	st.Changed()
}
