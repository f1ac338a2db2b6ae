package rp

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Folders are where contents are kept on this machine.
type Folders struct {
	Registry func(name string) string
	Share    func(account, content string) string // content is that of a Share
}

// Spec is what a runner is given for an app or job.
func Spec(st *store.State, r *store.Resource, folders Folders) run.Spec {
	p := props(r.Body)
	out := run.Spec{
		ID: strings.ToLower(r.ID), Kind: run.App, Name: r.Name, Revision: text(p, "latestRevisionName"),
		Environment: strings.ToLower(EnvironmentOf(r.Body)), Tags: map[string]string{},
	}
	tags, _ := r.Body["tags"].(Object)
	for key, value := range tags {
		out.Tags[key], _ = value.(string)
	}
	s := specMaker{st: st, r: r, folders: folders}
	for i, container := range items(p, "template", "containers") {
		if i == 0 {
			out.Container = s.container(container)
		}
	}
	for _, container := range items(p, "template", "initContainers") {
		out.Init = append(out.Init, s.container(container))
	}
	out.Hosts = hosts(st, append(slices.Clone(out.Init), out.Container))
	for _, id := range identities(r.Body) {
		if identity := st.Get(id); identity != nil {
			out.Identities = append(out.Identities, run.Identity{
				ID: id, ClientID: text(identity.Body, "properties", "clientId"), PrincipalID: text(identity.Body, "properties", "principalId"),
			})
		}
	}
	if r.Type == jobs {
		out.Kind, out.Revision = run.Job, ""
		timeout, _ := number(p, "configuration", "replicaTimeout")
		retries, _ := number(p, "configuration", "replicaRetryLimit")
		out.Timeout, out.Retries = time.Duration(timeout*float64(time.Second)), int(retries)
		return out
	}
	if port, ok := number(p, "configuration", "ingress", "targetPort"); ok {
		out.Ingress = &run.Ingress{Port: int(port), External: at(p, "configuration", "ingress", "external") == true}
	}
	out.Replicas = 1
	if Stopped(r.Body) {
		out.Replicas = 0
	}
	return out
}

