package cli

import (
	"os"

	"golang.org/x/term"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
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
		Clock:    output.SystemClock{},
		Services: realServices(),
	}, nil
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
