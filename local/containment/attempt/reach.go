//go:build linux

package attempt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long an answer is waited for.
const patience = 2 * time.Second

// reach tries all targets of a row at once, since most of them only time out. What
// is sent without an answer (udp, icmp, query) is judged by who listens for it.
func reach(name string, targets []Target) Result {
	failed := make([]string, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			failed[i] = t.name() + "\x00" + text(t.try())
		})
	}
	wg.Wait()
	var worked, rest []string
	for i, t := range targets {
		if name, reason, _ := strings.Cut(failed[i], "\x00"); reason == "" {
			worked = append(worked, t.name())
		} else {
			rest = append(rest, name+"\x00"+short(reason))
		}
	}
	if len(worked) > 0 {
		return Result{name, Escaped, "reached " + strings.Join(worked, ", ")}
	}
	return Result{name, Blocked, summary(rest)}
}

// name is what a target is called in details; a request by its first line.
func (t Target) name() string {
	if t.Network != "proxy" {
		return t.Network + " " + t.Address
	}
	line, _, _ := strings.Cut(t.Text, " HTTP/1.1")
	line = fmt.Sprintf("%q", line)
	return line[1 : len(line)-1]
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// short is what follows the last colon of a reason: the kernel's words.
func short(reason string) string {
	if at := strings.LastIndex(reason, ": "); at >= 0 {
		return reason[at+2:]
	}
	return reason
}

// errSent is that something was sent and no answer is expected.
var errSent = errors.New("sent, no answer")

func (t Target) try() error {
	switch t.Network {
	case "tcp":
		c, err := net.DialTimeout("tcp", t.Address, patience)
		if err != nil {
			return err
		}
		_, _ = c.Write([]byte(t.Text))
		return c.Close()
	case "unix":
		c, err := net.DialTimeout("unix", t.Address, patience)
		if err != nil {
			return err
		}
		return c.Close()
	case "udp":
		return t.send([]byte(t.Text))
	case "query":
		return t.send(query(t.Text))
	case "proxy":
		return t.request()
	case "icmp":
		return t.ping()
	case "name":
		ctx, cancel := context.WithTimeout(context.Background(), 15*patience)
		defer cancel()
		_, err := net.DefaultResolver.LookupHost(ctx, t.Address)
		return err
	}
	return fmt.Errorf("network %q is not known", t.Network)
}

// send sends a few datagrams, and takes an answer for having reached somebody.
func (t Target) send(content []byte) error {
	c, err := net.Dial("udp", t.Address)
	if err != nil {
		return err
	}
	defer c.Close()
	for range 3 {
		if _, err := c.Write(content); err != nil {
			return err
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(patience / 2)); err != nil {
		return err
	}
	if _, err := c.Read(make([]byte, 64)); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return errSent
		}
		return err
	}
	return nil
}

// query is a question of DNS for the address of a name.
func query(name string) []byte {
	out := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		out = append(append(out, byte(len(label))), label...)
	}
	return append(out, 0, 0, 1, 0, 1)
}

// ping sends an echo request with a text in it, by a raw socket or, where that
// takes a right, by the kind that needs none.
func (t Target) ping() error {
	ip := net.ParseIP(t.Address).To4()
	if ip == nil {
		return fmt.Errorf("%q is not an IPv4 address", t.Address)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if err != nil {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP); err != nil {
			return fmt.Errorf("socket: %w", err)
		}
	}
	defer unix.Close(fd)
	packet := append([]byte{8, 0, 0, 0, 0, 1, 0, 1}, t.Text...)
	sum := checksum(packet)
	packet[2], packet[3] = byte(sum>>8), byte(sum)
	to := &unix.SockaddrInet4{Addr: [4]byte(ip)}
	for range 3 {
		if err := unix.Sendto(fd, packet, 0, to); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return errSent
}

// checksum is the Internet's (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for i, c := range b {
		if i%2 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	for sum>>16 > 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
