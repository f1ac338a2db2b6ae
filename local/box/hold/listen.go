package hold

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/envctl/envctl/local/box/ports"
)

// ListenCommand returns what, run in a box, is the other end of the stream that
// [ports.Accept] wants.
func ListenCommand(open ...int) []string {
	command := []string{Path, Listen}
	for _, port := range open {
		command = append(command, strconv.Itoa(port))
	}
	return command
}

// listen joins the connections to ports of the loopback interface to the host, until
// that hangs up.
func listen(args []string, stdin io.Reader, stdout io.Writer) error {
	if err := seal(); err != nil {
		return err
	}
	listeners := map[int]net.Listener{}
	for _, arg := range args {
		port, err := strconv.ParseUint(arg, 10, 16)
		if err != nil || port == 0 {
			return errors.Join(fmt.Errorf("%q is no port", arg), closeAll(listeners))
		}
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(port)})
		if err != nil {
			return errors.Join(err, closeAll(listeners))
		}
		listeners[int(port)] = l
	}
	return ports.Forward(joined{stdin, stdout}, listeners)
}

func closeAll(listeners map[int]net.Listener) error {
	var errs []error
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// joined are this program's two streams, which end with it.
type joined struct {
	io.Reader
	io.Writer
}

// Close implements io.Closer.
func (joined) Close() error { return nil }
