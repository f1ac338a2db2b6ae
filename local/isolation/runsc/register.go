package runsc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Daemon is an engine's process on this machine.
type Daemon struct {
	PID    int
	Config string // its configuration file, which need not be there
}

// takenWithin is how long an engine may take to look at its configuration.
const takenWithin = 10 * time.Second

// pidFile is where an engine writes its process ID unless it is told of another.
const pidFile = "/var/run/docker.pid"

// FindDaemon finds the process behind an engine's address, unix://PATH.
func FindDaemon(ctx context.Context, host string) (Daemon, error) {
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return Daemon{}, fmt.Errorf("the engine at %q is not behind a socket of this machine", host)
	}
	pid, err := listener(ctx, socket)
	if err != nil || !isDaemon(pid) { // systemd listens on the engine's behalf
		text, _ := os.ReadFile(pidFile)
		pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	if !isDaemon(pid) {
		return Daemon{}, fmt.Errorf("the process of the engine at %q is not to be seen from here", host)
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return Daemon{}, err
	}
	return Daemon{PID: pid, Config: configOf(strings.Split(string(line), "\x00"))}, nil
}

func isDaemon(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.TrimSpace(string(name)) == "dockerd"
}

// configOf reads --config-file from the words of an engine's command line.
func configOf(words []string) string {
	for i, w := range words {
		if value, ok := strings.CutPrefix(strings.TrimLeft(w, "-"), "config-file="); ok && strings.HasPrefix(w, "-") {
			return value
		}
		if strings.TrimLeft(w, "-") == "config-file" && strings.HasPrefix(w, "-") && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ConfigFile
}

// Register adds the program to the engine's runtimes and waits until the engine has
// taken it over; runtimes asks it for their names. It may be called again.
func Register(ctx context.Context, d Daemon, program string, runtimes func(context.Context) ([]string, error)) error {
	if !filepath.IsAbs(program) {
		return fmt.Errorf("register %q: the engine needs an absolute path", program)
	}
	changed, err := edit(d.Config, program)
	if err != nil {
		return fmt.Errorf("register runsc in %s: %w", d.Config, err)
	}
	if names, err := runtimes(ctx); err == nil && !changed && slices.Contains(names, Name) {
		return nil
	}
	if err := syscall.Kill(d.PID, syscall.SIGHUP); err != nil {
		return fmt.Errorf("tell the engine (process %d) to look at %s: %w", d.PID, d.Config, err)
	}
	for deadline := time.Now().Add(takenWithin); ; {
		names, err := runtimes(ctx)
		if err == nil && slices.Contains(names, Name) {
			return nil
		}
		if err != nil || time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the engine has not taken runsc over from %s within %s; its log says why", d.Config, takenWithin), err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
