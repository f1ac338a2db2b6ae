// Package containment runs a hostile program inside a sandbox and says, attempt by
// attempt, whether it stayed inside.
//
// Each attempt is a [Row]: a name, what it tries, and which known escapes it stands
// for ([Known]). [Run] makes sandboxes as an experiment has them (the hardening of
// local/sandbox, an internal network), runs the carried program in them and gives a
// [Result] for each row. What goes over a network is proven by what arrives: at a
// canary that the suite makes itself, in a network namespace of this machine, and
// at listeners of its own on the host. Every such row has its counterpart, in which
// an unsandboxed container does the same and must be noticed; one that is not
// noticed says so in the result ([Result.Counterpart]).
//
// All that the suite makes carries a label of the run and is gone afterwards.
package containment

import (
	"slices"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/isolation"
)

// The outcomes of a row.
const (
	Blocked = attempt.Blocked
	Escaped = attempt.Escaped
	Unfit   = attempt.Unfit
	// Exposed is a part of the host's kernel that is reached without need. Nothing
	// is got out of the sandbox by that alone; a hole in that part would be.
	Exposed = "exposed"
)

// Row is one attempt to get out.
type Row struct {
	Name  string `json:"row"`
	Group string `json:"group"`
	Tries string `json:"tries"` // in words
	// guest is a row about a kernel: with one of its own, a success inside says
	// nothing about the host's.
	guest bool
	// surface is a row about a part of the kernel that gives nothing by itself.
	surface bool
	Fix     string `json:"fix,omitempty"` // what mends it, where it is not blocked
}

// The groups of rows.
const (
	groupNetwork   = "network"
	groupProxy     = "proxy"
	groupRights    = "rights"
	groupFiles     = "files"
	groupResources = "resources"
)

// Rows are all rows, in the order that they are told in.
func Rows() []Row {
	return slices.Concat(networkRows(), proxyRows(), rightsRows(), fileRows(), resourceRows())
}

// networkRows are about what can be reached.
func networkRows() []Row {
	return []Row{
		{Name: "host-bridge", Group: groupNetwork, Tries: "services of the host, at the address its bridge would have"},
		{Name: "host-addresses", Group: groupNetwork, Tries: "services of the host, at each of its addresses"},
		{Name: "host-loopback", Group: groupNetwork, Tries: "services of the host that listen on its loopback"},
		{Name: "host-ipv6", Group: groupNetwork, Tries: "services of the host by IPv6 link-local and multicast addresses"},
		{Name: "host-sockets", Group: groupNetwork, Tries: "an abstract Unix socket of the host"},
		{Name: "engine-api", Group: groupNetwork, Tries: "the engine's API at ports 2375 to 2377"},
		{Name: "engine-socket", Group: groupNetwork, Tries: "the engine's sockets as files"},
		{Name: "cloud-metadata", Group: groupNetwork, Tries: "the metadata services of clouds"},
		{Name: "other-experiment", Group: groupNetwork, Tries: "an app of another experiment, by address and by name"},
		{Name: "tcp-out", Group: groupNetwork, Tries: "the outside by TCP"},
		{Name: "udp-out", Group: groupNetwork, Tries: "the outside by UDP"},
		{Name: "icmp-out", Group: groupNetwork, Tries: "the outside by ICMP, with data in an echo request"},
		{Name: "ipv6-out", Group: groupNetwork, Tries: "the outside by IPv6"},
		{Name: "dns-direct", Group: groupNetwork, Tries: "name servers outside, asked directly at port 53"},
		{Name: "dns-names", Group: groupNetwork, Tries: "data in names that are looked up"},
		{Name: "packet-sockets", Group: groupNetwork, Tries: "raw and packet sockets", guest: true},
	}
}

// proxyRows are about the one way out that an experiment may have.
func proxyRows() []Row {
	return []Row{
		{Name: "proxy-hosts", Group: groupProxy, Tries: "hosts, addresses and ports that the egress proxy was not told to let through"},
		{Name: "proxy-address-forms", Group: groupProxy, Tries: "addresses in decimal, octal, hexadecimal, short, mapped and translated form"},
		{Name: "proxy-spellings", Group: groupProxy, Tries: "another host spelled so that it looks allowed: suffixes, control bytes, user parts, Unicode"},
		{Name: "proxy-requests", Group: groupProxy, Tries: "a Host field, a second one, line breaks or a second request beside the host that is judged"},
		{Name: "proxy-rebinding", Group: groupProxy, Tries: "an allowed name that resolves to a reserved address"},
		{Name: "proxy-names", Group: groupProxy, Tries: "data in names of refused hosts, which must not be looked up"},
		{Name: "proxy-stranger", Group: groupProxy, Tries: "the list of a client, from a container that is none"},
	}
}

