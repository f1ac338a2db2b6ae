package containment

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/moby/moby/api/types/network"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/sandbox"
)

// proxied makes the attempts through the gateway's egress proxy, which lets one host
// through: as the client that it knows, and as a stranger.
func (s *suite) proxied(ctx context.Context) error {
	s.outside.forget()
	spec := s.sandboxed(sandbox.App, s.world.inside, attempt.ModeAttempt)
	known := spec
	known.Networking = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		s.world.inside: {Aliases: []string{proxyClient}},
	}}
	if err := s.throughProxy(ctx, known, s.proxyTargets(ctx)); err != nil {
		return err
	}
	return s.throughProxy(ctx, spec, map[string][]attempt.Target{
		"proxy-stranger": {s.connect(allowed + ":443"), s.get("http://"+allowed+"/", allowed)},
	})
}

func (s *suite) throughProxy(ctx context.Context, spec docker.RunSpec, targets map[string][]attempt.Target) error {
	results, err := s.attempt(ctx, spec, attempt.Task{Targets: targets, NetworkOnly: true})
	if err != nil {
		return err
	}
	settle()
	arrived := s.outside.through(s.leak, label(refused), label(allowed))
	for _, row := range Rows() {
		r, ok := results[row.Name]
		switch {
		case !ok:
		case strings.HasPrefix(r.Detail, attempt.NoProxy):
			s.tell(row.Name, Unfit, attempt.NoProxy+" at the gateway", "")
		case arrived != "":
			s.tell(row.Name, Escaped, "arrived outside through the proxy: "+arrived, "")
		default:
			s.tell(row.Name, r.Outcome, r.Detail, "")
		}
	}
	return nil
}

// connect and get are requests to the proxy as a client writes them.
func (s *suite) connect(target string) attempt.Target {
	return s.raw("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")
}

func (s *suite) get(address, host string) attempt.Target {
	return s.raw("GET " + address + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n")
}

func (s *suite) raw(text string) attempt.Target {
	return attempt.Target{Network: "proxy", Address: at(s.proxy, proxyPort), Text: text}
}

func (s *suite) proxyTargets(ctx context.Context) map[string][]attempt.Target {
	out := map[string][]attempt.Target{}
	both := func(row string, hosts ...string) {
		for _, h := range hosts {
			out[row] = append(out[row], s.connect(h+":443"), s.connect(h+":80"), s.get("http://"+h+"/", h))
		}
	}
	c, gateway := s.outside.address, s.defaultGateway(ctx)
	both("proxy-hosts", refused, "example.com", c.String(), gateway.String(), s.victim.String(), "localhost", "gateway", "169.254.169.254")
	out["proxy-hosts"] = append(out["proxy-hosts"], s.connect(at(gateway, s.host.tcp[0])), s.connect(at(s.victim, victimPort)), s.connect(allowed+":22"))
	for _, a := range []netip.Addr{c, netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254")} {
		both("proxy-address-forms", forms(a)...)
	}
	both("proxy-spellings", allowed+"."+refused, refused+"\x00."+allowed, refused+"\t"+allowed, refused+"%00."+allowed, refused+"#."+allowed,
		refused+"?."+allowed, allowed+"@"+refused, allowed+":443@"+refused, "\uff41llowed.example.com", "allowed\u3002example.com", "xn--"+allowed, "*."+allowed, "."+allowed)
	out["proxy-requests"] = []attempt.Target{
		s.get("http://"+refused+"/", allowed), s.get("/", refused), s.get("/", c.String()), s.get("https://"+allowed+"/", allowed),
		s.get("http://"+allowed+"@"+c.String()+"/", allowed), s.get("ftp://"+allowed+"/", allowed),
		s.raw("CONNECT " + refused + ":443 HTTP/1.1\r\nHost: " + allowed + ":443\r\n\r\n"),
		s.raw("CONNECT " + refused + ":443 HTTP/1.1\r\nHost: " + allowed + "\r\nHost: " + refused + "\r\n\r\n"),
		s.raw("CONNECT " + c.String() + ":443\r\nX: " + allowed + ":443 HTTP/1.1\r\n\r\n"),
		s.raw("GET http://" + refused + "/ HTTP/1.1\r\nHost: " + refused + "\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://" + c.String() + "/ HTTP/1.1\r\nHost: x\r\n\r\n"),
		s.raw("GET http://" + refused + "/\r\nX: y HTTP/1.1\r\nHost: " + allowed + "\r\n\r\n"),
	}
	both("proxy-rebinding", allowed, strings.ToUpper(allowed), allowed+".")
	both("proxy-names", s.leak+".envctl.invalid", s.leak+".example.com")
	return out
}

// forms are spellings of an IPv4 address that other programs take for it.
func forms(a netip.Addr) []string {
	b := a.As4()
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return []string{
		fmt.Sprint(n), fmt.Sprintf("0x%x", n), fmt.Sprintf("0%o", n),
		fmt.Sprintf("0%o.0%o.0%o.0%o", b[0], b[1], b[2], b[3]), fmt.Sprintf("0x%x.0x%x.0x%x.0x%x", b[0], b[1], b[2], b[3]),
		fmt.Sprintf("%d.%d", b[0], n&0xffffff), a.String() + ".", "[::ffff:" + a.String() + "]",
		fmt.Sprintf("[::ffff:%x:%x]", n>>16, n&0xffff), "[64:ff9b::" + a.String() + "]", "[::" + a.String() + "]", "[::ffff:" + a.String() + "%25eth0]",
	}
}
