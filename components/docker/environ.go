package docker

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/components/plan"
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
		for _, name := range w.Needs {
			if need.Name == name && need.Ingress != nil {
				env[URLVariable(name)] = fmt.Sprintf("http://%s:%d", name, need.Ingress.Port)
			}
		}
	}
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

// URLVariable is the variable that holds the address of a needed app: STORE_URL
// for store, MY_STORE_URL for my-store.
func URLVariable(app string) string {
	return strings.ToUpper(strings.ReplaceAll(app, "-", "_")) + "_URL"
}

// short is the part of a hash that names a revision.
func short(hash string) string {
	hash = strings.TrimPrefix(hash, "sha256:")
	return hash[:min(len(hash), 7)]
}
