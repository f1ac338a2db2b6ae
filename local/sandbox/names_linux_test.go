package sandbox_test

import (
	"bytes"
	"crypto/rand"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/envctl/envctl/local/sandbox"
)

// sniffer counts packets in the host's network namespace, on every interface,
// that hold a text, in DNS's writing of a name too.
type sniffer struct{ seen atomic.Int64 }

func newSniffer(t *testing.T, label string) *sniffer {
	t.Helper()
	const everything = 0x0300 // ETH_P_ALL in network byte order
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, everything)
	if err != nil {
		t.Skipf("packets cannot be watched: %v", err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	timeout := syscall.Timeval{Usec: 100_000}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout); err != nil {
		t.Fatal(err)
	}
	s, done := &sniffer{}, make(chan struct{})
	stop := atomic.Bool{}
	t.Cleanup(func() { stop.Store(true); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1<<16)
		for !stop.Load() {
			if n, _, err := syscall.Recvfrom(fd, buffer, 0); err == nil && bytes.Contains(bytes.ToLower(buffer[:n]), []byte(label)) {
				s.seen.Add(1)
			}
		}
	}()
	return s
}

// testNames looks a name up that no one has. It must fail, and nothing that
// carries it may appear on any interface of the host; a packet that the test
// itself sends shows that the watching works.
func (r rig) testNames(t *testing.T) {
	network, _ := r.internal(t)
	label := "leak" + strings.ToLower(rand.Text()[:12])
	s := newSniffer(t, label)
	got := r.probe(t, sandbox.New(sandbox.App, workload(), network), nil, label+".envctl.invalid")
	for host, result := range got.Lookups {
		if !strings.Contains(result, "lookup "+host) {
			t.Errorf("looking up %s gave %q", host, result)
		}
		t.Logf("a foreign name fails after %.1f s: %s", got.Seconds[host], result)
		if got.Seconds[host] > 25 {
			t.Errorf("a foreign name took %.1f s to fail", got.Seconds[host])
		}
	}
	if n := s.seen.Load(); n > 0 {
		t.Errorf("%d packets with the name left the sandbox", n)
	}
	c, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(label)); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); s.seen.Load() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 5*time.Second {
			t.Fatal("the test cannot see packets")
		}
	}
}
