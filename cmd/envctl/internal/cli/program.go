package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
)

// program is one run of envctl.
type program struct {
	env     Env
	flags   globals
	options output.Options
	printer output.Printer
	closers []func() error
	// simulated says that a simulator answers for the target.
	simulated bool
	// resumes says that the command goes on from where a signal ended it.
	resumes bool
}

// resumed are the commands that record what they have done.
var resumed = []string{"up", "down", "promote", "gc"}

// Run runs envctl and returns the exit status.
func Run(ctx context.Context, env Env) int {
	p := &program{env: env}
	defer p.close()
	root := newRoot(p)
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	help := &strings.Builder{} // help is the result of `help`, and is checked to have been written
	root.SetOut(help)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if help.Len() > 0 && err == nil {
		_, err = io.WriteString(env.Stdout, help.String())
	}
	var finished exitWith
	if errors.As(err, &finished) {
		return int(finished)
	}
	if err == nil {
		return statusOK
	}
	// Only errors of the command line come here: those of commands are finished.
	p.print(sniffFormat(env))
	return p.finish(ctx, nil, err)
}

// prepare runs before each command: it reads the variables, refuses flags that the
// command would ignore, and makes the printer.
func (p *program) prepare(cmd *cobra.Command) error {
	if err := checkUses(cmd); err != nil {
		return err
	}
	if err := fromEnvironment(cmd.Flags(), p.env.Getenv); err != nil {
		return err
	}
	if p.flags.dir != "" {
		p.env.Dir = p.path(p.flags.dir)
		if info, err := os.Stat(p.env.Dir); err != nil || !info.IsDir() {
			e := usage("name a folder that is there", "there is no folder %q", p.env.Dir)
			e.path = "--directory"
			return e
		}
	}
	if err := p.checkSimulate(cmd); err != nil {
		return err
	}
	p.resumes = slices.Contains(resumed, cmd.Name())
	p.simulated = p.flags.simulate && usesFlag(cmd, "simulate") && (p.flags.target == targetAzure || cmd.Name() == "list")
	p.print(p.flags.format)
	if p.simulated {
		p.printer.Notice(simulatedNotice)
	}
	return nil
}

// simulatedNotice is before everything that a simulator answers.
const simulatedNotice = "simulated: no Azure is asked and nothing is billed; a simulator on this machine answers, and apps run on the Docker engine"

// alwaysAzure notes that a command is about Azure and no other target.
const alwaysAzure = "azure"

// checkSimulate refuses flags that only Azure has where they were given for another
// target; variables that are set once for all commands are no mistake.
func (p *program) checkSimulate(cmd *cobra.Command) error {
	if cmd.Annotations[alwaysAzure] != "" {
		p.flags.target = targetAzure
	}
	if p.flags.target == targetAzure || cmd.Name() == "list" {
		return nil
	}
	for _, name := range []string{"simulate", "record"} {
		if cmd.Flags().Changed(name) {
			e := usage("add --target azure", "--%s has no meaning for the target %q", name, p.flags.target)
			e.path = "--" + name
			return e
		}
	}
	return nil
}

// atEnd notes what is closed when the command is over, the last one first.
func (p *program) atEnd(f func() error) { p.closers = append(p.closers, f) }

func (p *program) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		if err := p.closers[i](); err != nil {
			p.printer.Notice("warning: " + err.Error())
		}
	}
	p.closers = nil
}

// action is what a command does: it returns a document, an error or both.
type action func(ctx context.Context, args []string) (output.Document, error)

// runs makes an action the body of a command: what it returns is printed, and a
// signal is told about at once.
func (p *program) runs(do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		told := make(chan struct{})
		quiet := context.AfterFunc(ctx, func() {
			defer close(told)
			if interrupted(ctx) {
				p.printer.Notice("stopping… press Ctrl-C again to stop at once")
			}
		})
		d, err := do(ctx, args)
		if !quiet() {
			<-told
		}
		return exitWith(p.finish(ctx, d, err))
	}
}

// finish prints the end and returns the exit status.
func (p *program) finish(ctx context.Context, d output.Document, err error) int {
	status := statusOK
	var failure *output.Failure
	var plain exitWith
	switch {
	case errors.As(err, &plain):
		status = int(plain)
	case err != nil:
		failure = describe(err, interrupted(ctx))
		if failure.Interrupted && !p.resumes {
			failure.Reason, failure.Hint = "", ""
		}
		status = failure.Status
	}
	if err := p.printer.Finish(d, failure); err != nil {
		_, _ = io.WriteString(p.env.Stderr, "error: cannot write the result: "+output.Clean(err.Error())+"\n")
		return max(status, statusFailed)
	}
	return status
}

// print makes the printer for a format.
func (p *program) print(f output.Format) {
	env := p.env
	color := env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb"
	out, err := env.IsTerminal(env.Stdout), env.IsTerminal(env.Stderr)
	p.options = output.Options{
		Format: f, Stdout: env.Stdout, Stderr: env.Stderr, Clock: env.Clock,
		TerminalOut: out, ColorOut: color && out, ColorErr: color && err,
		Verbose: p.flags.verbose, Simulated: p.simulated, ASCII: !utf8Locale(env.Getenv),
	}
	if err && env.Getenv("TERM") != "dumb" {
		p.options.Screen = &output.Screen{W: env.Stderr, Size: env.Size}
	}
	p.printer = output.New(p.options)
}

// path makes a path absolute that is relative to the current folder.
func (p *program) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(p.env.Dir, name)
}

// utf8Locale says whether the terminal can be expected to show UTF-8: the first
// of the variables that is set decides, as in POSIX; without any, it can.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// sniffFormat finds the format that was asked for where the command line cannot be
// read as a whole, so that an error of it is still what the script expects.
func sniffFormat(env Env) output.Format {
	value := env.Getenv(variables["output"])
	for i, a := range env.Args {
		if a == "--" {
			break
		}
		switch {
		case (a == "-o" || a == "--output") && i+1 < len(env.Args):
			value = env.Args[i+1]
		case strings.HasPrefix(a, "--output="):
			value = strings.TrimPrefix(a, "--output=")
		case strings.HasPrefix(a, "-o"):
			value = strings.TrimPrefix(strings.TrimPrefix(a, "-o"), "=")
		}
	}
	if f, err := output.ParseFormat(value); err == nil {
		return f
	}
	return output.Text
}
