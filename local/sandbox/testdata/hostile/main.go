// Command hostile is what the tests run inside a sandbox: it tries to do what a
// sandbox forbids and prints what came of it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Report is what `hostile probe` prints as JSON.
type Report struct {
	Status   map[string]string // of /proc/self/status
	Writable []string          // folders that a file could be made in
	Room     map[string]int64  // bytes that could be written to a writable folder
	Calls    map[string]string // privileged system call → its error, "ok" where it worked
	Dials    map[string]string // address → error
	Lookups  map[string]string // host name → addresses or error
	Seconds  map[string]float64
	Resolv   string
	Env      []string
	Inet6    string // /proc/net/if_inet6
}

func main() {
	switch os.Args[1] {
	case "probe":
		probe(os.Args[2:])
	case "memory":
		eat()
	case "pids":
		fork()
	case "sleep":
		time.Sleep(time.Hour)
	}
}

// probe takes addresses (host:port) to connect to and names to look up.
func probe(targets []string) {
	r := Report{
		Status: status(), Room: map[string]int64{}, Dials: map[string]string{}, Lookups: map[string]string{},
		Seconds: map[string]float64{}, Env: os.Environ(),
		Calls: map[string]string{
			"setuid":   text(syscall.Setuid(0)),
			"setgid":   text(syscall.Setgid(0)),
			"mount":    text(syscall.Mount("none", "/", "tmpfs", 0, "")),
			"unshare":  text(syscall.Unshare(syscall.CLONE_NEWUSER)),
			"chroot":   text(syscall.Chroot("/")),
			"hostname": text(syscall.Sethostname([]byte("x"))),
			"raw":      text(raw()),
			"mknod":    text(syscall.Mknod("/tmp/device", syscall.S_IFBLK|0o600, 1)),
			"limit":    text(lift()),
			"remount":  text(syscall.Mount("", "/", "", syscall.MS_REMOUNT, "")),
		},
	}
	r.Writable = writable()
	for _, dir := range r.Writable {
		r.Room[dir] = fill(dir)
	}
	r.reach(targets)
	resolv, _ := os.ReadFile("/etc/resolv.conf")
	inet6, _ := os.ReadFile("/proc/net/if_inet6")
	r.Inet6 = string(inet6)
	r.Resolv = string(resolv)
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

// reach tries all targets at once, since most of them only time out.
func (r *Report) reach(targets []string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, target := range targets {
		wg.Go(func() {
			start := time.Now()
			kind, result := r.Lookups, ""
			if _, _, err := net.SplitHostPort(target); err == nil {
				kind, result = r.Dials, dial(target)
			} else {
				result = lookup(target)
			}
			mu.Lock()
			defer mu.Unlock()
			kind[target], r.Seconds[target] = result, time.Since(start).Seconds()
		})
	}
	wg.Wait()
}

func text(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

func status() map[string]string {
	data, _ := os.ReadFile("/proc/self/status")
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(line, ":")
		fields[key] = strings.TrimSpace(value)
	}
	return fields
}

// writable tries to make a file in every folder there is, /proc and /sys too.
func writable() []string {
	var found []string
	_ = filepath.WalkDir("/", func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not walked
		}
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
	return found
}

// fill writes up to 128 MiB and says how much there was room for.
func fill(dir string) int64 {
	f, err := os.CreateTemp(dir, "fill")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block, written := make([]byte, 1<<16), int64(0)
	for written < 128<<20 {
		n, err := f.Write(block)
		written += int64(n)
		if err != nil {
			break
		}
	}
	return written
}

func raw() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
	if err == nil {
		syscall.Close(fd)
	}
	return err
}

// lift opens the container's own memory limit for writing, in either generation
// of control groups.
func lift() error {
	var err error = os.ErrNotExist
	for _, file := range []string{"memory/memory.limit_in_bytes", "memory.max"} {
		f, openErr := os.OpenFile("/sys/fs/cgroup/"+file, os.O_WRONLY, 0)
		if openErr == nil {
			return f.Close()
		}
		if !os.IsNotExist(openErr) {
			err = openErr
		}
	}
	return err
}

func dial(address string) string {
	c, err := net.DialTimeout("tcp", address, 2*time.Second)
	if err != nil {
		return err.Error()
	}
	c.Close()
	return "connected"
}

func lookup(host string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return err.Error()
	}
	return strings.Join(addresses, " ")
}

// eat touches memory until it is stopped.
func eat() {
	debug.SetGCPercent(-1)
	var kept [][]byte
	for i := 1; i <= 4096; i++ {
		block := make([]byte, 1<<20)
		for at := 0; at < len(block); at += 4096 {
			block[at] = 1
		}
		kept = append(kept, block)
		fmt.Println(i)
	}
	fmt.Println("never stopped", len(kept))
}

// fork makes processes that do nothing until it is stopped.
func fork() {
	for n := 1; n <= 4096; n++ {
		if errno := forkPaused(); errno != 0 {
			fmt.Printf("%d %s\n", n, errno)
			_ = syscall.Kill(-1, syscall.SIGKILL)
			return
		}
	}
	fmt.Println("never stopped")
	_ = syscall.Kill(-1, syscall.SIGKILL)
}

// forkPaused makes a child that only waits. It may not use the runtime, which a
// copied process has lost the threads of.
//
//go:nosplit
//go:norace
func forkPaused() syscall.Errno {
	pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	for errno == 0 && pid == 0 {
		syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
	return errno
}
