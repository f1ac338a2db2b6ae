package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	readyWithin = 60 * time.Second // from the start of dockerd to its first answer
	stopWithin  = 40 * time.Second // dockerd gives its containers 15 s, then its containerd 15 s
	// longestDir leaves room for exec/containerd/containerd.sock.ttrpc below it in
	// the 104 bytes that containerd takes for a socket's path.
	longestDir = 104 - len("/exec/containerd/containerd.sock.ttrpc")
)

// daemon is a running dockerd and the folder that holds everything it made.
type daemon struct {
	dir    string
	socket string
	caller *syscall.Credential // who called sudo; nil: run commands as root
	cmd    *exec.Cmd
	exited chan struct{} // closed when dockerd has ended; err is set then
	err    error
}

// start isolates the calling thread and starts dockerd from it. What it made is
// gone again if it fails.
func start(ctx context.Context, bin, tmp, log, runsc string) (*daemon, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(bin, "dockerd")); err != nil {
		return nil, fmt.Errorf("no engine in %q: run `make engine-current` first: %w", bin, err)
	}
	dir, err := os.MkdirTemp(tmp, "envctl-engine-")
	if err != nil {
		return nil, err
	}
	if len(dir) > longestDir {
		return nil, errors.Join(fmt.Errorf("%q is too long for sockets below it: choose a -tmp of at most %d bytes", dir, len(tmp)+longestDir-len(dir)), os.Remove(dir))
	}
	d := &daemon{dir: dir, socket: filepath.Join(dir, "docker.sock"), caller: sudoCaller(), exited: make(chan struct{})}
	if log == "" {
		log = filepath.Join(dir, "dockerd.log")
	}
	if err := d.launch(bin, log, runsc); err != nil {
		return nil, errors.Join(err, d.remove())
	}
	if err := await(ctx, d.socket, readyWithin, d.exited); err != nil {
		tail := lastLines(log, 15)
		return nil, errors.Join(fmt.Errorf("%w; its log ends:\n%s", err, tail), d.stop())
	}
	return d, nil
}

// launch isolates the thread and starts dockerd with every path of its own below
// d.dir. An empty configuration file keeps it from reading the machine's.
func (d *daemon) launch(bin, log, runsc string) error {
	// The folder is searched by the caller of sudo on the way to the socket.
	if err := os.Chmod(d.dir, 0o711); err != nil {
		return err
	}
	config := filepath.Join(d.dir, "daemon.json")
	content, err := configuration(runsc)
	if err != nil {
		return err
	}
	if err := os.WriteFile(config, content, 0o600); err != nil {
		return err
	}
	out, err := os.Create(log)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := isolate(d.dir); err != nil {
		return err
	}
	gid := 0
	if d.caller != nil {
		gid = int(d.caller.Gid)
	}
	d.cmd = exec.Command(filepath.Join(bin, "dockerd"),
		"--config-file", config,
		"--host", "unix://"+d.socket,
		"--group", strconv.Itoa(gid),
		"--data-root", filepath.Join(d.dir, "data"),
		"--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "docker.pid"),
	)
	// First on PATH, so containerd, its shim, runc and docker-proxy are the ones
	// built beside dockerd; docker-init and iptables are the machine's.
	d.cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH")+":/usr/sbin:/sbin")
	d.cmd.Stdout, d.cmd.Stderr = out, out
	// A group of its own: Ctrl-C is for the command first, stop ends dockerd.
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := d.cmd.Start(); err != nil {
		return err
	}
	go func() {
		d.err = d.cmd.Wait()
		close(d.exited)
	}()
	return nil
}

// configuration is dockerd's: none, or gVisor as a runtime beside its own. systrap is
// the one of gVisor's platforms that needs no virtualisation.
func configuration(runsc string) ([]byte, error) {
	if runsc == "" {
		return []byte("{}\n"), nil
	}
	path, err := filepath.Abs(runsc)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("no runtime in %q: run `make runsc` first: %w", runsc, err)
	}
	return json.Marshal(map[string]any{"runtimes": map[string]any{
		"runsc": map[string]any{"path": path, "runtimeArgs": []string{"--platform=systrap"}},
	}})
}

// stop ends dockerd, which stops its containers and its containerd, and removes
// all it made. An engine that ended before is an error that says so.
func (d *daemon) stop() error {
	select {
	case <-d.exited:
		return errors.Join(fmt.Errorf("the engine ended by itself: %v", d.err), d.remove())
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return errors.Join(err, d.remove())
	}
	select {
	case <-d.exited:
		return d.remove()
	case <-time.After(stopWithin):
		err := syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
		<-d.exited
		return errors.Join(fmt.Errorf("the engine did not stop within %s and was killed", stopWithin), err, d.remove())
	}
}

func (d *daemon) remove() error {
	return errors.Join(unmountBelow(d.dir), os.RemoveAll(d.dir))
}

// sudoCaller returns the user who called sudo, nil where nobody did.
func sudoCaller() *syscall.Credential {
	uid, uerr := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32)
	gid, gerr := strconv.ParseUint(os.Getenv("SUDO_GID"), 10, 32)
	if uerr != nil || gerr != nil || uid == 0 {
		return nil
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// hostSocket returns the path of the engine's Unix socket that DOCKER_HOST names.
func hostSocket(dockerHost string) string {
	if path, ok := strings.CutPrefix(dockerHost, "unix://"); ok {
		return path
	}
	return "/var/run/docker.sock"
}

// await asks the engine at socket for /_ping until it answers 200, for at most
// limit. It gives up as soon as exited is closed; nil is never closed.
func await(ctx context.Context, socket string, limit time.Duration, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	for {
		err := ping(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return errors.New("the engine ended while it started")
		case <-ctx.Done():
			return fmt.Errorf("no engine answers at %s after %s: %w", socket, limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func ping(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/_ping", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("/_ping answered %s", res.Status)
	}
	return nil
}

// lastLines returns the last n lines of a file, or why it cannot be read.
func lastLines(path string, n int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
