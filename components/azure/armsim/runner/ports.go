package runner

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"strings"

	"github.com/envctl/envctl/local/docker"
)

// The ports of this machine that apps get: below those that systems give to
// outgoing connections, so that they are free most of the time.
const (
	firstPort = 20000
	portCount = 10000
)

// ports says at which port of this machine each app is found, by its id. An app
// keeps the port that any of the environment's gateways has for it; a new one
// begins to look at a place that depends on nothing but its id, so that it most
// often gets the same port again after it was removed. taken are not to be used.
func (r *Runner) ports(gateways []docker.Container, inside map[string]int, taken map[int]bool) (map[string]int, error) {
	out, used := map[string]int{}, map[int]bool{}
	for _, g := range gateways {
		for id, port := range portsOf(g) {
			if _, ok := inside[id]; ok && !taken[port] && out[id] == 0 {
				out[id], used[port] = port, true
			}
		}
	}
	for id := range inside {
		if out[id] != 0 {
			continue
		}
		port, ok := r.freePort(id, func(p int) bool { return used[p] || taken[p] })
		if !ok {
			return nil, fmt.Errorf("no port of 127.0.0.1 from %d to %d is free for %s", firstPort, firstPort+portCount-1, id)
		}
		out[id], used[port] = port, true
	}
	return out, nil
}

func (r *Runner) freePort(id string, used func(int) bool) (int, bool) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(r.scope + " " + id))
	begin := int(binary.BigEndian.Uint64(h.Sum(nil)) % portCount)
	local := strings.HasPrefix(r.engine.Host(), "unix://")
	for i := range portCount {
		port := firstPort + (begin+i)%portCount
		if used(port) || local && !canListen(port) {
			continue
		}
		return port, true
	}
	return 0, false
}

// canListen says whether nobody listens at a port now.
func canListen(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// portsOf reads a gateway's label.
func portsOf(gateway docker.Container) map[string]int {
	out := map[string]int{}
	if json.Unmarshal([]byte(gateway.Labels[labelPorts]), &out) != nil {
		return nil
	}
	return out
}

// address is where an app with external ingress answers; empty: nowhere.
func address(gateways []docker.Container, id string) string {
	for _, g := range gateways {
		if port := portsOf(g)[id]; port != 0 {
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		}
	}
	return ""
}
