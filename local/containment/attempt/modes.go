//go:build linux

package attempt

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	most     = 4096            // MiB or processes, whatever the limits are
	lifetime = 3 * time.Minute // of a process that only waits
)

// Main is the program.
func Main(args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("no mode")
	}
	rest := append(args[1:], "")
	switch args[0] {
	case ModeAttempt:
		var task Task
		if err := json.Unmarshal([]byte(getenv(EnvTask)), &task); err != nil {
			return fmt.Errorf("task in %s: %w", EnvTask, err)
		}
		return Run(task, out)
	case ModeWhoAmI:
		_, err := fmt.Fprintln(out, os.Geteuid())
		return err
	case ModeKernel:
		return kernel(out)
	case ModeServe:
		return serve(rest[0])
	case ModeMemory:
		return eat(out)
	case ModeForks:
		return forks(out)
	case ModeFlood:
		return flood(out, rest[0])
	case ModeOutlive:
		signal.Ignore()
		time.Sleep(lifetime)
		return nil
	case ModeClimb:
		return climb(out, rest[0])
	case ModeOutputs:
		return outputs(rest[0], rest[1])
	case ModeNothing:
		return nil
	case ModeTools:
		who, err := os.ReadFile(ToolMark)
		if errors.Is(err, os.ErrNotExist) {
			who, err = []byte("none"), nil
		}
		_, _ = fmt.Fprintf(out, "%s\n", who)
		return err
	}
	return fmt.Errorf("mode %q is not known", args[0])
}

// Tool is the program in the place of one of [Tools].
func Tool(name string) error {
	return os.WriteFile(ToolMark, fmt.Appendf(nil, "%s ran as user %d", name, os.Geteuid()), 0o644)
}

func kernel(out io.Writer) error {
	version, err := os.ReadFile("/proc/version")
	if err != nil {
		return err
	}
	log := make([]byte, 1<<16)
	n, _ := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, log) // refused by a container
	_, err = fmt.Fprintf(out, "%s%s\n", version, log[:max(n, 0)])
	return err
}

func serve(port string) error {
	l, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		c.Close()
	}
}

// eat touches memory until it is stopped.
func eat(out io.Writer) error {
	debug.SetGCPercent(-1)
	var kept [][]byte
	for i := 1; i <= most; i++ {
		block := make([]byte, 1<<20)
		for at := 0; at < len(block); at += 4096 {
			block[at] = 1
		}
		kept = append(kept, block)
		fmt.Fprintln(out, i)
	}
	return fmt.Errorf("never stopped: %d", len(kept))
}

// forks makes processes that do nothing until it is stopped.
func forks(out io.Writer) error {
	n, why := 0, "never stopped"
	for ; n < most; n++ {
		if errno := forkPaused(); errno != 0 {
			why = errno.Error()
			break
		}
		if n%16 == 0 {
			fmt.Fprintln(out, n)
		}
	}
	fmt.Fprintln(out, n)
	time.Sleep(time.Second) // while the host is asked how it does
	_ = unix.Kill(-1, unix.SIGKILL)
	return errors.New(why)
}

// forkPaused makes a child that only waits. It may not use the runtime, which a
// copied process has lost the threads of.
//
//go:nosplit
//go:norace
func forkPaused() unix.Errno {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	for errno == 0 && pid == 0 {
		unix.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
	return errno
}

// flood prints lines that do not compress well, so many MiB of them.
func flood(out io.Writer, mebis string) error {
	var n int
	if _, err := fmt.Sscan(mebis, &n); err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	x := uint64(88172645463325252)
	for range n << 20 / 1024 {
		var line strings.Builder
		for line.Len() < 1023 {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			fmt.Fprintf(&line, "%016x", x)
		}
		if _, err := w.WriteString(line.String()[:1023] + "\n"); err != nil {
			return err
		}
	}
	return w.Flush()
}

// climb looks for a file of the host from the working folder upwards, and prints
// what is in it.
func climb(out io.Writer, name string) error {
	for range 32 {
		if content, err := os.ReadFile("./" + strings.TrimPrefix(name, "/")); err == nil {
			_, err = out.Write(content)
			return err
		}
		if err := os.Chdir(".."); err != nil {
			return err
		}
	}
	return nil
}

// outputs leaves in dir what must not come out, or not as it is: links to victim, a
// program with the set-user-ID bit, a pipe, and an honest file.
func outputs(dir, victim string) error {
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "honest"), []byte("honest"), 0o644),
		os.Symlink(victim, filepath.Join(dir, "link")),
		os.Symlink(filepath.Dir(victim), filepath.Join(dir, "folder")),
		os.Symlink("..", filepath.Join(dir, "up")),
		os.Link(filepath.Join(dir, "honest"), filepath.Join(dir, "second")),
		unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644),
		os.WriteFile(filepath.Join(dir, "set-uid"), []byte("x"), 0o755),
		os.Chmod(filepath.Join(dir, "set-uid"), 0o755|os.ModeSetuid|os.ModeSetgid),
	)
}
