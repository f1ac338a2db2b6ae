package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/envctl/envctl/local/docker/dockertest"
)

// outside is a host that is not on the sandbox's machine as far as packets can tell:
// it has a network namespace of its own, behind this machine as its router. It is
// the name server of the zone test, in which every name is its own, and serves HTTP
// at port 8080 and HTTPS at 8443.
type outside struct {
	address string
	mu      sync.Mutex
	asked   []string // names
	served  []string // HOST PATH
}

// newOutside makes the host; the test is skipped where that takes more rights.
func newOutside(t *testing.T) *outside {
	t.Helper()
	if os.Getuid() != 0 {
		dockertest.Cannot(t, "a network namespace takes root")
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(unique()))
	n := h.Sum32()
	// A network of two hosts out of 10.213.0.0/16.
	base := fmt.Sprintf("10.213.%d.", n>>8&255)
	last := int(n & 0xfc)
	router, address := base+strconv.Itoa(last+1), base+strconv.Itoa(last+2)
	here, there := fmt.Sprintf("eo%x", n), fmt.Sprintf("ei%x", n)
	o := &outside{address: address}
	enter := o.namespace(t)
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %q: %v: %s (Debian: apt-get install iproute2)", args, err, out)
		}
	}
	ip("link", "add", here, "type", "veth", "peer", "name", there)
	t.Cleanup(func() { _ = exec.Command("ip", "link", "delete", here).Run() })
	ip("address", "add", router+"/30", "dev", here)
	ip("link", "set", here, "up")
	var thread int
	enter(func() error { thread = unix.Gettid(); return nil })
	ip("link", "set", there, "netns", strconv.Itoa(thread))
	enter(func() error {
		ip("link", "set", "lo", "up")
		ip("address", "add", address+"/30", "dev", there)
		ip("link", "set", there, "up")
		ip("route", "add", "default", "via", router)
		return o.serve(t)
	})
	return o
}

// namespace returns what runs functions on a thread in a network namespace of its
// own, whose sockets stay there.
func (*outside) namespace(t *testing.T) (enter func(func() error)) {
	t.Helper()
	calls, results := make(chan func() error), make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		results <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range calls {
			results <- f()
		}
	}()
	if err := <-results; err != nil {
		dockertest.Cannot(t, "a network namespace cannot be made here: %v", err)
	}
	t.Cleanup(func() { close(calls) })
	return func(f func() error) {
		t.Helper()
		calls <- f
		if err := <-results; err != nil {
			t.Fatal(err)
		}
	}
}

// serve opens the host's ports, on the thread that is in its namespace.
func (o *outside) serve(t *testing.T) error {
	names, err := net.ListenPacket("udp4", o.address+":53")
	if err != nil {
		return err
	}
	plain, err := net.Listen("tcp4", o.address+":8080")
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp4", o.address+":8443")
	if err != nil {
		return err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.served = append(o.served, r.Host+" "+r.URL.Path)
		o.mu.Unlock()
		fmt.Fprintf(w, "outside has %s for you", r.URL.Path)
	})
	certified := httptest.NewUnstartedServer(handler) // only for its certificate
	certified.StartTLS()
	certificate := certified.TLS.Certificates[0]
	certified.Close()
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(plain) }()
	go func() {
		_ = server.Serve(tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}()
	go o.answer(names)
	t.Cleanup(func() { _, _ = server.Close(), names.Close() })
	return nil
}

// answer is the name server.
func (o *outside) answer(conn net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return
		}
		var m dnsmessage.Message
		if err != nil || m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		q := m.Questions[0]
		name := strings.TrimSuffix(q.Name.String(), ".")
		o.mu.Lock()
		o.asked = append(o.asked, name)
		o.mu.Unlock()
		m.Response, m.Additionals = true, nil
		switch {
		case !strings.HasSuffix(name, ".test"):
			m.RCode = dnsmessage.RCodeNameError
		case q.Type == dnsmessage.TypeA:
			var a dnsmessage.AResource
			copy(a.A[:], net.ParseIP(o.address).To4())
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: &a,
			}}
		}
		if raw, err := m.Pack(); err == nil {
			_, _ = conn.WriteTo(raw, from)
		}
	}
}

// names are the names that anybody asked for, each once.
func (o *outside) names() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(o.asked)))
}

// requests are what anybody asked for.
func (o *outside) requests() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.served)
}
