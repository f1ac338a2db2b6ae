package rp

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
)

// checkApp has the rules of
// https://learn.microsoft.com/azure/container-apps/containers and of the
// specification's comments.
func checkApp(c *Call) *answer.Error {
	if bad := c.checkHome("ContainerApp"); bad != nil {
		return bad
	}
	p := props(c.Body)
	if len(items(p, "template", "containers")) == 0 {
		return invalid("ContainerAppContainersRequired", "The container app '%s' has no container in properties.template.containers.", c.Path.Name())
	}
	low, okLow := number(p, "template", "scale", "minReplicas")
	high, okHigh := number(p, "template", "scale", "maxReplicas")
	if !okHigh {
		high = 10
	}
	if okLow && low < 0 || okHigh && (high < 1 || high > 1000) || low > high {
		return invalid("ContainerAppInvalidScale", "The scale of '%s' is %v to %v replicas; minReplicas is 0 or more, maxReplicas 1 to 1000, and the first not above the second.", c.Path.Name(), low, high)
	}
	if port, ok := number(p, "configuration", "ingress", "targetPort"); ok && (port < 0 || port > 65535) {
		return invalid("ContainerAppInvalidIngress", "The target port of '%s' is %v, and must be 0 to 65535.", c.Path.Name(), port)
	}
	if bad := c.checkRevisions(p); bad != nil {
		return bad
	}
	return c.checkWorkload("ContainerApp")
}

// checkRevisions refuses what is valid on Azure and would have no effect here:
// several active revisions, and traffic to another than the latest.
func (c *Call) checkRevisions(p Object) *answer.Error {
	if mode := text(p, "configuration", "activeRevisionsMode"); mode != "" && !strings.EqualFold(mode, "Single") {
		return answer.Errorf(http.StatusNotImplemented, "NotSimulated", "The simulator runs one revision of '%s' at a time: activeRevisionsMode '%s' works on Azure only.", c.Path.Name(), mode)
	}
	for _, t := range items(p, "configuration", "ingress", "traffic") {
		if weight, _ := number(t, "weight"); weight > 0 && at(t, "latestRevision") != true {
			return answer.Errorf(http.StatusNotImplemented, "NotSimulated", "The simulator sends all requests to the latest revision of '%s': traffic to '%s' works on Azure only.", c.Path.Name(), text(t, "revisionName"))
		}
	}
	return nil
}

// checkHome looks at the environment: it is there, ready and in the same region.
func (c *Call) checkHome(kind string) *answer.Error {
	id := EnvironmentOf(c.Body)
	if id == "" {
		return invalid(kind+"ManagedEnvironmentIdRequired", "The %s '%s' has no properties.environmentId.", kind, c.Path.Name())
	}
	env := c.State.Get(id)
	if env == nil || env.Type != environments {
		return answer.Errorf(http.StatusNotFound, "ManagedEnvironmentNotFound", "The environment '%s' does not exist.", id)
	}
	if state := StateOf(env); state != Succeeded {
		return answer.Errorf(http.StatusConflict, "ManagedEnvironmentNotProvisioned", "The environment '%s' is not provisioned: its state is %s.", id, state)
	}
	if !sameRegion(text(env.Body, "location"), text(c.Body, "location")) {
		return invalid(kind+"LocationMismatch", "The %s '%s' is in %s, its environment in %s; they must be in one region.", kind, c.Path.Name(), text(c.Body, "location"), text(env.Body, "location"))
	}
	profile := text(c.Body, "properties", "workloadProfileName")
	if profiles := items(env.Body, "properties", "workloadProfiles"); profile != "" && profile != "Consumption" || profile != "" && len(profiles) > 0 {
		if !slices.ContainsFunc(profiles, func(o Object) bool { return text(o, "name") == profile }) {
			return invalid(kind+"WorkloadProfileNotFound", "The workload profile '%s' of '%s' is not one of its environment.", profile, c.Path.Name())
		}
	}
	return nil
}

func sameRegion(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", ""))
}

var secretName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// checkWorkload is what apps and jobs share: secrets, identities, registries and
// containers.
func (c *Call) checkWorkload(kind string) *answer.Error {
	conf := at(c.Body, "properties", "configuration")
	names := []string{}
	for _, s := range items(conf, "secrets") {
		name := text(s, "name")
		if !secretName.MatchString(name) {
			return invalid(kind+"SecretNameInvalid", "Invalid secret name '%s': it consists of lower case letters, digits, '-' and '.', and begins and ends with a letter or digit.", name)
		}
		// Fault row 12: a value that is left out is not kept from before.
		if text(s, "value") == "" && (text(s, "keyVaultUrl") == "" || text(s, "identity") == "") {
			return invalid(kind+"SecretInvalid", "Invalid Request: Container app secret(s) with name(s) '%s' are invalid: value or keyVaultUrl and identity should be provided.", name)
		}
		names = append(names, name)
	}
	own := identities(c.Body)
	for _, id := range own {
		if c.State.Get(id) == nil {
			return invalid("FailedIdentityOperation", "Identity operation for resource '%s' failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. Response: the identity '%s' was not found.'", c.Path.ID(), id)
		}
	}
	for _, r := range items(conf, "registries") {
		id := text(r, "identity")
		if id != "" && id != "system" && !slices.Contains(own, strings.ToLower(id)) {
			return invalid(kind+"RegistryInvalidIdentity", "The identity '%s' of the registry '%s' is not assigned to '%s'.", id, text(r, "server"), c.Path.Name())
		}
		if ref := text(r, "passwordSecretRef"); ref != "" && !slices.Contains(names, ref) {
			return invalid(kind+"SecretRefNotFound", "SecretRef '%s' defined for registry '%s' not found.", ref, text(r, "server"))
		}
	}
	if bad := c.checkVolumes(kind); bad != nil {
		return bad
	}
	return c.checkContainers(kind, names)
}

