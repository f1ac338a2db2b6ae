// Package sandbox is the hardening of every local container and network as
// data, and the judgement whether an engine really keeps it.
//
// A [Profile] is made by [New] from a workload of a plan. It fills a request to
// create a container ([Profile.Apply]), and [Verify] compares it with what the
// engine then reports; [NetworkProfile] and [VerifyNetwork] do the same for the
// network, and [VerifyEngine] for what only the engine as a whole can promise.
//
// What a container may do: compute, within its memory, processor and process
// limits; write to /tmp up to its scratch size and to /dev/shm up to ShmSize,
// both of which count as its memory; keep up to 800 KiB in POSIX message queues
// (the kernel's limit for a user); and talk to containers of its own network.
// It has no capability, cannot gain one, and reaches nothing else by packets or
// by names, the host included. The kernel is shared with the host. A container
// that is let run as root can also fill folders of the engine's own (/dev and the
// like), which are memory too.
package sandbox

import (
	"fmt"
	"math"
	"strconv"

	"github.com/envctl/envctl/components/plan"
)

// The kinds of container. The gateway is the one that ports are published on.
const (
	App     = plan.App
	Job     = plan.Job
	Gateway = "gateway"
)

const (
	// PidsLimit is the number of processes and threads of a container. It is
	// far above what a service with a thread pool uses and far below what
	// slows a host down.
	PidsLimit = 256
	// OOMScoreAdj makes the kernel kill a sandbox before the host's own
	// processes when the whole machine is out of memory.
	OOMScoreAdj = 500
	// Resolver is the only name server behind the engine's own, which answers
	// for containers of the network. On the container's loopback there is none,
	// so a foreign name goes nowhere; without it the engine asks the host's
	// (CVE-2024-29018), and data leaves in names.
	Resolver = "127.0.0.1"

	mib    = 1 << 20
	minShm = 1 * mib  // semaphores and locks of language runtimes, a page each
	maxShm = 64 * mib // what the engine gives by default
	// cpuPeriod is the kernel's default scheduling period in microseconds.
	cpuPeriod = 100_000
)

// Profile is the hardening of one container: plain data in the engine's terms.
type Profile struct {
	Kind string // app, job or gateway
	User string // numeric uid:gid

	// Runtime is the engine's name of what runs it; "" is the engine's default,
	// which has to be one whose isolation is known.
	Runtime string

	CapDrop      []string
	SecurityOpts []string // no seccomp entry: the engine's default filter holds
	ReadOnly     bool     // root file system
	Init         bool     // the engine's init as process 1: it reaps and forwards signals
	// Tmpfs maps a folder to mount options. The root being read-only and no
	// volumes allowed, these and /dev/shm are all that can be written.
	Tmpfs map[string]string
	// ShmSize is the size of /dev/shm in bytes. The engine always mounts it,
	// noexec, and language runtimes need a little for locks; so it is 1 MiB
	// without scratch, and else as much as scratch, at most 64 MiB, in whole MiB.
	ShmSize int64

	Memory     int64 // bytes
	MemorySwap int64 // bytes of memory and swap together; as Memory: no swap
	PidsLimit  int64
	// CPUPeriod and CPUQuota, in microseconds, limit the processor. The engine's
	// other form, a number of CPUs, fails where the machine has fewer.
	CPUPeriod, CPUQuota int64
	OOMScoreAdj         int
	Ulimits             []Ulimit

	IpcMode      string
	CgroupnsMode string
	// Sysctls are kernel settings of the container's own namespaces; New sets none.
	Sysctls map[string]string
	// Networks are the only ones it is attached to, by name; the first is the
	// one it is created with.
	Networks  []string
	DNS       []string
	DNSSearch []string // "." is none: the host's search domains stay outside
	// DNSOptions make a foreign name fail in 2 seconds instead of 10. They tune
	// the container's own resolver and guard nothing, so Verify is silent on them.
	DNSOptions []string
	// Hosts are names that the container finds without asking anybody, NAME:ADDRESS,
	// sorted.
	Hosts []string
	// Volumes are the only ones that are mounted; New mounts none.
	Volumes []Volume
	// Publish allows ports on the host's loopback, and nowhere else.
	Publish bool

	Restart    string // no or on-failure
	MaxRetries int    // with on-failure

	LogDriver string
	LogOpts   map[string]string
}

// Ulimit is a limit of one process. Soft and hard are the same.
type Ulimit struct {
	Name  string
	Value int64
}

// Volume is a volume of the engine, by its name, and where it is.
type Volume struct {
	Name     string
	Path     string // absolute
	ReadOnly bool
}

// New returns the profile of a container of the given kind that runs w and is
// attached to networks. A gateway's workload is made up by the caller: only its
// User, CPU, Memory and Scratch count.
func New(kind string, w plan.Workload, networks ...string) Profile {
	p := Profile{
		Kind: kind,
		// The group is named too: a uid that the image's passwd does not have
		// would else get group 0, which owns much of a usual image.
		User:         strconv.FormatInt(w.User, 10) + ":" + strconv.FormatInt(w.User, 10),
		CapDrop:      []string{"ALL"},
		SecurityOpts: []string{"no-new-privileges"},
		ReadOnly:     true,
		Init:         true,
		ShmSize:      min(max(w.Scratch/mib*mib, minShm), maxShm),
		Memory:       w.Memory,
		MemorySwap:   w.Memory,
		PidsLimit:    PidsLimit,
		CPUPeriod:    cpuPeriod,
		CPUQuota:     int64(math.Round(w.CPU * cpuPeriod)),
		OOMScoreAdj:  OOMScoreAdj,
		Ulimits:      []Ulimit{{Name: "core", Value: 0}}, // a dump of memory is a leak
		IpcMode:      "private",
		CgroupnsMode: "private",
		Networks:     networks,
		DNS:          []string{Resolver},
		DNSSearch:    []string{"."},
		DNSOptions:   []string{"timeout:1", "attempts:2"},
		Publish:      kind == Gateway,
		Restart:      "on-failure",
		MaxRetries:   5,
		LogDriver:    "local", // bounded, compressed, and read by the engine's log call
		LogOpts:      map[string]string{"max-size": "10m", "max-file": "3"},
	}
	if w.Scratch > 0 {
		p.Tmpfs = map[string]string{"/tmp": TmpfsOptions(w.Scratch)}
	}
	if kind == Job {
		p.Restart, p.MaxRetries = "no", 0
	}
	return p
}

// TmpfsOptions are the mount options of a writable folder of size bytes. Programs
// may run from it: package installers and generated code do so from /tmp, and a
// program that can be written can be run by an interpreter anyway.
func TmpfsOptions(size int64) string {
	return fmt.Sprintf("rw,exec,nosuid,nodev,mode=1777,size=%d", size)
}
