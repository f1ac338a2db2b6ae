package containment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// everything is ETH_P_ALL in network byte order: packets of every protocol.
const everything = 0x0300

// newCanary makes a host of its own in a network namespace, with an address of the
// range for benchmarks (RFC 2544) and one of the range for documentation (RFC 3849),
// which this machine routes to it. It needs root and iproute2.
func newCanary(ctx context.Context, run string) (_ *canary, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("it takes root")
	}
	c := &canary{packets: true, tcp: []int{53, 80, 443, 8443}, udp: []int{123, 443, 33434}}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	space, here, there := names(run)
	subnet, subnet6 := subnets(run)
	gateway, gateway6 := subnet.Addr().Next(), subnet6.Addr().Next()
	c.address, c.address6 = gateway.Next(), gateway6.Next()
	c.words = fmt.Sprintf("a host at %s and %s, in a network namespace of its own", c.address, c.address6)
	c.closers = append(c.closers, func() { forgetCanary(context.WithoutCancel(ctx), run) })
	for _, words := range []string{
		"netns add " + space,
		fmt.Sprintf("link add %s type veth peer name %s netns %s", here, there, space),
		fmt.Sprintf("address add %s/%d dev %s", gateway, subnet.Bits(), here),
		fmt.Sprintf("link set %s up", here),
		fmt.Sprintf("-n %s address add %s/%d dev %s", space, c.address, subnet.Bits(), there),
		fmt.Sprintf("-n %s link set %s up", space, there),
		fmt.Sprintf("-n %s link set lo up", space),
		fmt.Sprintf("-n %s route add default via %s", space, gateway),
	} {
		if err := ip(ctx, strings.Fields(words)...); err != nil {
			return nil, err
		}
	}
	// Where the kernel has no IPv6, there is nothing to leave by either.
	if ip(ctx, "address", "add", fmt.Sprintf("%s/%d", gateway6, subnet6.Bits()), "dev", here, "nodad") != nil ||
		ip(ctx, "-n", space, "address", "add", fmt.Sprintf("%s/%d", c.address6, subnet6.Bits()), "dev", there, "nodad") != nil {
		c.address6 = netip.Addr{}
	}
	return c, c.open(filepath.Join("/var/run/netns", space))
}

// names of a run's namespace and of both ends of the wire to it.
func names(run string) (space, here, there string) {
	return "envctl-canary-" + run, "evc" + run + "0", "evc" + run + "1"
}

// forgetCanary removes what newCanary made, as far as it is there.
func forgetCanary(ctx context.Context, run string) {
	space, here, _ := names(run)
	_ = ip(ctx, "link", "delete", here) // the namespace takes its end of the wire along
	_ = ip(ctx, "netns", "delete", space)
}

// subnets of a run, which is eight hexadecimal digits. 198.18.0.0/16 is the lower
// half of the range; sandboxes have the upper.
func subnets(run string) (v4, v6 netip.Prefix) {
	n, _ := strconv.ParseUint(run, 16, 32)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n) &^ 3}), 30),
		netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), 64)
}

func ip(ctx context.Context, args ...string) error {
	program, err := exec.LookPath("ip")
	if err != nil {
		program = "/usr/sbin/ip" // not on every user's PATH
	}
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// open makes the sockets inside the namespace. A socket stays in the namespace that
// it was made in; the thread that made them goes with its goroutine.
func (c *canary) open(space string) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		failed <- c.openHere(space)
	}()
	return <-failed
}

func (c *canary) openHere(space string) error {
	fd, err := unix.Open(space, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return err
	}
	for _, port := range c.tcp {
		l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:gosec // in a namespace of its own
		if err != nil {
			return err
		}
		c.accept(l)
	}
	return c.watch(func(a arrival, sent bool) {
		if a.protocol != "" && !sent { // not what the namespace itself sends
			c.note(a)
		}
	})
}

// watch gives every packet of the thread's network namespace to a function, until
// the canary is closed; sent says that it is on its way out.
func (c *canary) watch(note func(a arrival, sent bool)) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, everything)
	if err != nil {
		return err
	}
	timeout := unix.Timeval{Usec: 50_000}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	var stop atomic.Bool
	done := make(chan struct{})
	c.closers = append(c.closers, func() { stop.Store(true); <-done })
	go func() {
		defer close(done)
		defer unix.Close(fd)
		buffer := make([]byte, 1<<16)
		for !stop.Load() {
			if n, from, err := unix.Recvfrom(fd, buffer, 0); err == nil {
				link, _ := from.(*unix.SockaddrLinklayer)
				note(dissect(buffer[:n]), link != nil && link.Pkttype == unix.PACKET_OUTGOING)
			}
		}
	}()
	return nil
}

// dissect reads protocol, port and content of an IP packet.
func dissect(packet []byte) arrival {
	const v4, v6 = 20, 40
	var protocol byte
	var rest []byte
	switch {
	case len(packet) >= v4 && packet[0]>>4 == 4 && len(packet) >= int(packet[0]&15)*4:
		protocol, rest = packet[9], packet[int(packet[0]&15)*4:]
	case len(packet) >= v6 && packet[0]>>4 == 6:
		protocol, rest = packet[6], packet[v6:]
	}
	a := arrival{content: bytes.Clone(rest)}
	switch protocol {
	case unix.IPPROTO_ICMP:
		a.protocol = "icmp"
	case unix.IPPROTO_TCP, unix.IPPROTO_UDP:
		if len(rest) < 4 {
			return a
		}
		a.port = int(rest[2])<<8 | int(rest[3])
		a.protocol = map[byte]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[protocol]
	}
	return a
}

// overhear notes what passes on any interface of the host, both ways, and holds a
// text. nil: packets cannot be watched here.
func overhear(text string) *canary {
	c := &canary{words: "every interface of the host", packets: true}
	needle := []byte(strings.ToLower(text))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, everything)
	if err != nil {
		return nil
	}
	unix.Close(fd) // only asked whether it can be had
	if err := c.watch(func(a arrival, _ bool) {
		if bytes.Contains(bytes.ToLower(a.content), needle) {
			c.note(a)
		}
	}); err != nil {
		return nil
	}
	return c
}

// settle gives packets that are under way the time to arrive.
func settle() { time.Sleep(200 * time.Millisecond) }