// hosts are the names of the accounts that containers' variables lead to, sorted.
func hosts(st *store.State, containers []run.Container) []string {
	var out []string
	for _, a := range st.OfType(accounts) {
		host := AccountHost(text(a.Body, "properties", "customSubDomainName"))
		for _, c := range containers {
			if slices.ContainsFunc(c.Env, func(kv run.KV) bool { return strings.Contains(strings.ToLower(kv.Value), "://"+host) }) {
				out = append(out, host)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ExecutionSpec is the spec of one execution of a job, which may have a template of
// its own.
func ExecutionSpec(st *store.State, r *store.Resource, name string, folders Folders) run.Spec {
	own := *r
	for _, e := range Executions(r) {
		template, ok := at(e, "properties", "template").(Object)
		if text(e, "name") != name || !ok {
			continue
		}
		p := Object{}
		for key, value := range props(r.Body) {
			p[key] = value
		}
		p["template"] = withVolumes(template, at(p, "template"))
		own.Body = Object{"tags": r.Body["tags"], "identity": r.Body["identity"], "properties": p}
	}
	out := Spec(st, &own, folders)
	out.Execution = name
	return out
}

// withVolumes adds the job's volumes and where its containers mount them, which a
// template of an execution cannot have: they are inherited, as Microsoft says in
// https://github.com/microsoft/azure-container-apps/issues/909.
func withVolumes(template Object, own any) Object {
	out := Object{"volumes": at(own, "volumes")}
	for key, value := range template {
		out[key] = value
	}
	mounted := map[string]any{}
	for _, c := range items(own, "containers") {
		mounted[text(c, "name")] = c["volumeMounts"]
	}
	var containers []any
	for _, c := range items(template, "containers") {
		one := Object{"volumeMounts": mounted[text(c, "name")]}
		for key, value := range c {
			one[key] = value
		}
		containers = append(containers, one)
	}
	out["containers"] = containers
	return out
}

type specMaker struct {
	st      *store.State
	r       *store.Resource
	folders Folders
}

func (s specMaker) container(c Object) run.Container {
	out := run.Container{Name: text(c, "name"), Image: s.image(text(c, "image")), Command: texts(c, "command"), Args: texts(c, "args")}
	out.CPU, _ = number(c, "resources", "cpu")
	gi, _ := strconv.ParseFloat(strings.TrimSuffix(text(c, "resources", "memory"), "Gi"), 64)
	out.Memory = int64(gi * (1 << 30))
	out.Env = append(s.platform(text(c, "name")), s.env(c)...)
	for _, m := range items(c, "volumeMounts") {
		out.Volumes = append(out.Volumes, run.Volume{
			Name: text(m, "volumeName"), Path: text(m, "mountPath"), Folder: s.folder(text(m, "volumeName"), text(m, "subPath")),
		})
	}
	for _, one := range items(c, "probes") {
		out.Probes = append(out.Probes, probe(one))
	}
	return out
}

// folder is where the content of a volume is kept; "" for one that is not.
func (s specMaker) folder(volume, below string) string {
	for _, v := range items(s.r.Body, "properties", "template", "volumes") {
		if text(v, "name") != volume || text(v, "storageType") != "AzureFile" {
			continue
		}
		account, share, bad := mounted(s.st, EnvironmentOf(s.r.Body), v)
		if found, ok := ShareOf(s.st, account, share); bad == nil && ok {
			return filepath.Join(s.folders.Share(account, found.Content), filepath.Clean("/"+below))
		}
	}
	return ""
}

func (s specMaker) image(ref string) run.Image {
	image := ParseImage(ref)
	out := run.Image{Ref: ref, Repository: image.Repository}
	if strings.Contains(image.Reference, ":") {
		out.Digest = image.Reference
	}
	if registry := RegistryOf(s.st, image.Host); registry != nil {
		out.Store = s.folders.Registry(registry.Name)
	}
	return out
}

// platform are the variables that Container Apps sets:
// https://learn.microsoft.com/azure/container-apps/environment-variables.
func (s specMaker) platform(container string) []run.KV {
	if s.r.Type == jobs {
		return []run.KV{{Name: "CONTAINER_APP_JOB_NAME", Value: s.r.Name}}
	}
	p := props(s.r.Body)
	revision := text(p, "latestRevisionName")
	out := []run.KV{
		{Name: "CONTAINER_APP_NAME", Value: s.r.Name}, {Name: "CONTAINER_APP_REVISION", Value: revision},
		{Name: "CONTAINER_APP_HOSTNAME", Value: text(p, "configuration", "ingress", "fqdn")},
		{Name: "CONTAINER_APP_REPLICA_NAME", Value: revision + "-" + templateHash(s.r) + "-0"},
	}
	if env := s.st.Get(EnvironmentOf(s.r.Body)); env != nil {
		out = append(out, run.KV{Name: "CONTAINER_APP_ENV_DNS_SUFFIX", Value: text(env.Body, "properties", "defaultDomain")})
	}
	if port, ok := number(p, "configuration", "ingress", "targetPort"); ok {
		out = append(out, run.KV{Name: "CONTAINER_APP_PORT", Value: strconv.Itoa(int(port))})
	}
	return out
}

func (s specMaker) env(c Object) []run.KV {
	var out []run.KV
	for _, e := range items(c, "env") {
		kv := run.KV{Name: text(e, "name"), Value: text(e, "value")}
		if ref := text(e, "secretRef"); ref != "" {
			kv.Value, kv.Secret = s.r.Secrets[ref], true
		}
		out = append(out, kv)
	}
	return out
}

func texts(c Object, key string) []string {
	list, _ := c[key].([]any)
	var out []string
	for _, one := range list {
		if s, ok := one.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// probe has the defaults that the specification states.
func probe(o Object) run.Probe {
	seconds := func(key string, standard float64) time.Duration {
		if v, ok := number(o, key); ok {
			standard = v
		}
		return time.Duration(standard * float64(time.Second))
	}
	out := run.Probe{
		Type: text(o, "type"), Path: text(o, "httpGet", "path"), Headers: map[string]string{}, FailureThreshold: 3,
		Delay: seconds("initialDelaySeconds", 0), Period: seconds("periodSeconds", 10), Timeout: seconds("timeoutSeconds", 1),
	}
	kind := "httpGet"
	if o["httpGet"] == nil {
		kind = "tcpSocket"
	}
	port, _ := number(o, kind, "port")
	out.Port = int(port)
	if n, ok := number(o, "failureThreshold"); ok {
		out.FailureThreshold = int(n)
	}
	for _, h := range items(o, "httpGet", "httpHeaders") {
		out.Headers[text(h, "name")] = text(h, "value")
	}
	return out
}
