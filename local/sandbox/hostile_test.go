package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/local/sandbox"
)

// probed is what testdata/hostile prints.
type probed struct {
	Status  map[string]string
	Room    map[string]int64
	Calls   map[string]string
	Dials   map[string]string
	Lookups map[string]string
	Seconds map[string]float64
	Resolv  string
	Env     []string
	Inet6   string
}

func ipam6() *network.IPAM {
	return &network.IPAM{Config: []network.IPAMConfig{{Subnet: netip.MustParsePrefix("fd00:e4c7:1::/64")}}}
}

// probe runs the hostile program with targets and returns what it found.
func (r rig) probe(t *testing.T, p sandbox.Profile, change func(*container.Config, *container.HostConfig), targets ...string) probed {
	t.Helper()
	out, end := r.finish(t, r.create(t, p, change, append([]string{"probe"}, targets...)...))
	var got probed
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v, exit status %d:\n%s", err, end.State.ExitCode, out)
	}
	return got
}

// listen opens a port on every address of the host, as a careless service does,
// and returns it with the addresses that containers could find it at.
func listen(t *testing.T) (port int, addresses []netip.Addr) {
	t.Helper()
	l, err := net.Listen("tcp", ":0") //nolint:gosec // what the sandbox must not reach
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, err := netip.ParsePrefix(a.String()); err == nil && !ip.Addr().IsLoopback() && !ip.Addr().IsLinkLocalUnicast() {
			addresses = append(addresses, ip.Addr())
		}
	}
	return l.Addr().(*net.TCPAddr).Port, addresses
}

// testHostile runs the program as an app and holds that it can do nothing but
// what the package says.
func (r rig) testHostile(t *testing.T) {
	inside, bridge := r.internal(t)
	port, addresses := listen(t)
	targets := []string{fmt.Sprintf("%s:%d", bridge, port), "192.0.2.1:80", "[2001:db8::1]:80", "169.254.169.254:80"}
	for _, a := range addresses {
		targets = append(targets, netip.AddrPortFrom(a, uint16(port)).String())
	}
	got := r.probe(t, sandbox.New(sandbox.App, workload(), inside), nil, targets...)

	for field, want := range map[string]string{
		"CapEff": "0000000000000000", "CapPrm": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
		"NoNewPrivs": "1", "Seccomp": "2", "Uid": "65532\t65532\t65532\t65532", "Gid": "65532\t65532\t65532\t65532", "Groups": "65532",
	} {
		if got.Status[field] != want {
			t.Errorf("%s is %q, want %q", field, got.Status[field], want)
		}
	}
	for call, result := range got.Calls {
		if result == "ok" {
			t.Errorf("%s works", call)
		}
	}
	for target, result := range got.Dials {
		if result == "connected" {
			t.Errorf("connected to %s", target)
		}
	}
	if len(got.Calls) < 10 || len(got.Dials) != len(slices.Compact(slices.Sorted(slices.Values(targets)))) {
		t.Errorf("not everything was tried: %v %v", got.Calls, got.Dials)
	}
	rooms(t, got.Room, map[string]int64{"/tmp": 16 << 20, "/dev/shm": 16 << 20})
	for line := range strings.Lines(got.Inet6) { // a link-local address would reach the bridge's
		if !strings.HasSuffix(strings.TrimSpace(line), " lo") {
			t.Errorf("there is an IPv6 address: %s", line)
		}
	}
	if strings.Contains("\n"+got.Resolv, "\nsearch") {
		t.Errorf("the host's search domains are inside:\n%s", got.Resolv)
	}
	for _, v := range got.Env {
		if key, _, _ := strings.Cut(v, "="); key != "PATH" && key != "HOSTNAME" && key != "HOME" {
			t.Errorf("the environment has %q", v)
		}
	}
	r.testControl(t, port)
}

// testControl holds that the probe finds the way to the host where there is one:
// on a network that is merely internal.
func (r rig) testControl(t *testing.T, port int) {
	info, err := r.Info(t.Context(), client.InfoOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(info.Info.SecurityOptions, "name=rootless") {
		return // the bridge is in a network namespace of the engine's, and this host is not on it
	}
	weak, gateway := r.network(t, client.NetworkCreateOptions{Driver: "bridge", Internal: true})
	target := netip.AddrPortFrom(gateway, uint16(port)).String()
	got := r.probe(t, sandbox.New(sandbox.App, workload(), weak), nil, target)
	if got.Dials[target] != "connected" {
		t.Errorf("the probe cannot see an open host: %v", got.Dials)
	}
}

// rooms compares how much could be written where, to within a page or two.
func rooms(t *testing.T, got, want map[string]int64) {
	t.Helper()
	for dir, size := range got {
		if dir == "/dev/mqueue" && size == 0 {
			continue // message queues, which take no writes as files
		}
		if w, ok := want[dir]; !ok {
			t.Errorf("%s can be written to", dir)
		} else if size > w || size < w-1<<17 {
			t.Errorf("%s has room for %d bytes, want %d", dir, size, w)
		}
	}
	if len(got) < len(want) {
		t.Errorf("only %v can be written to, want %v", got, want)
	}
}

func (r rig) testWithoutScratch(t *testing.T) {
	network, _ := r.internal(t)
	w := workload()
	w.Scratch = 0
	got := r.probe(t, sandbox.New(sandbox.Job, w, network), nil)
	rooms(t, got.Room, map[string]int64{"/dev/shm": 1 << 20})

	w.User = 0 // even as root, where no-root is waived
	got = r.probe(t, sandbox.New(sandbox.Job, w, network), nil)
	// Folders of the engine's own that root owns: tmpfs all of them, so memory. The
	// last is what current engines mount the first generation of control groups
	// in; the groups themselves are read-only ("limit" among the calls).
	roots := []string{"/dev", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"}
	for dir := range got.Room {
		if !slices.Contains(roots, dir) {
			t.Errorf("root can write to %s", dir)
		}
	}
	for call, result := range got.Calls {
		if result == "ok" && call != "setuid" && call != "setgid" { // to itself
			t.Errorf("%s works for root", call)
		}
	}
}

func (r rig) testMemory(t *testing.T) {
	network, _ := r.internal(t)
	w := workload()
	w.Memory = 64 << 20
	out, end := r.finish(t, r.create(t, sandbox.New(sandbox.Job, w, network), nil, "memory"))
	if !end.State.OOMKilled && end.State.ExitCode != 137 {
		t.Errorf("not killed: exit status %d", end.State.ExitCode)
	}
	if n := strings.Count(out, "\n"); n < 16 || n > 64 {
		t.Errorf("got %d MiB of 64", n)
	}
}

func (r rig) testPids(t *testing.T) {
	network, _ := r.internal(t)
	out, _ := r.finish(t, r.create(t, sandbox.New(sandbox.Job, workload(), network), nil, "pids"))
	var n int
	var why string
	if _, err := fmt.Sscanf(strings.ReplaceAll(out, " temporarily", "-temporarily"), "%d %s", &n, &why); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	if n > sandbox.PidsLimit || n < sandbox.PidsLimit/2 || !strings.HasPrefix(why, "resource") {
		t.Errorf("stopped at %d processes: %s", n, why)
	}
}
