package docker

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway"
)

// Environ returns the variables that a workload finds when it starts, without
// its secrets: its own, and the ones that Azure Container Apps sets by itself,
// with their local equivalents, so that code needs no `if local`.
func Environ(spec plan.Spec, w plan.Workload, hash string) map[string]string {
	env := maps.Clone(w.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["ENVCTL_EXPERIMENT"] = spec.Experiment
	env["ENVCTL_TARGET"] = Target
	if !spec.Expires.IsZero() {
		env["ENVCTL_EXPIRES"] = spec.Expires.UTC().Format(time.RFC3339)
	}
	for _, need := range spec.Workloads {
		if need.Ingress != nil && slices.Contains(w.Needs, need.Name) {
			env[definition.URLVariable(need.Name)] = "http://" + need.Name
		}
	}
	addProxy(env, spec, w)
	maps.Copy(env, gateway.Environ(spec, w))
	if w.Kind == plan.Job {
		env["CONTAINER_APP_JOB_NAME"] = w.Name
		env["CONTAINER_APP_JOB_EXECUTION_NAME"] = w.Name + "-" + short(hash)
		return env
	}
	suffix := spec.Instance + "." + spec.Experiment + ".envctl.internal"
	env["CONTAINER_APP_NAME"] = w.Name
	env["CONTAINER_APP_REVISION"] = w.Name + "--" + short(hash)
	env["CONTAINER_APP_REPLICA_NAME"] = w.Name + "--" + short(hash) + "-0"
	env["CONTAINER_APP_ENV_DNS_SUFFIX"] = suffix
	env["CONTAINER_APP_HOSTNAME"] = w.Name + "--" + short(hash) + "." + suffix
	if w.Ingress != nil {
		env["CONTAINER_APP_PORT"] = strconv.Itoa(w.Ingress.Port)
	}
	return env
}

// addProxy tells a workload the way out, in capitals and not: curl reads http_proxy
// in small letters only.
func addProxy(env map[string]string, spec plan.Spec, w plan.Workload) {
	if len(w.Egress) == 0 {
		return
	}
	direct := []string{"localhost", "127.0.0.1", gateway.Name, gateway.ModelsHost}
	for _, other := range spec.Workloads {
		if other.Ingress != nil {
			direct = append(direct, other.Name)
		}
	}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		env[name], env[strings.ToLower(name)] = gateway.Proxy(), gateway.Proxy()
	}
	env["NO_PROXY"], env["no_proxy"] = strings.Join(direct, ","), strings.Join(direct, ",")
}

// short is the part of a hash that names a revision.
func short(hash string) string {
	hash = strings.TrimPrefix(hash, "sha256:")
	return hash[:min(len(hash), 7)]
}
