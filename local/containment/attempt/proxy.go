//go:build linux

package attempt

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"time"
)

// proxyStarts is how long a proxy may take to listen.
const proxyStarts = 5 * time.Second

// errNoProxy is that nobody answers where a proxy should be.
var errNoProxy = errors.New(NoProxy)

// request sends Text to a proxy as it is. Every answer but a success is a refusal.
func (t Target) request() error {
	var c net.Conn
	var err error
	for deadline := time.Now().Add(proxyStarts); ; time.Sleep(50 * time.Millisecond) {
		if c, err = net.DialTimeout("tcp", t.Address, patience); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return errNoProxy
		}
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * patience)); err != nil {
		return err
	}
	if _, err := c.Write([]byte(t.Text)); err != nil {
		return errors.New("hung up")
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return errors.New("hung up")
	}
	_, status, _ := strings.Cut(strings.TrimSpace(line), " ")
	if strings.HasPrefix(status, "2") {
		return nil
	}
	return errors.New("answered " + status)
}