func (c *Call) checkContainers(kind string, secrets []string) *answer.Error {
	template := at(c.Body, "properties", "template")
	volumes := []string{}
	for _, v := range items(template, "volumes") {
		volumes = append(volumes, text(v, "name"))
	}
	seen := map[string]bool{}
	for _, key := range []string{"containers", "initContainers"} {
		for _, container := range items(template, key) {
			name := text(container, "name")
			if seen[name] || name == "" {
				return invalid(kind+"ContainerNameInvalid", "The container name '%s' of '%s' is missing or used twice.", name, c.Path.Name())
			}
			seen[name] = true
			if bad := checkContainer(kind, container, secrets, volumes); bad != nil {
				return bad
			}
		}
	}
	return checkTotal(kind, items(template, "containers"))
}

func checkContainer(kind string, container Object, secrets, volumes []string) *answer.Error {
	name := text(container, "name")
	if text(container, "image") == "" {
		return invalid(kind+"ImageRequired", "Container with name '%s' must have an 'Image' property specified.", name)
	}
	for _, e := range items(container, "env") {
		if ref := text(e, "secretRef"); ref != "" && !slices.Contains(secrets, ref) {
			return invalid(kind+"SecretRefNotFound", "SecretRef '%s' defined for container '%s' not found.", ref, name)
		}
		if text(e, "name") == "" {
			return invalid(kind+"EnvironmentVariableInvalid", "A variable of the container '%s' has no name.", name)
		}
	}
	for _, m := range items(container, "volumeMounts") {
		if v := text(m, "volumeName"); !slices.Contains(volumes, v) {
			return invalid(kind+"VolumeNotFound", "The volume '%s' mounted by the container '%s' is not defined.", v, name)
		}
	}
	for _, probe := range items(container, "probes") {
		if bad := checkProbe(kind, name, probe); bad != nil {
			return bad
		}
	}
	return nil
}

// checkProbe has the limits that the specification states for each member.
func checkProbe(kind, container string, probe Object) *answer.Error {
	for _, limit := range []struct {
		key       string
		low, high float64
	}{
		{"initialDelaySeconds", 0, 60}, {"periodSeconds", 1, 240}, {"timeoutSeconds", 1, 240}, {"failureThreshold", 1, 10}, {"successThreshold", 1, 10},
	} {
		if v, ok := number(probe, limit.key); ok && (v < limit.low || v > limit.high) {
			return invalid(kind+"ProbeInvalid", "The %s probe of the container '%s' has %s %v; %v to %v is possible.", text(probe, "type"), container, limit.key, v, limit.low, limit.high)
		}
	}
	if probe["httpGet"] == nil && probe["tcpSocket"] == nil {
		return invalid(kind+"ProbeInvalid", "The %s probe of the container '%s' has neither httpGet nor tcpSocket.", text(probe, "type"), container)
	}
	return nil
}

// checkTotal: cpu in quarters up to 4, and 2 GiB of memory for each.
func checkTotal(kind string, containers []Object) *answer.Error {
	var cpu, memory float64
	for _, container := range containers {
		c, ok := number(container, "resources", "cpu")
		if !ok {
			c = 0.5
		}
		m := 1.0
		if given := text(container, "resources", "memory"); given != "" {
			parsed, err := strconv.ParseFloat(strings.TrimSuffix(given, "Gi"), 64)
			if err != nil || !strings.HasSuffix(given, "Gi") {
				return invalid(kind+"InvalidResourceTotal", "The memory '%s' of the container '%s' is not a number of Gi.", given, text(container, "name"))
			}
			m = parsed
		}
		cpu, memory = cpu+c, memory+m
	}
	if cpu*4 != float64(int(cpu*4)) || cpu < 0.25 || cpu > 4 || memory != 2*cpu {
		var pairs []string
		for quarter := 1; quarter <= 16; quarter++ {
			pairs = append(pairs, fmt.Sprintf("[cpu: %v, memory: %.1fGi]", float64(quarter)/4, float64(quarter)/2))
		}
		return invalid(kind+"InvalidResourceTotal", "The total requested CPU and memory resources for this application (CPU: %v, memory: %v) is invalid. Total CPU and memory for all containers defined in a Container App must add up to one of the following CPU - Memory combinations: %s", cpu, memory, strings.Join(pairs, "; "))
	}
	return nil
}
