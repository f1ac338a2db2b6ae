package cli

import (
	"errors"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// unknownCommand is the error of root for an argument that is no command.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := "envctl help lists the commands"
	if near := nearest(args[0], names); near != "" {
		hint = cmd.CommandPath() + " " + near
	} else if same := elsewhere[args[0]]; same != "" && !cmd.HasParent() {
		hint = "envctl " + same
	}
	return usage(hint, "unknown command %q", args[0])
}

// elsewhere are names that other tools have for what a command of envctl does.
var elsewhere = map[string]string{
	"apply": "up", "create": "up", "deploy": "up", "start": "up", "provision": "up", "refresh": "status",
	"delete": "down", "destroy": "down", "kill": "down", "remove": "down", "rm": "down", "stop": "down", "teardown": "down",
	"plan": "preview", "diff": "preview", "validate": "check", "config": "check", "new": "init",
	"ps": "status", "inspect": "status", "show": "status", "get": "list", "attach": "exec", "shell": "exec", "ssh": "exec",
	"clean": "gc", "prune": "gc", "purge": "gc",
}

// flagError gives an error of the flag library its hint.
func flagError(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " --help lists the flags"
	if strings.Contains(cmd.Use, "-- ") {
		hint += "; those of the program go after --"
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		given := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usage(hint, "unknown flag %q for %q", "-"+given, cmd.CommandPath())
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(given, names); near != "" {
			hint = cmd.CommandPath() + " --" + near
		}
		return usage(hint, "unknown flag %q for %q", "--"+given, cmd.CommandPath())
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		u := usage(hint, "--%s %q is wrong: %s", invalid.GetFlag().Name, invalid.GetValue(), wrongValue(invalid.GetFlag(), invalid))
		u.path = "--" + invalid.GetFlag().Name
		return u
	}
	var bare *pflag.ValueRequiredError
	if errors.As(err, &bare) {
		what, _ := pflag.UnquoteUsage(bare.GetFlag())
		u := usage(hint, "--%s needs a %s", bare.GetFlag().Name, what)
		u.path = "--" + bare.GetFlag().Name
		return u
	}
	return usage(hint, "%s", err)
}

// wrongValue says what f takes where the library that reads it says no more than that
// it cannot.
func wrongValue(f *pflag.Flag, err error) string {
	switch {
	case f.Value.Type() == "bool":
		return "give true or false"
	case errors.Is(err, strconv.ErrSyntax), errors.Is(err, strconv.ErrRange):
		return "it is no number that fits"
	}
	return cause(err)
}

// cause is the innermost message of err, without what the flag library puts
// around it.
func cause(err error) string {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err.Error()
}

// nearest returns the name that given was likely meant to be, or "": at most a
// third of its letters off, or begun with it.
func nearest(given string, names []string) string {
	best, fewest := "", 0
	for _, n := range names {
		d := levenshtein.Distance(strings.ToLower(given), n, nil)
		if d <= max(1, len(n)/3) && (best == "" || d < fewest) {
			best, fewest = n, d
		}
	}
	if best != "" {
		return best
	}
	for _, n := range names {
		if len(given) > 1 && strings.HasPrefix(n, strings.ToLower(given)) {
			return n
		}
	}
	return ""
}

// exactly accepts the arguments that names describe, as in "JOB".
func exactly(names ...string) cobra.PositionalArgs {
	return between(len(names), len(names), names...)
}

// between accepts least to most arguments; most below 0: any number.
func between(least, most int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := cmd.CommandPath() + " --help"
		if len(args) < least {
			return usage(hint, "%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):least], " and "))
		}
		if most >= 0 && len(args) > most {
			return usage(hint, "%s takes no argument %q", cmd.CommandPath(), args[most])
		}
		return nil
	}
}
