// Package definition is the typed form of an envctl.yaml: what an experiment or
// a shared platform consists of, never where it runs.
//
// [Read] turns bytes into a checked [Definition]. It is strict: an unknown key,
// a duplicate key, a wrong type or a value out of range is a [Problem] with a
// position, and every problem of a file is reported in one go. A Definition that
// Read returned is complete: defaults are filled in and names refer to things
// that exist, so later packages need not check again.
//
// The same Go types produce the JSON Schema ([Schema]), and a test holds that
// the schema and Read accept and reject the same documents.
package definition

import "time"

// Kind says what a definition describes.
type Kind string

// The kinds of definition.
const (
	// KindExperiment is one experiment: apps, jobs and what they need.
	KindExperiment Kind = "Experiment"
	// KindPlatform is the ground that experiments share: registry,
	// environment, models, budget and policies.
	KindPlatform Kind = "Platform"
)

// Definition is one envctl.yaml after reading, defaulting and validation.
// It is not changed after [Read] returned it.
type Definition struct {
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`               // DNS label, 2 to 32 characters
	Platform string `json:"platform,omitempty"` // name of a shared Platform; empty: none

	TTL     Duration          `json:"ttl,omitempty"` // zero: does not expire
	Budget  *Budget           `json:"budget,omitempty"`
	Apps    map[string]App    `json:"apps,omitempty"`
	Jobs    map[string]Job    `json:"jobs,omitempty"`
	Models  map[string]Model  `json:"models,omitempty"`
	Secrets map[string]Secret `json:"secrets,omitempty"`
	Targets Targets           `json:"targets,omitzero"`

	// Waive lifts policy rules for this definition: a rule's ID to the reason in
	// words, which is never empty. An ID that names no rule is refused by the
	// policies, which own the names.
	Waive map[string]string `json:"waive,omitempty"`
	// Policies are paths of policy files, relative to the definition; only a
	// Platform has them.
	Policies []string `json:"policies,omitempty"`
	// Registry and Environment are settings of what a Platform shares.
	Registry    *Registry    `json:"registry,omitempty"`
	Environment *Environment `json:"environment,omitempty"`

	// Dir is the folder that relative paths start from: the folder of the file
	// that was read. It is not a key of the format.
	Dir string `json:"-"`
}

// Budget limits what an experiment may spend in a calendar month.
type Budget struct {
	Amount     float64  `json:"amount"`   // above 0, in Currency
	Currency   string   `json:"currency"` // ISO 4217, default USD
	Alerts     []int    `json:"alerts"`   // percent of Amount, 1 to 1000, at most 5, default 50, 80, 100
	Contacts   []string `json:"contacts,omitempty"`
	OnExceeded string   `json:"onExceeded"` // alert (default) or stop
}

// The values of Budget.OnExceeded.
const (
	OnExceededAlert = "alert"
	OnExceededStop  = "stop"
)

// Workload is what apps and jobs have in common: one container from one image.
type Workload struct {
	Build   *Build            `json:"build,omitempty"` // exactly one of Build and Image
	Image   string            `json:"image,omitempty"`
	Command []string          `json:"command,omitempty"` // replaces ENTRYPOINT
	Args    []string          `json:"args,omitempty"`    // replaces CMD
	User    *int64            `json:"user,omitempty"`    // numeric uid; nil: 65532
	Env     map[string]string `json:"env,omitempty"`
	Secrets map[string]string `json:"secrets,omitempty"` // variable → key of Definition.Secrets
	CPU     float64           `json:"cpu"`               // cores, a pair with Memory that Container Apps accepts; default 0.5
	Memory  Size              `json:"memory"`            // bytes; default 1Gi
	Models  []string          `json:"models,omitempty"`  // keys of Definition.Models
	Needs   []string          `json:"needs,omitempty"`   // apps that are healthy before this starts; each has ingress
	Egress  []string          `json:"egress,omitempty"`  // host, *.domain or either with :port; empty: no outbound at all
	Scratch Size              `json:"scratch,omitempty"` // size of a writable /tmp; zero: none
	Files   map[string]string `json:"files,omitempty"`   // path relative to Dir → absolute path in the container
}

// App is a long-running workload that may answer requests.
type App struct {
	Workload
	Ingress *Ingress `json:"ingress,omitempty"` // nil: nothing can connect to it
	Health  *Health  `json:"health,omitempty"`  // needs Ingress
	Scale   Scale    `json:"scale"`
}

// Job is a workload that runs to its end.
type Job struct {
	Workload
	Schedule string   `json:"schedule,omitempty"` // cron, five fields, UTC; empty: started by hand
	Timeout  Duration `json:"timeout"`            // default 30m
	Retries  int      `json:"retries"`            // 0 to 10
	Outputs  string   `json:"outputs,omitempty"`  // absolute folder that a run brings back
}

// Build says how an image is made from a folder.
type Build struct {
	Context    string            `json:"context"`    // folder relative to Dir
	Dockerfile string            `json:"dockerfile"` // relative to Context, default Dockerfile
	Target     string            `json:"target,omitempty"`
	Args       map[string]string `json:"args,omitempty"`
}

// Ingress opens one port of an app.
type Ingress struct {
	Port   int  `json:"port"`   // 1 to 65535
	Public bool `json:"public"` // reachable from outside the experiment
}

// Health is an HTTP check: any status from 200 to 399 is healthy.
type Health struct {
	Path     string   `json:"path"`     // begins with /
	Interval Duration `json:"interval"` // 1s to 240s, default 10s
	Timeout  Duration `json:"timeout"`  // 1s to 240s, default 2s
	Retries  int      `json:"retries"`  // 1 to 10 failures in a row, default 3
	Grace    Duration `json:"grace"`    // time to start, up to 10m, default 30s
}

// Scale bounds the replicas on a target that scales; the local sandbox runs one.
type Scale struct {
	Min         int `json:"min"`         // 0 to 300
	Max         int `json:"max"`         // 1 to 300, at least Min, default 1
	Concurrency int `json:"concurrency"` // requests a replica before another starts, default 10
}

// Model is one model deployment.
type Model struct {
	Model    string `json:"model"`
	Version  string `json:"version,omitempty"`
	SKU      string `json:"sku"`      // default GlobalStandard
	Capacity int    `json:"capacity"` // thousands of tokens a minute, at least 1, default 10
}

// Secret says where a secret's value comes from; exactly one field is set.
type Secret struct {
	Env      string `json:"env,omitempty"`      // variable of the caller
	File     string `json:"file,omitempty"`     // path relative to Dir
	Generate int    `json:"generate,omitempty"` // length of a random value, 16 to 256, made once and kept in the state
}

// Targets holds addresses and sources of credentials, one member a target.
type Targets struct {
	Local *Local `json:"local,omitempty"`
	Azure *Azure `json:"azure,omitempty"`
}

// Local is the Docker target.
type Local struct {
	Host      string       `json:"host,omitempty"` // Docker host, as DOCKER_HOST; empty: the caller's
	Models    *LocalModels `json:"models,omitempty"`
	Isolation string       `json:"isolation,omitempty"` // auto (default), container, gvisor or vm
	// Schedules says what becomes of a job's schedule, which a local sandbox
	// has nothing to keep: "manual" leaves the job to `envctl run`.
	Schedules string `json:"schedules,omitempty"`
}

// LocalModels chooses the server behind the sandbox's model gateway.
type LocalModels struct {
	Provider string            `json:"provider"` // openai, azure, replay or echo
	URL      string            `json:"url,omitempty"`
	Names    map[string]string `json:"names,omitempty"` // key of Definition.Models → name at the provider
	File     string            `json:"file,omitempty"`  // recording, for replay
}

// Azure is the Azure target.
type Azure struct {
	Subscription  string `json:"subscription,omitempty"` // UUID
	Tenant        string `json:"tenant,omitempty"`       // UUID
	Location      string `json:"location,omitempty"`
	ResourceGroup string `json:"resourceGroup,omitempty"` // default envctl-<name>-<instance>
	Egress        string `json:"egress,omitempty"`        // none (default) or firewall
}

// Registry is the container registry of a Platform.
type Registry struct {
	SKU string `json:"sku"` // Basic (default), Standard or Premium
}

// Environment is the network and log settings of a Platform.
type Environment struct {
	LogRetention  int    `json:"logRetention"`      // days, 30 (default) to 730
	Network       string `json:"network,omitempty"` // address range of the virtual network, CIDR, /16 to /27
	ZoneRedundant bool   `json:"zoneRedundant,omitempty"`
}

// Duration is a length of time written as 30s, 10m, 8h or 3d.
type Duration time.Duration

// Size is a number of bytes written as 512Mi or 1Gi.
type Size int64
