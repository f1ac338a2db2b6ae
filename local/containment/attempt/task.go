// Package attempt is what a hostile program tries inside a sandbox. Each attempt is
// a named row; the program, local/containment/cmd/probe, prints one [Result] a line.
//
// Nothing here harms the machine where an attempt succeeds: files are opened for
// writing and not written, calls that would change the host as a whole get
// arguments that do nothing, and whether they were permitted is read from the error.
package attempt

// The outcomes of an attempt.
const (
	Blocked = "blocked"
	Escaped = "escaped"
	// Unfit is an attempt that says nothing here: what it aims at is not there.
	Unfit = "not-applicable"
)

// EnvTask is the variable that a [Task] is in, as JSON.
const EnvTask = "CONTAINMENT_TASK"

// Task is what the program is told.
type Task struct {
	// Targets are what rows about the network aim at; only those are tried.
	Targets map[string][]Target `json:"targets,omitempty"`
	// Secret is a text that belongs to somebody else and must not be found.
	Secret string `json:"secret,omitempty"`
	// PID is of a process of the host.
	PID int `json:"pid,omitempty"`
	// SharedMemory is the key of a segment of the host's.
	SharedMemory int `json:"sharedMemory,omitempty"`
	// Room is how many bytes may be written to a folder.
	Room map[string]int64 `json:"room,omitempty"`
	// Variables are the names that the environment may have.
	Variables []string `json:"variables,omitempty"`
	// NetworkOnly leaves everything but Targets out: what a counterpart tries.
	NetworkOnly bool `json:"networkOnly,omitempty"`
}

// Target is one thing to reach.
type Target struct {
	Network string `json:"network"` // tcp, udp, icmp, unix, name, query or proxy
	Address string `json:"address"`
	Text    string `json:"text,omitempty"` // what is sent, so that it can be recognised
}

// Result is what came of a row.
type Result struct {
	Row     string `json:"row"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
}

// The modes of the program: its first argument.
const (
	ModeAttempt = "attempt" // [Run] of the task in [EnvTask]
	ModeWhoAmI  = "whoami"  // print the effective user
	ModeKernel  = "kernel"  // print what the kernel calls itself, and its log
	ModeServe   = "serve"   // accept connections at a port
	ModeMemory  = "memory"  // touch memory, a line a MiB
	ModeForks   = "forks"   // make processes that do nothing
	ModeFlood   = "flood"   // print so many MiB
	ModeOutlive = "outlive" // ignore signals
	ModeClimb   = "climb"   // look for a file by its name from the working folder upwards
	ModeOutputs = "outputs" // leave hostile files in a folder
	ModeNothing = "nothing" // end at once
	ModeTools   = "tools"   // say whether a tool of the image has run
)

// SetUIDProgram is a copy of the program that belongs to root and has the set-user-ID
// bit; run with "whoami" it prints its effective user.
const SetUIDProgram = "/set-uid-probe"

// NoProxy is the detail of an attempt on a proxy that is not there.
const NoProxy = "no proxy answers"

// Tools are the programs that an engine may look for to unpack an archive, as an image
// has them that wants to run as its host's root (CVE-2026-41567). The program is each
// of them, and leaves [ToolMark] where it runs.
var Tools = []string{"unpigz", "pigz", "gzip", "gunzip", "xz", "unxz", "bzip2", "zstd", "unzstd", "tar"}

// ToolMark is the file that says that a tool has run.
const ToolMark = "/tool-has-run"
