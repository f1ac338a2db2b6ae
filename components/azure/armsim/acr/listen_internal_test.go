package acr

import (
	"net"
	"testing"
)

// A plane's port is none that a connection may have meanwhile, nobody else has it, and
// another process can have it at the same time.
func TestListen(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 50 {
		l, err := listen(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		port := l.Addr().(*net.TCPAddr).Port
		if port < firstPort || port >= firstPort+portCount || seen[port] {
			t.Fatalf("port %d, seen %v", port, seen[port])
		}
		seen[port] = true
		again, err := listen(t.Context(), port)
		if err != nil {
			t.Fatal(err)
		}
		_ = again.Close()
	}
	alone, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	port := alone.Addr().(*net.TCPAddr).Port
	if !taken(t.Context(), port) {
		t.Error("a port that is listened at is not taken")
	}
	if _, err := listen(t.Context(), port); err == nil {
		t.Error("a port that somebody has alone can be had")
	}
}
