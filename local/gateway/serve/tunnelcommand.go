package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// Tunnel is `gateway tunnel`: it copies between its own streams and the gateway that
// runs here, until one of them ends. The host side of models is at the other end of
// the streams.
func Tunnel(ctx context.Context, socket string, in io.Reader, out io.Writer) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("no gateway with models is running here: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	go func() {
		_, _ = io.Copy(conn, in)
		// The host is gone; the gateway ends its side when it sees that.
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	if _, err := io.Copy(out, conn); err != nil && ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("tunnel: %w", err)
	}
	return nil
}
