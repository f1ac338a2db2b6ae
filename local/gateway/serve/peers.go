package serve

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
)

// hostListener accepts connections of one address only and closes others at
// once. Connections through a published port have the address of the engine's
// host on the outside network; a neighbour on any network has another one.
type hostListener struct {
	net.Listener
	host    netip.Addr
	refused func()
}

// Accept implements net.Listener.
func (l hostListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer, err := netip.ParseAddrPort(conn.RemoteAddr().String())
		if err == nil && peer.Addr().Unmap() == l.host {
			return conn, nil
		}
		l.refused()
		_ = conn.Close()
	}
}

// defaultGateway returns the next hop of this container's IPv4 default route.
func defaultGateway() (netip.Addr, error) {
	file, err := os.Open("/proc/net/route")
	if err != nil {
		return netip.Addr{}, fmt.Errorf("default route: %w", err)
	}
	defer file.Close()
	return parseDefaultGateway(file)
}

// parseDefaultGateway reads the format of /proc/net/route: columns Iface,
// Destination, Gateway, Flags, RefCnt, Use, Metric, Mask …, addresses as eight
// hexadecimal digits in the machine's byte order, which is little endian on the
// architectures that a gateway is built for.
func parseDefaultGateway(in io.Reader) (netip.Addr, error) {
	const upGateway = "0003" // RTF_UP | RTF_GATEWAY
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" || f[3] != upGateway {
			continue
		}
		raw, err := hex.DecodeString(f[2])
		if err != nil || len(raw) != 4 {
			return netip.Addr{}, fmt.Errorf("default route: gateway %q, expected 8 hexadecimal digits", f[2])
		}
		var addr [4]byte
		binary.LittleEndian.PutUint32(addr[:], binary.BigEndian.Uint32(raw))
		return netip.AddrFrom4(addr), nil
	}
	if err := lines.Err(); err != nil {
		return netip.Addr{}, fmt.Errorf("default route: %w", err)
	}
	return netip.Addr{}, errors.New("default route: none, so the host's address is not known: attach the gateway to a network with a way out")
}
