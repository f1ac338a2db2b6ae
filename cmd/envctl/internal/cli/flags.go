package cli

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
)

// The targets.
const (
	targetLocal = "local"
	targetAzure = "azure"
)

// globals are the flags that every command knows, so that they may stand before
// its name. A command that has no use for one refuses it (see [uses]).
type globals struct {
	file       string
	instance   string
	target     string
	experiment string
	format     output.Format
	ttl        *time.Duration // nil: not given
	yes        bool
	verbose    bool
	dir        string
	simulate   bool
	record     string
}

// variables names the variable of each global flag, and of the flags that several
// commands have.
var variables = map[string]string{
	"file": "ENVCTL_FILE", "name": "ENVCTL_NAME", "target": "ENVCTL_TARGET", "experiment": "ENVCTL_EXPERIMENT",
	"output": "ENVCTL_OUTPUT", "ttl": "ENVCTL_TTL", "yes": "ENVCTL_YES", "verbose": "ENVCTL_VERBOSE",
	"directory": "ENVCTL_DIRECTORY", "simulate": "ENVCTL_SIMULATE", "record": "ENVCTL_RECORD",
	"isolation": "ENVCTL_ISOLATION",
}

// add declares the flags on the root command.
func (g *globals) add(fs *pflag.FlagSet) {
	*g = globals{instance: "default", target: targetLocal, format: output.Text}
	fs.VarP(text{&g.file, "FILE", nil}, "file", "f", "the definition, - for stdin (default: envctl.yaml or envctl.yml here or in a folder above, up to the repository's root)")
	fs.VarP(text{&g.instance, "NAME", checkLabel}, "name", "n", "instance: one definition can be up under many names; without it, \"default\"")
	fs.Lookup("name").DefValue = "" // which the line above says better
	fs.VarP(text{&g.target, "TARGET", checkTarget}, "target", "t", "where: local or azure")
	fs.VarP(text{&g.experiment, "NAME", checkLabel}, "experiment", "e", "the experiment by name, where no definition is at hand")
	fs.VarP(formatFlag{&g.format}, "output", "o", "text, json or ndjson")
	fs.Var(ttlFlag{&g.ttl}, "ttl", "time to live, as 30m, 8h or 3d, instead of the definition's; 0: does not expire")
	fs.BoolVarP(&g.yes, "yes", "y", false, "confirm changes that would be asked about")
	fs.BoolVarP(&g.verbose, "verbose", "v", false, "show build logs and what stays the same")
	fs.VarP(text{&g.dir, "DIR", nil}, "directory", "C", "work in this folder")
	fs.BoolVar(&g.simulate, "simulate", false, "with --target azure: a simulator on this machine in the place of Azure")
	fs.Var(text{&g.record, "DIR", nil}, "record", "with --target azure: keep the exchange with Azure in this folder, without secrets")
	for name, v := range variables {
		if f := fs.Lookup(name); f != nil {
			f.Usage += " (" + v + ")"
		}
	}
}

// fromEnvironment sets the flags that were not given from their variables. An
// empty variable counts as none.
func fromEnvironment(fs *pflag.FlagSet, getenv func(string) string) error {
	var failed error
	fs.VisitAll(func(f *pflag.Flag) {
		v := variables[f.Name]
		if v == "" || f.Changed || failed != nil {
			return
		}
		if value := getenv(v); value != "" {
			if err := f.Value.Set(value); err != nil {
				p := usage("unset "+v+" or give --"+f.Name, "%s %q is wrong: %s", v, value, wrongValue(f, fmt.Errorf("%w", err)))
				p.path, failed = v, p
			}
		}
	})
	return failed
}

// refusable are the global flags that mean nothing to some commands. The others
// are about envctl itself.
var refusable = []string{"file", "name", "target", "experiment", "output", "ttl", "simulate", "record"}

// uses notes which of the refusable flags a command has a use for; its help lists
// only these.
func uses(cmd *cobra.Command, flags ...string) *cobra.Command {
	cmd.Annotations = map[string]string{"uses": strings.Join(flags, " ")}
	return cmd
}

// usesFlag says whether cmd has a use for the global flag.
func usesFlag(cmd *cobra.Command, name string) bool {
	for _, r := range refusable {
		if r == name {
			return strings.Contains(" "+cmd.Annotations["uses"]+" ", " "+name+" ")
		}
	}
	return true
}

// checkUses refuses a flag that was given and would be ignored.
func checkUses(cmd *cobra.Command) error {
	for _, name := range refusable {
		if cmd.Flags().Changed(name) && !usesFlag(cmd, name) {
			p := usage("leave it out", "--%s has no meaning for %q", name, cmd.CommandPath())
			p.path = "--" + name
			return p
		}
	}
	return nil
}

// text is a flag of text with a check.
type text struct {
	to    *string
	kind  string
	check func(string) error
}

func (t text) String() string {
	if t.to == nil {
		return ""
	}
	return *t.to
}

func (t text) Type() string { return t.kind }

func (t text) Set(v string) error {
	if v == "" {
		return fmt.Errorf("it is empty")
	}
	if t.check != nil {
		if err := t.check(v); err != nil {
			return err
		}
	}
	*t.to = v
	return nil
}

// label is an RFC 1123 label of at most 32 characters, which fits into the name of
// a container, of a network and of a cloud's resource group.
var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$`)

func checkLabel(v string) error {
	if !label.MatchString(v) {
		return fmt.Errorf("a name is 1 to 32 of a-z, 0-9 and -, and neither begins nor ends with -")
	}
	return nil
}

func checkTarget(v string) error {
	if v != targetLocal && v != targetAzure {
		return fmt.Errorf("a target is local or azure")
	}
	return nil
}

type formatFlag struct{ to *output.Format }

func (f formatFlag) Type() string { return "FORMAT" }

func (f formatFlag) String() string {
	if f.to == nil {
		return ""
	}
	return string(*f.to)
}

func (f formatFlag) Set(v string) error {
	format, err := output.ParseFormat(v)
	if err != nil {
		return fmt.Errorf("a format is text, json or ndjson")
	}
	*f.to = format
	return nil
}

type ttlFlag struct{ to **time.Duration }

func (ttlFlag) Type() string { return "TIME" }

func (f ttlFlag) String() string {
	if f.to == nil || *f.to == nil {
		return ""
	}
	return definition.Duration(**f.to).String()
}

func (f ttlFlag) Set(v string) error {
	var d time.Duration
	if v != "0" {
		parsed, err := definition.ParseDuration(v)
		if err != nil {
			return err
		}
		d = parsed.Std()
	}
	*f.to = &d
	return nil
}
