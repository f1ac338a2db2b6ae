// Package run is the contract between the simulator, which decides what
// Container Apps would run, and what runs it as real containers.
package run

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Runner runs what the simulator accepted. Every method is safe for use by
// several goroutines and several processes, and is idempotent: the simulator
// calls Apply again after a process that was applying has died.
type Runner interface {
	// Apply makes the app or job be as spec says and returns when it is ready or
	// will never be: a failure of the workload itself (crash, failing probe) is a
	// RunStatus with State Failed, a failure of the machinery is an error. Of a
	// job nothing is started, only its image is checked and loaded.
	Apply(ctx context.Context, spec Spec) (Status, error)
	// Remove removes the app or job and every execution; one that is not there is
	// no error. An environment's id removes its network.
	Remove(ctx context.Context, id string) error
	// Status is the present state; State Gone for what does not exist.
	Status(ctx context.Context, id string) (Status, error)
	// Streams are what a user's terminal is connected to.
	Streams
	// Jobs start and follow executions.
	Jobs
}

// Streams connects to a running workload.
type Streams interface {
	// Logs writes what the workload (an app, or an execution as id/executions/NAME)
	// wrote since then, one line after another, each after its time (RFC 3339) and a
	// space where it is known, and with follow goes on until ctx ends.
	Logs(ctx context.Context, id string, follow bool, since time.Time, w io.Writer) error
	// Exec runs cmd in the app's first replica and returns its exit status.
	Exec(ctx context.Context, id string, cmd []string, streams IO) (int, error)
}

// Jobs runs executions of a job.
type Jobs interface {
	// StartJob starts one execution and returns at once with its name.
	StartJob(ctx context.Context, spec Spec) (execution string, err error)
	// JobStatus is the state of one execution; Gone for one that does not exist.
	JobStatus(ctx context.Context, id, execution string) (Execution, error)
	// StopJob ends a running execution.
	StopJob(ctx context.Context, id, execution string) error
}

// The kinds of Spec.
const (
	App = "app"
	Job = "job"
)

// The states of an app, a replica and an execution.
const (
	Starting  = "starting"
	Running   = "running"
	Stopped   = "stopped"   // scaled to zero or stopped by request
	Failed    = "failed"    // Reason and Message say why
	Succeeded = "succeeded" // of an execution
	Gone      = "gone"
)

// Spec is one revision of an app, or one job.
type Spec struct {
	ID          string            // Resource Manager id, lower case
	Kind        string            // App or Job
	Name        string            // of the resource
	Revision    string            // NAME--SUFFIX; changes whenever the template does
	Environment string            // id of the managed environment, lower case: one network each
	Tags        map[string]string // of the resource; they carry dev.envctl.experiment and .instance
	Container   Container         // the only container
	Init        []Container       // run before it, one after another, to their end
	Ingress     *Ingress          // nil: none
	Replicas    int               // wanted now; 0: stopped
	Restart     bool              // run it anew even where nothing changed
	Execution   string            // name that StartJob should give the execution
	Timeout     time.Duration     // of one execution of a job
	Retries     int               // of an execution
	Identities  []Identity        // user-assigned
	// Platform answers GET /msi/token (IDENTITY_ENDPOINT's protocol, version
	// 2019-08-01, with the header X-IDENTITY-HEADER: IdentityHeader) and the models
	// of the simulated accounts. A runner that can carry it into the environment's
	// network sets IDENTITY_ENDPOINT and IDENTITY_HEADER; otherwise it sets neither.
	Platform       http.Handler
	IdentityHeader string
	// Hosts are the names, below AccountDomain, of the simulated accounts that its
	// variables lead to. Platform answers for them, at the port 443 with TLS.
	Hosts []string
}

// AccountDomain is what the names of AI accounts are below.
const AccountDomain = "cognitiveservices.azure.com"

// Container is one container of a Spec.
type Container struct {
	Name    string
	Image   Image
	Command []string // replaces the image's entrypoint; nil: the image's
	Args    []string
	Env     []KV // values of secrets and the platform's CONTAINER_APP_* included
	CPU     float64
	Memory  int64 // bytes
	Volumes []Volume
	Probes  []Probe
}

// KV is one variable.
type KV struct {
	Name, Value string
	Secret      bool // must not be written anywhere but into the container
}

// Image names the bytes to run. With Store empty it is an image of a public
// registry, which a runner may only run if the engine has it already.
type Image struct {
	Ref        string // as the app has it: HOST/REPOSITORY@sha256:…
	Store      string // folder of the simulated registry's store (local/registry.Open)
	Repository string
	Digest     string // sha256:… of the manifest or index
}

// Volume is a folder of a container.
type Volume struct {
	Name, Path string
	// Folder is where its content is kept on this machine, of a file share; empty: it is
	// an empty folder of the container's lifetime. A job finds there what is kept when
	// it starts, and what it leaves is kept before its execution counts as ended.
	Folder string
}

// Probe is a check of the container.
type Probe struct {
	Type             string // Startup, Readiness or Liveness
	Path             string // of an HTTP probe; empty: the port is connected to
	Port             int
	Delay            time.Duration // before the first
	Period           time.Duration
	Timeout          time.Duration
	FailureThreshold int
	Headers          map[string]string
}

// Ingress is the port that answers.
type Ingress struct {
	Port     int
	External bool // reachable at Status.Address; otherwise by Name in the environment only
}

// Identity is a user-assigned identity of the app.
type Identity struct {
	ID, ClientID, PrincipalID string
}

// Status is the state of an app.
type Status struct {
	State    string
	Reason   string // one word, as ImagePullFailure, CrashLoopBackOff, ProbeFailure
	Message  string
	Address  string // host:port that answers, of an app with external ingress
	Revision string // that of the Spec it runs
	Replicas []Replica
}

// Replica is one container of an app.
type Replica struct {
	Name     string
	State    string
	Message  string
	Started  time.Time
	Ready    bool
	Restarts int
}

// Execution is one run of a job.
type Execution struct {
	Name     string
	State    string // Running, Succeeded, Failed, Stopped or Gone
	Reason   string
	Message  string
	ExitCode int
	Started  time.Time
	Ended    time.Time // zero while it runs
}

// IO is what an Exec is connected to.
type IO struct {
	In       io.Reader // nil: none
	Out, Err io.Writer
	TTY      bool
	// Resize delivers the terminal's columns and rows; nil: never.
	Resize <-chan [2]uint
}
