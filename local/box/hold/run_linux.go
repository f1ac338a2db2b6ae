package hold

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/envctl/envctl/local/box/frame"
)

const (
	prSetDumpable       = 4  // PR_SET_DUMPABLE
	prSetChildSubreaper = 36 // PR_SET_CHILD_SUBREAPER
	// drainTime is how long output is waited for when the program has ended: a pipe
	// can have been handed to a process of another call.
	drainTime = 2 * time.Second
)

func prctl(option, value uintptr) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, option, value, 0); errno != 0 {
		return errno
	}
	return nil
}

// seal keeps other programs of the box from reading this one's memory and from taking
// its files, which the host is at the other end of.
func seal() error {
	if err := prctl(prSetDumpable, 0); err != nil {
		return fmt.Errorf("forbid to be traced: %w", err)
	}
	return nil
}

// wait is process 1: it reaps orphans until the deadline, and ends everything else
// in the box when it gets SIGUSR1 from the engine. Every process of the box can
// send it signals, which therefore do it no harm; to trace it is forbidden.
func wait(deadline time.Time) int {
	_ = prctl(prSetDumpable, 0) // a runtime without it has no tracing to forbid
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR2)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGUSR1)
	// By the wall clock: a machine that slept does not prolong a box.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !time.Now().Before(deadline) {
				return 0
			}
		case s := <-signals:
			if s == syscall.SIGUSR1 {
				_ = syscall.Kill(-1, syscall.SIGKILL) // all but process 1; an error: there is none
			}
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}

// family is a program and all that came from it.
type family struct {
	main   int
	ending atomic.Bool
	status syscall.WaitStatus
	usage  syscall.Rusage
	killed int
}

// run runs a program to its end.
func run(r frame.Request, in *bufio.Reader, out *frame.Writer) (frame.Result, error) {
	if err := errors.Join(prctl(prSetChildSubreaper, 1), prctl(prSetDumpable, 0)); err != nil {
		return frame.Result{}, fmt.Errorf("become the parent of what is run: %w", err)
	}
	f := &family{}
	output, err := f.start(r, in, out)
	if err != nil {
		return frame.Result{}, err
	}
	go f.obey(in)
	f.reap()
	select {
	case <-output:
	case <-time.After(drainTime):
	}
	res := frame.Result{
		ExitCode: f.status.ExitStatus(), Killed: f.killed, MaxRSS: f.usage.Maxrss << 10,
		CPU: (f.usage.Utime.Nano() + f.usage.Stime.Nano()) / 1000,
	}
	if f.status.Signaled() {
		res.Signal = int(f.status.Signal())
		res.ExitCode = 128 + res.Signal
	}
	return res, nil
}

// start starts the program in a session of its own; the channel is closed when all
// of its output was read.
func (f *family) start(r frame.Request, in io.Reader, out *frame.Writer) (<-chan struct{}, error) {
	payload := make([]byte, r.Payload)
	if _, err := io.ReadFull(in, payload); err != nil {
		return nil, fmt.Errorf("read what the program gets as stdin: %w", err)
	}
	for _, pair := range r.Env {
		name, value, _ := strings.Cut(pair, "=")
		if err := os.Setenv(name, value); err != nil {
			return nil, fmt.Errorf("set variable %q: %w", name, err)
		}
	}
	if err := os.Chdir(r.Dir); err != nil {
		return nil, err
	}
	file, err := exec.LookPath(r.Argv[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return nil, err
	}
	pipes, err := openPipes(len(payload) > 0)
	if err != nil {
		return nil, err
	}
	f.main, err = syscall.ForkExec(file, r.Argv, &syscall.ProcAttr{
		Env: os.Environ(), Files: pipes.theirs(), Sys: &syscall.SysProcAttr{Setsid: true},
	})
	pipes.closeTheirs()
	if err != nil {
		return nil, fmt.Errorf("start %q: %w", r.Argv[0], err)
	}
	if pipes.feed != nil {
		go func() {
			_, _ = pipes.feed.Write(payload) // one that does not read it has its reasons
			_ = pipes.feed.Close()
		}()
	}
	var copies sync.WaitGroup
	for kind, from := range map[byte]*os.File{frame.Stdout: pipes.stdout, frame.Stderr: pipes.stderr} {
		copies.Go(func() { _, _ = io.Copy(frame.Stream{W: out, Kind: kind}, from) })
	}
	done := make(chan struct{})
	go func() { copies.Wait(); close(done) }()
	return done, nil
}

// obey reads control bytes until the host wants the end, or is gone.
func (f *family) obey(in io.ByteReader) {
	for {
		b, err := in.ReadByte()
		switch {
		case err == nil && b == frame.Terminate:
			_ = syscall.Kill(-f.main, syscall.SIGTERM) // gone already: as good
		case err != nil || b == frame.Kill:
			f.end()
			return
		}
	}
}

// end kills the family until none is left.
func (f *family) end() {
	if f.ending.Swap(true) {
		return
	}
	go func() {
		for {
			kill(descendants(os.Getpid()))
			time.Sleep(2 * time.Millisecond)
		}
	}()
}

// reap waits for every process of the family. The main one's end is the end of all.
func (f *family) reap() {
	for {
		var status syscall.WaitStatus
		var usage syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, 0, &usage)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // no child is left
			return
		case pid == f.main:
			f.status, f.usage = status, usage
			f.end()
		case f.status != 0 || f.ending.Load():
			f.killed++
		}
	}
}
