//go:build linux

package attempt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// secrets looks for a text of somebody else's in whatever can be read of processes,
// mounts and files.
func secrets(task Task) Result {
	const name, most = "other-secrets", 1 << 20
	var seen []string
	looked := 0
	for _, pattern := range []string{"/proc/[0-9]*/environ", "/proc/[0-9]*/cmdline", "/proc/[0-9]*/mountinfo", "/run/*", "/run/secrets/*",
		"/etc/*", "/tmp/*", "/dev/shm/*", "/var/lib/*/*", "/proc/keys", "/proc/sysvipc/*", "/proc/net/unix"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.IsDir() {
				continue
			}
			content := head(file, most)
			looked++
			// The task itself, which the text is part of, is in the own environment.
			content = bytes.ReplaceAll(content, []byte(os.Getenv(EnvTask)), nil)
			if task.Secret != "" && bytes.Contains(content, []byte(task.Secret)) {
				seen = append(seen, file)
			}
		}
	}
	if len(seen) > 0 {
		return Result{name, Escaped, "found in " + strings.Join(seen, ", ")}
	}
	return Result{name, Blocked, fmt.Sprintf("not in %d files", looked)}
}

func head(file string, most int) []byte {
	f, err := os.OpenFile(file, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	buffer := make([]byte, most)
	n, _ := f.Read(buffer)
	return buffer[:n]
}

// environment looks for variables that nobody gave it.
func environment(task Task) Result {
	const name = "host-environment"
	var extra []string
	for _, v := range os.Environ() {
		if key, _, _ := strings.Cut(v, "="); key != EnvTask && !slices.Contains(task.Variables, key) {
			extra = append(extra, key)
		}
	}
	if len(extra) > 0 {
		return Result{name, Escaped, "has " + strings.Join(extra, ", ")}
	}
	return Result{name, Blocked, "none but its own"}
}

// processes looks for the host's processes and shared memory.
func processes(task Task) Result {
	seen, _ := filepath.Glob("/proc/[0-9]*")
	r := row{"other-processes", []try{
		{"see the host's", func() error {
			if len(seen) > 16 {
				return nil
			}
			return fmt.Errorf("%d processes are seen", len(seen))
		}},
		{"signal the host's", func() error { return unix.Kill(task.PID, 0) }},
		{"trace the host's", func() error { return unix.PtraceSeize(task.PID) }},
		{"pidfd of the host's", func() error { return opened(unix.PidfdOpen(task.PID, 0)) }},
		{"read the host's memory", func() error {
			_, err := unix.ProcessVMReadv(task.PID, []unix.Iovec{iovec(make([]byte, 8))}, []unix.RemoteIovec{{Base: 4096, Len: 8}}, 0)
			return err
		}},
		{"the host's shared memory", func() error {
			if task.SharedMemory == 0 {
				return unix.ENOENT
			}
			_, err := unix.SysvShmGet(task.SharedMemory, 0, 0)
			return err
		}},
	}}
	return r.run()
}

func iovec(b []byte) unix.Iovec {
	v := unix.Iovec{Base: &b[0]}
	v.SetLen(len(b))
	return v
}

// descriptors looks for open folders that were left to it, which lead out of the
// root (CVE-2024-21626).
func descriptors(Task) Result {
	const name = "leaked-descriptors"
	var seen []string
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		file := "/proc/self/fd/" + e.Name()
		link, err := os.Readlink(file)
		if err != nil || !strings.HasPrefix(link, "/") || strings.HasPrefix(link, "/proc/") || strings.HasPrefix(link, "/dev/") {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.IsDir() {
			seen = append(seen, e.Name()+" is "+link)
		}
	}
	if len(seen) > 0 {
		return Result{name, Escaped, strings.Join(seen, ", ")}
	}
	return Result{name, Blocked, fmt.Sprintf("none of %d is a folder", len(entries))}
}
