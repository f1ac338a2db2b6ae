// Package plan is the target-neutral description of what one experiment runs:
// a definition whose images are digests and whose names are settled.
//
// A [Plan] is immutable: [New] copies what it is given and every method returns
// a copy. Two plans with the same [Plan.Hash] describe the same experiment, and
// [Diff] says how two plans differ.
package plan

import "time"

// Spec is the whole content of a plan. A secret is here by name only.
type Spec struct {
	Experiment string     `json:"experiment"`
	Instance   string     `json:"instance"`
	Target     string     `json:"target"`
	Expires    time.Time  `json:"expires,omitzero"` // zero: never
	Workloads  []Workload `json:"workloads"`        // apps, then jobs, each sorted by name

	// Isolation is what separates the workloads from the machine: container, gvisor
	// or vm, of local plans alone. Empty: the target chooses.
	Isolation string `json:"isolation,omitempty"`

	// Models are sorted by name.
	Models []Model `json:"models,omitempty"`
	Budget *Budget `json:"budget,omitempty"`
	// Server is behind the models of a local plan; nil: it has none.
	Server *ModelServer `json:"server,omitempty"`
	// Egress is how a local gateway finds the hosts of egress lists; nil: as the engine does.
	Egress *EgressGround `json:"egress,omitempty"`
	// The rest is of Azure plans alone.
	Kind     string         `json:"kind,omitempty"`     // Platform, or empty: an experiment
	Platform string         `json:"platform,omitempty"` // that the experiment stands on; empty: its own ground
	Azure    *AzureSettings `json:"azure,omitempty"`
	Shared   *Shared        `json:"shared,omitempty"` // of a platform
}

// The kinds of workload.
const (
	App = "app"
	Job = "job"
)

// Workload is one container of the experiment.
type Workload struct {
	Kind    string            `json:"kind"`
	Name    string            `json:"name"`
	Image   Image             `json:"image"`
	Command []string          `json:"command,omitempty"`
	Args    []string          `json:"args,omitempty"`
	User    int64             `json:"user"`
	Env     map[string]string `json:"env,omitempty"`     // from the definition only; a target adds its own
	Secrets map[string]string `json:"secrets,omitempty"` // variable → secret's name
	CPU     float64           `json:"cpu"`               // cores
	Memory  int64             `json:"memory"`            // bytes
	Scratch int64             `json:"scratch,omitempty"` // bytes of /tmp, 0: none
	Needs   []string          `json:"needs,omitempty"`
	Models  []string          `json:"models,omitempty"`
	Egress  []string          `json:"egress,omitempty"`

	Ingress *Ingress `json:"ingress,omitempty"` // apps
	Health  *Health  `json:"health,omitempty"`  // apps
	Scale   *Scale   `json:"scale,omitempty"`   // apps
	Run     *Run     `json:"run,omitempty"`     // jobs
}

// Image names the bytes that a workload runs.
type Image struct {
	// Ref is what an engine or a registry is asked for: name@sha256:… for an
	// image of a registry, sha256:… (the image ID) for one that only the local
	// engine has. It is never a tag.
	Ref string `json:"ref"`
	// Tag is the local name that envctl gave an image it built; empty for others.
	Tag string `json:"tag,omitempty"`
	// Build is how the image was made; nil for an image that was not built.
	Build *Build `json:"build,omitempty"`
	// Digest is the digest of the manifest that a registry has of the image,
	// sha256:…; the same on every target. Empty where no registry has it yet.
	Digest string `json:"digest,omitempty"`
	// Repository is where the local registry has the image, EXPERIMENT/WORKLOAD;
	// empty where it has not.
	Repository string `json:"repository,omitempty"`
	// Keep says that the image was there before the experiment, so `down` leaves it.
	Keep bool `json:"keep,omitempty"`
}

// Build is the recipe of a built image.
type Build struct {
	Context    string            `json:"context"`    // absolute
	Dockerfile string            `json:"dockerfile"` // relative to Context
	Target     string            `json:"target,omitempty"`
	Args       map[string]string `json:"args,omitempty"`
	// Files are added on top as one layer: absolute source → absolute path in the image.
	Files map[string]string `json:"files,omitempty"`
	// Source is the hash of everything that the build reads (sha256:…).
	Source string `json:"source"`
}

// Ingress, Health, Scale and Run are as in the definition, in seconds.
type (
	// Ingress is the one port that can be connected to.
	Ingress struct {
		Port   int  `json:"port"`
		Public bool `json:"public"`
	}
	// Health is an HTTP check.
	Health struct {
		Path     string  `json:"path"`
		Interval float64 `json:"interval"`
		Timeout  float64 `json:"timeout"`
		Retries  int     `json:"retries"`
		Grace    float64 `json:"grace"`
	}
	// Scale bounds the replicas.
	Scale struct {
		Min         int `json:"min"`
		Max         int `json:"max"`
		Concurrency int `json:"concurrency"`
	}
	// Run is how a job runs.
	Run struct {
		Schedule string  `json:"schedule,omitempty"`
		Timeout  float64 `json:"timeout"`
		Retries  int     `json:"retries"`
		Outputs  string  `json:"outputs,omitempty"`
	}
)
