package containment

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/envctl/envctl/local/containment/attempt"
)

// canary is the outside: what arrives there has left a sandbox.
type canary struct {
	words    string // what it is, for people
	address  netip.Addr
	address6 netip.Addr // zero: it has none
	// tcp are ports with listeners, udp the ports to send to.
	tcp, udp []int
	// packets says that everything which arrives is seen, not only what a listener
	// accepts; so ICMP too, and connections that were never answered.
	packets bool

	mu      sync.Mutex
	arrived []arrival
	closers []func()
}

// arrival is one packet or connection.
type arrival struct {
	protocol string // tcp, udp or icmp
	port     int
	content  []byte
}

func (c *canary) note(a arrival) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = append(c.arrived, a)
}

// forget begins anew.
func (c *canary) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = nil
}

// saw says whether something of a target has arrived.
func (c *canary) saw(t attempt.Target) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := bytes.ToLower([]byte(t.Text))
	for _, a := range c.arrived {
		switch t.Network {
		case "tcp":
			host, port, err := net.SplitHostPort(t.Address)
			if err == nil && a.protocol == "tcp" && strconv.Itoa(a.port) == port && host != "" {
				return true
			}
		case "udp", "icmp":
			if a.protocol == t.Network && bytes.Contains(bytes.ToLower(a.content), text) {
				return true
			}
		case "query":
			if a.protocol == "udp" && bytes.Contains(bytes.ToLower(a.content), []byte(label(t.Text))) {
				return true
			}
		case "name":
			if bytes.Contains(bytes.ToLower(a.content), []byte(label(t.Address))) {
				return true
			}
		}
	}
	return false
}

// through says what has come through a gateway: a connection, or a look-up with one
// of the texts in it. A gateway looks up names of its own apps too. "" is nothing.
func (c *canary) through(texts ...string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.arrived {
		if a.protocol == "tcp" {
			return fmt.Sprintf("a connection to port %d", a.port)
		}
		for _, text := range texts {
			if a.protocol == "udp" && bytes.Contains(bytes.ToLower(a.content), []byte(text)) {
				return "a look-up of " + text
			}
		}
	}
	return ""
}

// label is the first label of a name, which a query has in clear.
func label(name string) string {
	first, _, _ := strings.Cut(strings.ToLower(name), ".")
	return first
}

func (c *canary) close() {
	for i := len(c.closers) - 1; i >= 0; i-- {
		c.closers[i]()
	}
}

// accept counts the connections of a listener.
func (c *canary) accept(l net.Listener) {
	port := l.Addr().(*net.TCPAddr).Port
	c.closers = append(c.closers, func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.note(arrival{protocol: "tcp", port: port})
			conn.Close()
		}
	}()
}

// receive notes what a socket gets.
func (c *canary) receive(s net.PacketConn) {
	c.closers = append(c.closers, func() { s.Close() })
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, _, err := s.ReadFrom(buffer)
			if err != nil {
				return
			}
			c.note(arrival{protocol: "udp", content: bytes.Clone(buffer[:n])})
		}
	}()
}

// listenHere is the canary of a machine on which no namespace can be made: listeners
// at an address of the host itself. It cannot see ICMP.
func listenHere(address netip.Addr, why error) (*canary, error) {
	c := &canary{address: address}
	c.words = fmt.Sprintf("listeners at %s, an address of this machine (no network namespace: %s)", address, firstLine(why))
	l, err := net.Listen("tcp", ":0") //nolint:gosec // what a sandbox must not reach
	if err != nil {
		return nil, err
	}
	c.accept(l)
	s, err := net.ListenPacket("udp", ":0")
	if err != nil {
		c.close()
		return nil, err
	}
	c.receive(s)
	c.tcp = []int{l.Addr().(*net.TCPAddr).Port}
	c.udp = []int{s.LocalAddr().(*net.UDPAddr).Port}
	return c, nil
}

func firstLine(err error) string {
	if err == nil {
		return "not supported here"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