// rightsRows are about the kernel and the processes of the host.
func rightsRows() []Row {
	return []Row{
		{Name: "become-root", Group: groupRights, Tries: "root, by system calls and by a set-user-ID program", guest: true},
		{Name: "capabilities", Group: groupRights, Tries: "capabilities: have one, gain one", guest: true},
		{Name: "mount", Group: groupRights, Tries: "mount, bind, pivot, change the root, unmount a mask", guest: true},
		{Name: "remount", Group: groupRights, Tries: "make the read-only root writable", guest: true},
		{Name: "user-namespaces", Group: groupRights, Tries: "new user, mount and network namespaces", guest: true},
		{Name: "kernel-modules", Group: groupRights, Tries: "load and unload modules of the kernel", guest: true},
		{Name: "kernel-interfaces", Group: groupRights, Tries: "BPF, perf, userfaultfd, file handles, kexec", guest: true},
		{Name: "io-uring", Group: groupRights, Tries: "io_uring, which passes by filters of system calls", guest: true, surface: true,
			Fix: "update Docker Engine to 25 or newer, set the kernel's io_uring_disabled to 2, or isolate by gVisor: " + isolation.Fix},
		{Name: "keyrings", Group: groupRights, Tries: "the kernel's keyrings", guest: true},
		{Name: "kernel-settings", Group: groupRights, Tries: "write settings of the kernel (core_pattern, modprobe, sysrq and others)", guest: true},
		{Name: "kernel-log", Group: groupRights, Tries: "read the kernel's log", guest: true},
		{Name: "control-groups", Group: groupRights, Tries: "release_agent and the limits of its own control group", guest: true},
		{Name: "host-control", Group: groupRights, Tries: "reboot, swap, accounting, clock and host name", guest: true},
		{Name: "devices", Group: groupRights, Tries: "make a device and open those of the host", guest: true},
		{Name: "other-processes", Group: groupRights, Tries: "see, signal, trace and read processes of the host; its shared memory", guest: true},
		{Name: "runtime-binary", Group: groupRights, Tries: "overwrite the program that started it", guest: true},
		{Name: "runtime-version", Group: groupRights, Tries: "holes that are known in the runc that starts it", surface: true,
			Fix: "update runc to 1.2.8, 1.3.3 or newer; a distribution may have mended an older one: its changelog says so"},
	}
}

// fileRows are about files, and what is brought out.
func fileRows() []Row {
	return []Row{
		{Name: "leaked-descriptors", Group: groupFiles, Tries: "open folders of the host that the runtime left to it"},
		{Name: "working-folder", Group: groupFiles, Tries: "a working folder below /proc/self/fd that lies on the host"},
		{Name: "masked-paths", Group: groupFiles, Tries: "files of /proc and /sys that tell about the host", guest: true},
		{Name: "write-outside", Group: groupFiles, Tries: "files anywhere but in /tmp and /dev/shm"},
		{Name: "host-environment", Group: groupFiles, Tries: "variables of the host"},
		{Name: "other-secrets", Group: groupFiles, Tries: "a secret of another app, in processes and files"},
		{Name: "image-tools", Group: groupFiles, Tries: "programs of the image in the place of those that unpack what is brought in, which an engine may run as root"},
		{Name: "outputs", Group: groupFiles, Tries: "links, pipes and set-user-ID programs in what is brought out"},
		{Name: "hostile-archive", Group: groupFiles, Tries: "names in an archive that lead out of the folder, and links to write through"},
		{Name: "link-race", Group: groupFiles, Tries: "a folder swapped for a link while files are brought out"},
	}
}

// resourceRows are about using something up.
func resourceRows() []Row {
	return []Row{
		{Name: "fork-bomb", Group: groupResources, Tries: "processes without end; the host has to answer meanwhile"},
		{Name: "memory", Group: groupResources, Tries: "memory without end"},
		{Name: "fill-disk", Group: groupResources, Tries: "more of /tmp and /dev/shm than is allowed"},
		{Name: "log-flood", Group: groupResources, Tries: "a log without end"},
		{Name: "time-limit", Group: groupResources, Tries: "outlive the time limit by ignoring signals"},
	}
}

// Result is what came of a row.
type Result struct {
	Row
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
	// Counterpart says whether an unsandboxed container that did the same was
	// noticed: seen, not seen, or empty where the row has none.
	Counterpart string `json:"counterpart,omitempty"`
}

// The values of Result.Counterpart.
const (
	Seen    = "seen"
	NotSeen = "not seen"
)

// Report is a whole run.
type Report struct {
	Isolation string   `json:"isolation"` // container, gvisor or vm
	Runtime   string   `json:"runtime"`   // the engine's name of it
	Canary    string   `json:"canary"`    // where the outside was, in words
	Seconds   float64  `json:"seconds"`
	Results   []Result `json:"rows"`
}

// Count is how many rows have an outcome.
func (r Report) Count(outcome string) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == outcome {
			n++
		}
	}
	return n
}
