package oneshot

import (
	"slices"
	"time"

	"github.com/envctl/envctl/local/docker/untar"
)

// How a run ended.
const (
	Exited      = "exited"
	TimedOut    = "timeout" // stopped at its time limit
	OutOfMemory = "memory"  // killed at its memory limit
	Interrupted = "interrupted"
)

// Report is what is known of a run afterwards. That of a job's run has its last
// attempt, and nothing of stdout and stderr, which are passed on as they come.
type Report struct {
	ID       string        `json:"id"`
	Ended    string        `json:"ended"`
	ExitCode int           `json:"exitCode"`
	Started  time.Time     `json:"started,omitzero"`
	Duration time.Duration `json:"-"` // of the program itself
	Seconds  float64       `json:"seconds"`

	ImageName string `json:"imageName,omitempty"` // as it was asked for
	Image     string `json:"image"`               // digest or ID that ran
	Lock      string `json:"lock,omitempty"`      // hash of the packages' lock

	Usage     Usage     `json:"usage"`
	Isolation Isolation `json:"isolation"`
	Stdout    Output    `json:"stdout,omitzero"`
	Stderr    Output    `json:"stderr,omitzero"`
	Attempts  int       `json:"attempts,omitempty"` // of a job
	// Files were brought back to Out.
	Files *untar.Summary `json:"files,omitempty"`
	Out   string         `json:"out,omitempty"`

	// Egress is what the program tried to reach; nil: it had no network at all, so
	// that nothing could be tried.
	Egress *Egress `json:"egress,omitempty"`
	// Models is what it used of models; nil: it had none.
	Models *Models `json:"models,omitempty"`

	// Again is the run that this one repeats, and Differences what is not the same.
	Again       string       `json:"again,omitempty"`
	Differences []Difference `json:"differences,omitempty"`
}

// Usage is what the program took. It is sampled: after 0.1 s, then ever more
// rarely, and at least each second, so that what a program did after the last
// sample is not in it. On hosts with cgroup v1 the kernel itself keeps the peak of
// memory; else it is the largest sample.
type Usage struct {
	PeakMemory int64   `json:"peakMemory,omitempty"` // bytes
	CPUSeconds float64 `json:"cpuSeconds,omitempty"`
	Samples    int     `json:"samples"` // 0: the program ended before the first
}

// Isolation says what keeps the program from the host.
type Isolation struct {
	Level   string `json:"level,omitempty"`   // container, gvisor or vm; "": nobody knows what Runtime does
	Runtime string `json:"runtime,omitempty"` // as the engine calls it
	Network string `json:"network"`           // as the engine calls it; none
}

// Output is one stream of the program.
type Output struct {
	Bytes   int64  `json:"bytes"`             // that the program wrote
	Dropped int64  `json:"dropped,omitempty"` // of them that did not reach the caller
	SHA256  string `json:"sha256"`            // of all of them
	Raw     string `json:"raw,omitempty"`     // file that has them, up to RawLimit
}

// Egress is what was tried to reach through the proxy.
type Egress struct {
	Allowed []Attempt `json:"allowed,omitempty"`
	Refused []Attempt `json:"refused,omitempty"`
	// Shared says that other runs of the job are counted with this one.
	Shared bool `json:"shared,omitempty"`
}

// Add counts what was tried; a host that was refused for two reasons is there twice.
func (e *Egress) Add(host string, allowed bool, reason string, count int) {
	list := &e.Refused
	if allowed {
		list, reason = &e.Allowed, ""
	}
	i := slices.IndexFunc(*list, func(a Attempt) bool { return a.Host == host && a.Reason == reason })
	if i < 0 {
		*list, i = append(*list, Attempt{Host: host, Reason: reason}), len(*list)
	}
	(*list)[i].Count += max(1, count)
}

// Attempt is one host, and how often it was asked for.
type Attempt struct {
	Host   string `json:"host"`             // HOST:PORT; empty: several, as the reason says
	Reason string `json:"reason,omitempty"` // of a refusal
	Count  int    `json:"count"`
}

// Models is what the program used of models.
type Models struct {
	Calls            int64   `json:"calls"`
	Refused          int64   `json:"refused,omitempty"`  // for the budget
	UnderWay         int64   `json:"underWay,omitempty"` // not settled yet, so not counted
	PromptTokens     int64   `json:"promptTokens"`
	CompletionTokens int64   `json:"completionTokens"`
	Cost             float64 `json:"cost"`
	Currency         string  `json:"currency"`
	// Shared says that other runs of the job are counted with this one.
	Shared bool `json:"shared,omitempty"`
}

// Difference is one thing that a repetition has otherwise.
type Difference struct {
	What string `json:"what"` // as in "input data.csv", "exit status", "output result.json"
	Was  string `json:"was"`
	Is   string `json:"is"`
}
