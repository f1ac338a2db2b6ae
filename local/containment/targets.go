package containment

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
)

// targets are what the rows about the network aim at from inside a sandbox.
func (w *world) targets() map[string][]attempt.Target {
	host := w.host.tcp[0]
	addresses, links := hostAddresses()
	out := map[string][]attempt.Target{
		"host-bridge":      {tcp(w.bridge, host)},
		"host-loopback":    {tcp(netip.MustParseAddr("127.0.0.1"), host), tcp(netip.IPv6Loopback(), host)},
		"host-sockets":     {{Network: "unix", Address: w.socket}},
		"other-experiment": {tcp(w.victim, victimPort), {Network: "name", Address: "envctl-containment-" + w.run + "-victim"}},
		"cloud-metadata":   {tcp(netip.MustParseAddr("169.254.169.254"), 80), tcp(netip.MustParseAddr("169.254.170.2"), 80), tcp(netip.MustParseAddr("fd00:ec2::254"), 80)},
		"dns-names":        {{Network: "name", Address: w.leak + ".envctl.invalid"}, {Network: "name", Address: w.leak + ".example.com"}},
	}
	for _, a := range addresses {
		out["host-addresses"] = append(out["host-addresses"], tcp(a, host))
	}
	for _, a := range append(links, netip.MustParseAddr("ff02::1"), netip.MustParseAddr("fe80::1")) {
		out["host-ipv6"] = append(out["host-ipv6"], tcp(a.WithZone("eth0"), host))
	}
	if w.api != 0 {
		for _, a := range append(addresses, w.bridge, netip.MustParseAddr("127.0.0.1")) {
			out["engine-api"] = append(out["engine-api"], tcp(a, w.api))
		}
		out["engine-api"] = append(out["engine-api"], attempt.Target{Network: "name", Address: "host.docker.internal"})
	}
	for row, list := range w.outward() {
		out[row] = list
	}
	return out
}

// outward are the rows whose aim is the canary. A counterpart has the same.
func (w *world) outward() map[string][]attempt.Target {
	c, text := w.outside, w.leak
	out := map[string][]attempt.Target{}
	for _, port := range c.tcp {
		t := tcp(c.address, port)
		t.Text = text
		out["tcp-out"] = append(out["tcp-out"], t)
	}
	for _, port := range c.udp {
		out["udp-out"] = append(out["udp-out"], attempt.Target{Network: "udp", Address: at(c.address, port), Text: text})
	}
	out["dns-direct"] = []attempt.Target{{Network: "query", Address: at(c.address, 53), Text: text + ".envctl.invalid"}}
	if c.packets {
		out["icmp-out"] = []attempt.Target{{Network: "icmp", Address: c.address.String(), Text: text}}
		out["dns-direct"] = append(out["dns-direct"], tcp(c.address, 53))
	}
	if c.address6.IsValid() {
		out["ipv6-out"] = []attempt.Target{tcp(c.address6, 443), {Network: "udp", Address: at(c.address6, 443), Text: text}}
	}
	return out
}

func tcp(a netip.Addr, port int) attempt.Target {
	return attempt.Target{Network: "tcp", Address: at(a, port)}
}

func at(a netip.Addr, port int) string { return net.JoinHostPort(a.String(), strconv.Itoa(port)) }

// hostAddresses are those that a container could find the host at, and its
// link-local ones.
func hostAddresses() (addresses, links []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, nil
	}
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		switch ip := prefix.Addr(); {
		case err != nil || ip.IsLoopback():
		case ip.IsLinkLocalUnicast() && ip.Is6():
			links = append(links, ip)
		default:
			addresses = append(addresses, ip)
		}
	}
	return addresses, links
}

// counterparts lets unsandboxed containers do the same and says for which rows they
// were noticed.
func (w *world) counterparts(ctx context.Context) (map[string]string, error) {
	gateway, host := w.defaultGateway(ctx), w.host.tcp[0]
	open := w.outward()
	delete(open, "ipv6-out") // the engine's bridge has no IPv6 unless it is configured
	open["host-bridge"] = []attempt.Target{tcp(gateway, host)}
	open["host-addresses"] = open["host-bridge"]
	if w.api != 0 {
		open["engine-api"] = []attempt.Target{tcp(gateway, w.api)}
	}
	spec := w.bare("bridge", attempt.ModeAttempt)
	if w.outside.packets {
		spec.HostConfig.DNS = []netip.Addr{w.outside.address}
		spec.HostConfig.DNSOptions = []string{"timeout:1", "attempts:1"}
		open["dns-names"] = w.targets()["dns-names"]
	}
	seen := map[string]string{}
	if err := w.counterpart(ctx, spec, open, seen); err != nil {
		return nil, err
	}
	spec = w.bare(w.other, attempt.ModeAttempt)
	next := map[string][]attempt.Target{"other-experiment": w.targets()["other-experiment"][:1]}
	if err := w.counterpart(ctx, spec, next, seen); err != nil {
		return nil, err
	}
	spec = w.bare("host", attempt.ModeAttempt)
	all := w.targets()
	return seen, w.counterpart(ctx, spec, map[string][]attempt.Target{
		"host-sockets": all["host-sockets"], "host-loopback": all["host-loopback"][:1]}, seen)
}

func (w *world) counterpart(ctx context.Context, spec docker.RunSpec, targets map[string][]attempt.Target, seen map[string]string) error {
	w.outside.forget()
	w.host.forget()
	results, err := w.attempt(ctx, spec, attempt.Task{Targets: targets, NetworkOnly: true})
	if err != nil {
		return fmt.Errorf("counterpart of the network's rows: %w", err)
	}
	settle()
	for row, list := range targets {
		seen[row] = NotSeen
		if results[row].Outcome == Escaped || len(w.arrivals(list)) > 0 {
			seen[row] = Seen
		}
	}
	return nil
}

// arrivals are the targets that something has arrived of.
func (w *world) arrivals(targets []attempt.Target) []string {
	var out []string
	for _, t := range targets {
		at := w.outside
		if !strings.HasPrefix(t.Address, at.address.String()) && t.Network == "tcp" {
			at = w.host
		}
		if at.saw(t) || t.Network == "name" && w.overhead != nil && w.overhead.saw(t) {
			out = append(out, t.Network+" "+t.Address)
		}
	}
	return out
}
