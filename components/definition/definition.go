// Package definition is the typed form of an envctl.yaml: what an experiment or
// a shared platform consists of, never where it runs.
//
// [Read] turns bytes into a checked [Definition]. It is strict: an unknown key,
// a duplicate key, a wrong type or a value out of range is a [Problem] with a
// position, and every problem of a file is reported in one go. A Definition that
// Read returned is complete: defaults are filled in and names refer to things
// that exist, so later packages need not check again. (Whether a file or an
// image that is named exists is for whoever opens it.)
//
// The same Go types produce the JSON Schema ([Schema]): their struct tags are
// the rules, their comments the descriptions. A test holds that the schema and
// Read accept and reject the same documents; [Unexpressed] lists what only Read
// can tell.
//
// The tags, all of them read by both sides:
//
//	json        the key; omitempty: may be empty, which is as if it were absent
//	jsonschema  required, default, enum, bounds of numbers and lists
//	rule        the text rule (rules.go) of a string, of a list's items or of a map's values
//	keys        the text rule of a map's keys
//	range       lowest..highest Duration or Size
//	expand      ${NAME}, ${NAME:-default} and $$ are replaced in these strings
//	nonempty    an empty string is refused although the key is optional
package definition

import (
	_ "embed" // source
	"time"
)

// source is this file: its comments are the descriptions of the JSON Schema.
//
//go:embed definition.go
var source []byte

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
	// Experiment: apps, jobs and what they need. Platform: what experiments share.
	Kind Kind `json:"kind" jsonschema:"enum=Experiment,enum=Platform,default=Experiment"`
	// DNS label, 2 to 32 characters, beginning with a letter.
	Name string `json:"name" rule:"name" jsonschema:"required"`
	// Name of the shared Platform that gives registry, environment and models; without it the experiment has its own.
	Platform string `json:"platform,omitempty" rule:"name"`

	// How long after its first up the experiment expires, as 30m, 8h or 3d; without it, never.
	TTL Duration `json:"ttl,omitempty" range:"1s..365d"`
	// What it may spend in a calendar month.
	Budget *Budget `json:"budget,omitempty"`
	// Long-running workloads, by name. Apps and jobs share one namespace.
	Apps map[string]App `json:"apps,omitempty" keys:"workload"`
	// Workloads that run to their end, by name.
	Jobs map[string]Job `json:"jobs,omitempty" keys:"workload"`
	// Model deployments, by the name that workloads use.
	Models map[string]Model `json:"models,omitempty" keys:"label"`
	// Where secret values come from, by the name that workloads use.
	Secrets map[string]Secret `json:"secrets,omitempty" keys:"label"`
	// Addresses and sources of credentials, one member a target.
	Targets Targets `json:"targets,omitzero"`

	// Policy rules that are lifted for this experiment: the rule's name, as no-root, and the reason in words.
	Waive map[string]string `json:"waive,omitempty" rule:"reason" keys:"label"`

	// Paths of policy files, relative to the definition (Platform only).
	Policies []string `json:"policies,omitempty" rule:"path" jsonschema:"uniqueItems=true"`
	// The shared container registry (Platform only).
	Registry *Registry `json:"registry,omitempty"`
	// The shared network and logs (Platform only).
	Environment *Environment `json:"environment,omitempty"`

	// Dir is the folder that relative paths start from: the folder of the file
	// that was read. It is not a key of the format.
	Dir string `json:"-"`
}

// Budget limits what an experiment may spend in a calendar month.
type Budget struct {
	// Above 0, in the currency.
	Amount float64 `json:"amount" jsonschema:"required,exclusiveMinimum=0,maximum=1000000000"`
	// ISO 4217 code.
	Currency string `json:"currency" rule:"currency" jsonschema:"default=USD"`
	// Percents of the amount at which to tell the contacts; 50, 80 and 100 when absent.
	Alerts []int `json:"alerts" jsonschema:"minimum=1,maximum=1000,maxItems=5,uniqueItems=true"`
	// E-mail addresses.
	Contacts []string `json:"contacts,omitempty" rule:"email" expand:"true" jsonschema:"maxItems=50,uniqueItems=true"`
	// What happens at 100 percent: alert only tells, stop makes models refuse and apps scale to zero.
	OnExceeded string `json:"onExceeded" jsonschema:"enum=alert,enum=stop,default=alert"`
}

// The values of Budget.OnExceeded.
const (
	OnExceededAlert = "alert"
	OnExceededStop  = "stop"
)

