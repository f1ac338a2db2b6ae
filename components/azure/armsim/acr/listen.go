package acr

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// The ports of data planes are below those that Linux gives to connections
// (net.ipv4.ip_local_port_range, from 32768 on): a plane has to have its port again
// after a time in which nobody listened at it. Those of apps come after them.
const (
	firstPort = 16000
	portCount = 4000
	mostTries = 100
)

// listen binds a port of the loopback interface so that several processes can have
// it at once: the address stays the same whichever of them ends first. Port 0 is
// one that nobody has.
func listen(ctx context.Context, port int) (net.Listener, error) {
	if port != 0 {
		return bind(ctx, port)
	}
	for tries := 1; ; tries++ {
		port := firstPort + rand.IntN(portCount) //nolint:gosec // no secret
		if taken(ctx, port) && tries < mostTries {
			continue
		}
		if l, err := bind(ctx, port); err == nil || tries >= mostTries {
			return l, err
		}
	}
}

// taken says whether anybody listens at a port, by a socket that shares it with nobody.
func taken(ctx context.Context, port int) bool {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return true
	}
	_ = l.Close()
	return false
}

func bind(ctx context.Context, port int) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	l, err := config.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("listen for a simulated data plane: %w", err)
	}
	return l, nil
}
