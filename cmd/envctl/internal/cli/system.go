package cli

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/local/docker"
)

// System returns the environment of this process.
func System() (Env, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Env{}, err
	}
	return Env{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Lookup: os.LookupEnv, Dir: dir,
		IsTerminal: isTerminal,
		Size: func() (int, int) {
			w, h, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil {
				return 0, 0
			}
			return w, h
		},
		Raw:      raw,
		Open:     openBrowser,
		Self:     os.Executable,
		Clock:    output.SystemClock{},
		Services: realServices(),
	}, nil
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// raw puts the terminal behind stdin into raw mode and follows its size.
func raw() (<-chan docker.Size, func(), error) {
	before, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return nil, nil, err
	}
	sizes, changed, done := make(chan docker.Size), make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(changed, syscall.SIGWINCH)
	changed <- syscall.SIGWINCH // the first size
	go func() {
		for {
			select {
			case <-done:
				return
			case <-changed:
			}
			w, h, err := term.GetSize(int(os.Stdin.Fd()))
			if err != nil {
				continue
			}
			select {
			case <-done:
				return
			case sizes <- docker.Size{Width: uint(w), Height: uint(h)}:
			}
		}
	}()
	return sizes, func() {
		signal.Stop(changed)
		close(done)
		// A terminal that is gone needs no restoring.
		_ = term.Restore(int(os.Stdin.Fd()), before)
	}, nil
}
