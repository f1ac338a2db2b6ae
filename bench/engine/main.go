// Command engine runs a command against a Docker Engine of its own, so that the
// same tests pass on the generation of engine that a machine has and on the one
// that `make engine-current` built:
//
//	engine -bin bin/engine -- go test ./...
//	engine -wait 60s
//
// The first form starts dockerd in network and mount namespaces of its own, with
// its own data root, exec root, containerd and socket, and runs the command in
// the same namespaces with DOCKER_HOST set: ports that a container publishes at
// 127.0.0.1 are there for the command and for nobody else, and neither the rules,
// bridges nor mounts of another engine on the machine are seen or changed. It
// needs root; started by sudo it runs the command as the user who called sudo.
// It ends with the command's exit status and leaves nothing behind.
//
// The second form waits until the engine at DOCKER_HOST (default: the usual
// socket) answers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	// The namespaces belong to the thread: every process has to be started from
	// it, and dockerd is told to die with it.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		os.Exit(exit.ExitCode())
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("engine", flag.ContinueOnError)
	bin := flags.String("bin", "bin/engine", "folder with dockerd, containerd, runc and their helpers")
	log := flags.String("log", "", "write the engine's log to this file (default: removed with the rest)")
	runsc := flags.String("runsc", "", "register this program of gVisor's as the runtime runsc")
	tmp := flags.String("tmp", "/var/tmp", "folder on a disk that overlayfs can use, for images and containers")
	wait := flags.Duration("wait", 0, "start nothing: wait this long for the engine at DOCKER_HOST")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *wait > 0 {
		return await(ctx, hostSocket(os.Getenv("DOCKER_HOST")), *wait, nil)
	}
	if flags.NArg() == 0 {
		return errors.New("no command to run: expected engine [flags] -- COMMAND ARGS…")
	}
	if os.Geteuid() != 0 {
		return errors.New("an engine needs root: run this with sudo")
	}
	d, err := start(ctx, *bin, *tmp, *log, *runsc)
	if err != nil {
		return err
	}
	cmdErr := command(ctx, d, flags.Args())
	if err := d.stop(); err != nil {
		return errors.Join(cmdErr, err)
	}
	return cmdErr
}

// command runs args with DOCKER_HOST set to the engine's socket. An interrupt
// reaches it as SIGTERM, and it has ten seconds to end.
func command(ctx context.Context, d *daemon, args []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+d.socket)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: d.caller}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}
