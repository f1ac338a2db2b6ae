package rp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

func app() *Type {
	t := &Type{
		Name: apps, Tree: "containerApps", Versions: appVersions(), Located: true, Put: Async, Delete: Location, OddID: oddApp,
		BusyError: appBusy, Check: checkApp, Fill: fillApp, End: endApp, View: viewApp,
	}
	t.Longest = 32
	t.Pattern, t.NameError = named(`^[a-z]([a-z0-9]|-[a-z0-9])+$`, "ContainerAppInvalidName",
		"Invalid ContainerApp name '%s'. A name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character and cannot have '--'. The length must not be more than 32 characters.")
	t.Actions = map[string]Action{
		"listsecrets": listSecrets, "getauthtoken": authToken, "stop": stopApp, "start": startApp,
	}
	t.Reads = map[string]Action{"revisions": revisions, "replicas": replicas}
	return t
}

// appBusy is fault row 11.
func appBusy(op *store.Operation, name string) *answer.Error {
	return answer.Errorf(http.StatusConflict, "ContainerAppOperationInProgress", "Cannot modify a container app because there is an active provisioning operation in progress (%s of '%s', id %s). Please wait for it to end.", op.Kind, name, op.ID)
}

func fillApp(c *Call) {
	p := props(c.New.Body)
	env := c.State.Get(EnvironmentOf(c.New.Body))
	p["environmentId"], p["managedEnvironmentId"] = EnvironmentOf(c.New.Body), EnvironmentOf(c.New.Body)
	takeSecrets(c.New)
	standard(p, "workloadProfileName", "Consumption")
	fillConfiguration(c, env)
	fillTemplate(c.New.Body)
	fillIdentity(c)
	c.keep("customDomainVerificationId", func() any { return strings.ToUpper(c.State.Hex(c.Seed, 64)) })
	c.keep("outboundIpAddresses", func() any { return []any{"203.0.113.20"} })
	p["eventStreamEndpoint"] = c.Platform() + c.New.ID + "/eventstream"
	suffix := text(p, "template", "revisionSuffix")
	if suffix == "" {
		suffix = templateHash(c.New)
	}
	p["latestRevisionName"] = c.New.Name + "--" + suffix
	if old := c.Old; old != nil {
		p["latestReadyRevisionName"] = at(old.Body, "properties", "latestReadyRevisionName")
		p["runningStatus"] = at(old.Body, "properties", "runningStatus")
	}
	standard(p, "runningStatus", "Running")
	if c.New.Private == nil {
		c.New.Private = map[string]string{}
	}
	if c.Old == nil || text(c.Old.Body, "properties", "latestRevisionName") != p["latestRevisionName"] {
		c.New.Private["revision"] = c.Now.UTC().Format("2006-01-02T15:04:05Z07:00")
	}
}

// templateHash names a revision by what it runs: seven characters, as the service's.
// A put that changes nothing in the template makes no new revision there either.
func templateHash(r *store.Resource) string {
	raw, err := json.Marshal([]any{at(r.Body, "properties", "template"), r.Secrets})
	if err != nil {
		panic(err) // decoded JSON
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])[:7]
}

// takeSecrets moves the values out of the body, which the service never answers.
func takeSecrets(r *store.Resource) {
	r.Secrets = map[string]string{}
	for _, s := range items(r.Body, "properties", "configuration", "secrets") {
		if value, ok := s["value"].(string); ok {
			r.Secrets[text(s, "name")] = value
			delete(s, "value")
		}
	}
}

func fillConfiguration(c *Call, env *store.Resource) {
	p := props(c.New.Body)
	conf, ok := p["configuration"].(Object)
	if !ok {
		conf = Object{}
		p["configuration"] = conf
	}
	standard(conf, "activeRevisionsMode", "Single")
	ingress, ok := conf["ingress"].(Object)
	if !ok || env == nil {
		return
	}
	standard(ingress, "external", false)
	standard(ingress, "transport", "Auto")
	standard(ingress, "allowInsecure", false)
	standard(ingress, "traffic", []any{Object{"weight": 100.0, "latestRevision": true}})
	domain := text(env.Body, "properties", "defaultDomain")
	host := c.New.Name + ".internal." + domain
	if ingress["external"] == true {
		host = c.New.Name + "." + domain
	}
	if c.Runs && c.Old != nil && text(c.Old.Body, "properties", "configuration", "ingress", "fqdn") != "" {
		host = text(c.Old.Body, "properties", "configuration", "ingress", "fqdn")
	}
	ingress["fqdn"] = host
}

func fillTemplate(body Object) {
	template, ok := at(body, "properties", "template").(Object)
	if !ok {
		return
	}
	for _, key := range []string{"containers", "initContainers"} {
		for _, container := range items(template, key) {
			resources, ok := container["resources"].(Object)
			if !ok {
				resources = Object{}
				container["resources"] = resources
			}
			standard(resources, "cpu", 0.5)
			standard(resources, "memory", "1Gi")
			standard(resources, "ephemeralStorage", "")
		}
	}
}

// fillIdentity gives each user-assigned identity its ids, as the service answers
// them, and a system-assigned one its principal.
func fillIdentity(c *Call) {
	identity, ok := c.New.Body["identity"].(Object)
	if !ok {
		c.New.Body["identity"] = Object{"type": "None"}
		return
	}
	set, _ := identity["userAssignedIdentities"].(Object)
	for id := range set {
		if r := c.State.Get(id); r != nil {
			set[id] = Object{"clientId": text(r.Body, "properties", "clientId"), "principalId": text(r.Body, "properties", "principalId")}
		}
	}
	if strings.Contains(strings.ToLower(text(identity, "type")), "systemassigned") {
		var old Object
		if c.Old != nil {
			old, _ = c.Old.Body["identity"].(Object)
		}
		identity["tenantId"] = c.Tenant
		if identity["principalId"] = text(old, "principalId"); identity["principalId"] == "" {
			identity["principalId"] = c.guid()
		}
	}
}

func viewApp(_ *Call, body Object) {
	for _, s := range items(body, "properties", "configuration", "secrets") {
		delete(s, "value")
	}
}