// Workload is what apps and jobs have in common: one container from one image.
type Workload struct {
	// How to build the image; exactly one of build and image is given.
	Build *Build `json:"build,omitempty"`
	// Reference of an existing image; a tag is resolved to a digest once and pinned.
	Image string `json:"image,omitempty" rule:"image"`
	// Replaces the image's ENTRYPOINT.
	Command []string `json:"command,omitempty"`
	// Replaces the image's CMD.
	Args []string `json:"args,omitempty"`
	// Numeric user id that the container runs as; 65532 when absent. Policy refuses 0.
	User *int64 `json:"user,omitempty" jsonschema:"minimum=0,maximum=2147483647"`
	// Environment variables in clear. Those that envctl sets itself cannot be set.
	Env map[string]string `json:"env,omitempty" keys:"variable" expand:"true"`
	// Environment variables from secrets: variable to name under the top-level secrets.
	Secrets map[string]string `json:"secrets,omitempty" keys:"variable" rule:"label"`
	// Cores, a quarter to 4. Container Apps accepts 2Gi of memory for each core and nothing else; either one gives the other.
	CPU float64 `json:"cpu" jsonschema:"minimum=0.25,maximum=4,multipleOf=0.25,default=0.5"`
	// Memory, 512Mi to 8Gi: 2Gi for each core.
	Memory Size `json:"memory" jsonschema:"default=1Gi"`
	// Names under the top-level models that it may call.
	Models []string `json:"models,omitempty" rule:"label" jsonschema:"uniqueItems=true"`
	// Apps with ingress that are healthy before this starts; their addresses come as variables.
	Needs []string `json:"needs,omitempty" rule:"workload" jsonschema:"uniqueItems=true"`
	// Hosts it may connect to: host or *.domain, either with :port. Without any, nothing outbound.
	Egress []string `json:"egress,omitempty" rule:"egress" jsonschema:"uniqueItems=true"`
	// Size of a writable /tmp; without it, nothing is writable.
	Scratch Size `json:"scratch,omitempty" range:"1Mi..8Gi"`
	// Files or folders added to the image: path relative to the definition to absolute path in the container.
	Files map[string]string `json:"files,omitempty" keys:"path" rule:"destination"`
}

// App is a long-running workload that may answer requests.
type App struct {
	Workload
	// The one port that can be connected to; without it, nothing can connect.
	Ingress *Ingress `json:"ingress,omitempty"`
	// HTTP check; needs ingress.
	Health *Health `json:"health,omitempty"`
	// Replicas, on a target that scales.
	Scale Scale `json:"scale"`
}

// Job is a workload that runs to its end.
type Job struct {
	Workload
	// Cron expression of five fields, in UTC; without it the job is started by hand.
	Schedule string `json:"schedule,omitempty" rule:"cron"`
	// When a run is stopped and counts as failed.
	Timeout Duration `json:"timeout" range:"1s..7d" jsonschema:"default=30m"`
	// How many times a failed run is tried again.
	Retries int `json:"retries" jsonschema:"minimum=0,maximum=10"`
	// Absolute folder in the container whose content a run brings back.
	Outputs string `json:"outputs,omitempty" rule:"destination"`
}

// Build says how an image is made from a folder.
type Build struct {
	// Folder relative to the definition.
	Context string `json:"context" rule:"path" jsonschema:"required"`
	// Path relative to the context.
	Dockerfile string `json:"dockerfile" rule:"path" jsonschema:"default=Dockerfile"`
	// Stage to build; without it, the last one.
	Target string `json:"target,omitempty" rule:"stage"`
	// Values of the Dockerfile's ARG instructions.
	Args map[string]string `json:"args,omitempty" keys:"argument" expand:"true"`
}

// Ingress opens one port of an app.
type Ingress struct {
	// Port that the app listens on.
	Port int `json:"port" jsonschema:"required,minimum=1,maximum=65535"`
	// Reachable from outside the experiment, not only by apps that need it.
	Public bool `json:"public"`
}

// Health is an HTTP check: any status from 200 to 399 is healthy.
type Health struct {
	// Path of the request, beginning with /.
	Path string `json:"path" rule:"url-path" jsonschema:"required"`
	// Time between checks.
	Interval Duration `json:"interval" range:"1s..240s" jsonschema:"default=10s"`
	// When a check without an answer has failed.
	Timeout Duration `json:"timeout" range:"1s..240s" jsonschema:"default=2s"`
	// Failures in a row that make the app unhealthy.
	Retries int `json:"retries" jsonschema:"minimum=1,maximum=10,default=3"`
	// Time to start, in which failures do not count.
	Grace Duration `json:"grace" range:"0s..10m" jsonschema:"default=30s"`
}

// Scale bounds the replicas on a target that scales; the local sandbox runs one.
type Scale struct {
	// Fewest replicas; 0 lets an idle app stop.
	Min int `json:"min" jsonschema:"minimum=0,maximum=300"`
	// Most replicas, at least min.
	Max int `json:"max" jsonschema:"minimum=1,maximum=300,default=1"`
	// Requests at once in a replica before another is started.
	Concurrency int `json:"concurrency" jsonschema:"minimum=1,maximum=1000,default=10"`
}

// Model is one model deployment.
type Model struct {
	// Name of the model at its publisher, as gpt-4o-mini.
	Model string `json:"model" rule:"model" jsonschema:"required"`
	// Version of the model, quoted; without it, the provider's default.
	Version string `json:"version,omitempty" rule:"model"`
	// Kind of deployment.
	SKU string `json:"sku" rule:"sku" jsonschema:"default=GlobalStandard"`
	// Thousands of tokens a minute.
	Capacity int `json:"capacity" jsonschema:"minimum=1,maximum=1000000,default=10"`
	// What its tokens cost in a sandbox; without it, the list price, which envctl knows of well-known models.
	Price *Price `json:"price,omitempty"`
}

