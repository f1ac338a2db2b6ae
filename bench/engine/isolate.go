package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// isolate gives the calling thread, and so every process started from it, network
// and mount namespaces of its own. dir is a folder that stays for their lifetime.
func isolate(dir string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making namespaces for the engine (root with CAP_SYS_ADMIN is needed): %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping the engine's mounts from the rest of the machine: %w", err)
	}
	if err := freshSysfs(filepath.Join(dir, "cgroup")); err != nil {
		return err
	}
	// dockerd takes a containerd that listens at the usual place for its own, and
	// a distribution's is too old for it: hide that one.
	if _, err := os.Stat("/run/containerd"); err == nil {
		if err := unix.Mount("tmpfs", "/run/containerd", "tmpfs", 0, "mode=711"); err != nil {
			return fmt.Errorf("hiding the machine's containerd: %w", err)
		}
	}
	return loopbackUp()
}

// freshSysfs mounts a sysfs that shows the new network namespace: dockerd reads
// there when a bridge forwards, and pauses 20 ms a container where it cannot. The
// cgroup file systems below it are carried over.
func freshSysfs(keep string) error {
	const cgroup = "/sys/fs/cgroup"
	if err := os.Mkdir(keep, 0o700); err != nil {
		return err
	}
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
	}{
		{cgroup, keep, "", unix.MS_BIND | unix.MS_REC},
		{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
		{keep, cgroup, "", unix.MS_BIND | unix.MS_REC},
	} {
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mounting %s at %s: %w", m.source, m.target, err)
		}
	}
	return nil
}

// loopbackUp switches lo on: a new network namespace has it off.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("switching lo on in the engine's network namespace: %w", err)
	}
	return nil
}

// unmountBelow unmounts everything below dir in the thread's mount namespace, the
// latest mount first, so that dir can be removed.
func unmountBelow(dir string) error {
	info, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(info)) {
		// ID, parent, device, root, mount point, …; see proc_pid_mountinfo(5).
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			points = append(points, f[4])
		}
	}
	for _, p := range slices.Backward(points) {
		if err := unix.Unmount(p, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmounting %s: %w", p, err)
		}
	}
	return nil
}
