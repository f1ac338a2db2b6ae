//go:build linux

package attempt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func exists(path string) func() error {
	return func() error { _, err := os.Stat(path); return bare(err) }
}

// bare drops the path from an error, which the row names already.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// writes are tries to open files for writing.
func writes(paths ...string) []try {
	var tries []try
	for _, path := range paths {
		tries = append(tries, try{path, func() error { return writable(path) }})
	}
	return tries
}

func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return bare(err)
	}
	return f.Close()
}

// devices are tries to open the host's devices, and to make one.
func devices() []try {
	tries := []try{{"mknod", func() error {
		defer os.Remove("/tmp/device")
		return unix.Mknod("/tmp/device", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0)))
	}}}
	for _, name := range []string{"mem", "kmem", "port", "kmsg", "kvm", "fuse", "loop-control", "loop0", "sda", "vda", "nvme0n1", "xvda", "dm-0", "net/tun", "vhost-vsock", "vsock", "dri/card0"} {
		tries = append(tries, try{"/dev/" + name, func() error {
			fd, err := unix.Open("/dev/"+name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
			return opened(fd, err)
		}})
	}
	return tries
}

// controlGroups are tries to change the container's own group, or to make one: with
// release_agent, the kernel would run a program of the container's on the host.
func controlGroups() []try {
	tries := []try{{"new group", func() error {
		for _, dir := range groups() {
			name := filepath.Join(dir, "envctl-containment")
			if err := os.Mkdir(name, 0o755); err == nil {
				return os.Remove(name)
			}
		}
		return unix.EROFS
	}}}
	for _, name := range []string{"release_agent", "notify_on_release", "cgroup.procs", "devices.allow", "memory.limit_in_bytes", "memory.max", "pids.max", "cpu.max", "cpu.cfs_quota_us"} {
		tries = append(tries, try{name, func() error {
			var last error = fs.ErrNotExist
			for _, dir := range groups() {
				err := writable(filepath.Join(dir, name))
				if err == nil {
					return nil
				}
				if !errors.Is(err, fs.ErrNotExist) {
					last = err
				}
			}
			return last
		}})
	}
	return tries
}

// groups are the folders of control groups, of either generation.
func groups() []string {
	dirs := []string{"/sys/fs/cgroup"}
	entries, _ := os.ReadDir(dirs[0])
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, filepath.Join(dirs[0], e.Name()))
		}
	}
	return dirs
}

// masked looks for content of files that tell about the host.
func masked(Task) Result {
	const name = "masked-paths"
	var seen []string
	paths := []string{"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/kallsyms-none"}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if n, _ := f.Read(make([]byte, 16)); n > 0 {
			seen = append(seen, path)
		}
		f.Close()
	}
	for _, dir := range []string{"/sys/firmware", "/proc/acpi", "/proc/scsi", "/sys/devices/virtual/powercap"} {
		if entries, _ := os.ReadDir(dir); len(entries) > 0 {
			seen = append(seen, dir)
		}
	}
	if len(seen) > 0 {
		return Result{name, Escaped, "can read " + strings.Join(seen, ", ")}
	}
	return Result{name, Blocked, fmt.Sprintf("%d paths are empty or not there", len(paths)+4)}
}

// outside tries to make a file in every folder there is, /proc and /sys too.
func outside(task Task) Result {
	const name = "write-outside"
	var found []string
	folders := 0
	_ = filepath.WalkDir("/", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not walked
		}
		folders++
		if f, err := os.CreateTemp(path, "hostile"); err == nil {
			f.Close()
			os.Remove(f.Name())
			found = append(found, path)
		}
		if strings.Count(path, "/") > 3 && (strings.HasPrefix(path, "/proc") || strings.HasPrefix(path, "/sys")) {
			return filepath.SkipDir
		}
		return nil
	})
	found = slices.DeleteFunc(found, func(dir string) bool { _, ok := task.Room[dir]; return ok || dir == "/dev/mqueue" })
	if len(found) > 0 {
		return Result{name, Escaped, "made files in " + strings.Join(found, ", ")}
	}
	return Result{name, Blocked, fmt.Sprintf("of %d folders, none but the allowed ones", folders)}
}

// room fills what may be written to. There must be no more than is allowed, within
// an eighth of a mebibyte.
func room(task Task) Result {
	const name, slack = "fill-disk", 1 << 17
	var details []string
	outcome := Blocked
	for dir, allowed := range task.Room {
		written := fill(dir, allowed+8*slack)
		details = append(details, fmt.Sprintf("%s took %d of %d bytes", dir, written, allowed))
		if written > allowed+slack {
			outcome = Escaped
		}
	}
	slices.Sort(details)
	return Result{name, outcome, strings.Join(details, ", ")}
}

// fill writes up to most bytes and says how much there was room for.
func fill(dir string, most int64) int64 {
	f, err := os.CreateTemp(dir, "fill")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block, written := make([]byte, 1<<16), int64(0)
	for written < most {
		n, err := f.Write(block)
		written += int64(n)
		if err != nil {
			break
		}
	}
	return written
}