// Price is what a million tokens cost, in the currency of the budget. Azure has prices of its own.
type Price struct {
	// Of the prompt.
	Input float64 `json:"input" jsonschema:"required,minimum=0,maximum=1000000"`
	// Of the answer.
	Output float64 `json:"output" jsonschema:"required,minimum=0,maximum=1000000"`
}

// Secret says where a secret's value comes from; exactly one key is given.
type Secret struct {
	// Variable of the caller's environment.
	Env string `json:"env,omitempty" rule:"argument" nonempty:"true"`
	// Path of a file, relative to the definition.
	File string `json:"file,omitempty" rule:"path" nonempty:"true"`
	// Length of a random value that is made once and kept in the state.
	Generate int `json:"generate,omitempty" jsonschema:"minimum=16,maximum=256"`
}

// Targets holds addresses and sources of credentials, one member a target.
type Targets struct {
	// The Docker sandbox.
	Local *Local `json:"local,omitempty"`
	// Azure.
	Azure *Azure `json:"azure,omitempty"`
}

// Local is the Docker target.
type Local struct {
	// Address of the engine, in the form of DOCKER_HOST; without it, the caller's.
	Host string `json:"host,omitempty" rule:"docker-host" expand:"true"`
	// The server behind the sandbox's model gateway.
	Models *LocalModels `json:"models,omitempty"`
	// What separates a workload from the machine; auto is a container for apps and the strongest that the engine offers for `envctl run`.
	Isolation string `json:"isolation,omitempty" expand:"true" jsonschema:"enum=auto,enum=container,enum=gvisor,enum=vm,default=auto"`
	// How the gateway finds the hosts of egress lists.
	Egress *LocalEgress `json:"egress,omitempty"`
	// What becomes of a job's schedule, which a local sandbox has nothing to keep: manual leaves the job to envctl run.
	Schedules string `json:"schedules,omitempty" expand:"true" jsonschema:"enum=manual"`
}

// LocalEgress says how the gateway finds the hosts of egress lists.
type LocalEgress struct {
	// IPv4 addresses of name servers; without any, those of the engine.
	Resolvers []string `json:"resolvers,omitempty" rule:"ip" expand:"true" jsonschema:"maxItems=3,uniqueItems=true"`
	// Hosts of egress lists that may have private addresses, as a mirror inside a company: host or *.domain.
	Private []string `json:"private,omitempty" rule:"egress" expand:"true" jsonschema:"uniqueItems=true"`
}

// LocalModels chooses the server behind the sandbox's model gateway.
type LocalModels struct {
	// Protocol of the server; replay answers from a recording, echo repeats the question.
	Provider string `json:"provider" expand:"true" jsonschema:"required,enum=openai,enum=azure,enum=replay,enum=echo"`
	// Address of the server (openai and azure, which needs it; with replay, where answers that the recording lacks come from).
	URL string `json:"url,omitempty" rule:"url" expand:"true"`
	// Name under the top-level models to name at the server.
	Names map[string]string `json:"names,omitempty" keys:"label" rule:"word" expand:"true"`
	// Recording, relative to the definition (replay, which needs it).
	File string `json:"file,omitempty" rule:"path" expand:"true"`
}

// Azure is the Azure target.
type Azure struct {
	// Id of the subscription.
	Subscription string `json:"subscription,omitempty" rule:"uuid" expand:"true"`
	// Id of the tenant; without it, the credential's.
	Tenant string `json:"tenant,omitempty" rule:"uuid" expand:"true"`
	// Region, as swedencentral.
	Location string `json:"location,omitempty" rule:"location" expand:"true"`
	// Resource group; envctl-NAME-INSTANCE when absent.
	ResourceGroup string `json:"resourceGroup,omitempty" rule:"resource-group" expand:"true"`
	// How egress lists are enforced: none, or by a firewall.
	Egress string `json:"egress,omitempty" expand:"true" jsonschema:"enum=none,enum=firewall,default=none"`
}

// Registry is the container registry of a Platform.
type Registry struct {
	// Service tier.
	SKU string `json:"sku" jsonschema:"enum=Basic,enum=Standard,enum=Premium,default=Basic"`
}

// Environment is the network and log settings of a Platform.
type Environment struct {
	// Days that logs are kept.
	LogRetention int `json:"logRetention" jsonschema:"minimum=30,maximum=730,default=30"`
	// Address range of the virtual network, IPv4 CIDR, /16 to /27.
	Network string `json:"network,omitempty" rule:"network"`
	// Spread over the zones of the region.
	ZoneRedundant bool `json:"zoneRedundant,omitempty"`
}

// Duration is a length of time in whole seconds, written as 30s, 10m, 8h, 3d or 1h30m.
type Duration time.Duration

// Size is a number of bytes, written as 512Mi, 1Gi or 1.5Gi.
type Size int64
