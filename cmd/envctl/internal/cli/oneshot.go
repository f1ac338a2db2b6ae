package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/oneshot"
)

// oneShotOptions are the flags of a run without a job.
type oneShotOptions struct {
	image, requirements, again string
	isolation                  string
	in, with, env              []string
	timeout                    time.Duration
	cpu                        float64
	memory, scratch, output    int64
	force, quiet               bool
	egress                     []string
}

// onlyOneShot are the flags that a job has no use for: its definition says it.
var onlyOneShot = []string{
	"image", "in", "with", "requirements", "env", "timeout", "cpu", "memory", "scratch", "output-limit", "force", "egress", "again", "isolation",
}

func (o *oneShotOptions) add(fs *pflag.FlagSet) {
	fs.StringVar(&o.image, "image", "", "run in this `IMAGE`; with --file, instead of the usual one of the language")
	fs.StringArrayVar(&o.in, "in", nil, "bring this file or folder (`PATH`) to /in; can be repeated")
	fs.BoolVar(&o.force, "force", false, "with --out: replace files in a folder that is not empty")
	fs.StringArrayVar(&o.with, "with", nil, "install this `PACKAGE`, as pandas==2.2; can be repeated")
	fs.StringVar(&o.requirements, "requirements", "", "install what this `FILE` lists: a requirements.txt or a package.json")
	fs.StringArrayVar(&o.env, "env", nil, "set this `VARIABLE`, as NAME=VALUE; NAME alone passes yours on, unrecorded")
	fs.StringArrayVar(&o.egress, "egress", nil, "let it reach this `HOST`, as pypi.org, *.example.com or example.com:8443; can be repeated")
	fs.Var(limitFlag{&o.timeout}, "timeout", "stop it after this time (default 10m)")
	fs.Var(coresFlag{&o.cpu}, "cpu", "cores that it may use (default 1)")
	fs.Var(sizeFlag{&o.memory}, "memory", "memory that it may use (default 1Gi)")
	fs.Var(sizeFlag{&o.scratch}, "scratch", "of it, for files in /tmp (default 512Mi)")
	fs.Var(sizeFlag{&o.output}, "output-limit", "show this much of stdout and of stderr (default 16Mi)")
	addIsolation(fs, &o.isolation, "the strongest that the engine has")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "no report on stderr afterwards")
	fs.StringVar(&o.again, "again", "", "repeat the run of this `ID` and tell what differs")
}

// checkJobFlags refuses flags that a job would ignore.
func checkJobFlags(cmd *cobra.Command) error {
	for _, name := range onlyOneShot {
		if cmd.Flags().Changed(name) {
			e := usage("set it in the definition, or leave out the job", "--%s has no meaning for a job", name)
			e.path = "--" + name
			return e
		}
	}
	return nil
}

func runOneShot(ctx context.Context, p *program, o runOptions, fs *pflag.FlagSet, args []string) (output.Document, error) {
	if err := p.checkOneShot(o, fs); err != nil {
		return nil, err
	}
	spec, err := p.oneShotSpec(o, fs, args)
	if err != nil {
		return nil, err
	}
	if spec.Out != "" {
		if err := checkOut(spec.Out); err != nil {
			return nil, err
		}
	}
	runs, err := p.env.Services.OneShots(ctx, p.settings(nil))
	if err != nil {
		return nil, err
	}
	stdout, stderr := p.clean(p.stdout()), p.clean(p.env.Stderr)
	streams := oneshot.Streams{Stdin: p.env.Stdin, Stdout: stdout, Stderr: stderr}
	var report oneshot.Report
	if o.one.again != "" {
		report, err = runs.Again(ctx, o.one.again, spec.Out, spec.Pass, streams)
	} else {
		report, err = runs.Run(ctx, spec, streams)
	}
	closeAll(stdout, stderr)
	if report.ID == "" {
		return nil, err
	}
	p.report(report, o.one.quiet)
	if err == nil && report.ExitCode != statusOK {
		err = exitWith(report.ExitCode)
	}
	return newOneShotResult(report), err
}

// checkOneShot refuses what has no meaning without a job, and with --again.
func (p *program) checkOneShot(o runOptions, fs *pflag.FlagSet) error {
	if !fs.Changed("image") && !fs.Changed("file") && o.one.again == "" {
		return usage("envctl run JOB, or envctl run --file SCRIPT or --image IMAGE", "%s needs JOB, --file or --image", "envctl run")
	}
	if p.flags.target != targetLocal {
		return usage("leave it out, or name a job", "--target %s has no meaning without a job: a single run is local", p.flags.target)
	}
	for _, name := range []string{"name", "simulate", "record"} {
		if fs.Changed(name) {
			return usage("leave it out, or name a job", "--%s has no meaning without a job", name)
		}
	}
	if o.one.again == "" {
		return nil
	}
	for _, name := range append([]string{"file"}, onlyOneShot...) {
		if name != "again" && name != "env" && fs.Changed(name) {
			return usage("leave it out, or run it anew", "--%s has no meaning with --again, which repeats a run as it was", name)
		}
	}
	return nil
}

func (p *program) oneShotSpec(o runOptions, fs *pflag.FlagSet, args []string) (oneshot.Spec, error) {
	one := o.one
	spec := oneshot.Spec{
		Image: one.image, With: one.with, Force: one.force, Timeout: one.timeout,
		CPU: one.cpu, Memory: one.memory, Scratch: one.scratch, Output: one.output, Egress: one.egress,
		Isolation: one.isolation,
	}
	for _, host := range one.egress {
		if why, hint := definition.CheckEgress(host); why != "" {
			return spec, usage(hint, "--egress %q %s", host, why)
		}
	}
	if len(args) > 0 {
		spec.Args = args
	}
	if fs.Changed("file") {
		if p.flags.file == "-" {
			return spec, usage("write it to a file first, as in main.py", "--file -: a script from stdin has no name that tells its language")
		}
		spec.File = p.path(p.flags.file)
	}
	if o.out != "" {
		spec.Out = p.path(o.out)
	}
	if one.requirements != "" {
		spec.Requirements = p.path(one.requirements)
	}
	for _, in := range one.in {
		spec.Inputs = append(spec.Inputs, p.path(in))
	}
	spec.Env, spec.Pass = map[string]string{}, map[string]string{}
	for _, e := range one.env {
		name, value, given := strings.Cut(e, "=")
		if given {
			spec.Env[name] = value
			continue
		}
		value, set := p.env.Lookup(name)
		if !set {
			return spec, usage("set it, or give --env "+name+"=VALUE", "--env %q: the variable is not set here", name)
		}
		spec.Pass[name] = value
	}
	return spec, nil
}

// addIsolation declares the flag that says what separates programs from the machine.
func addIsolation(fs *pflag.FlagSet, to *string, auto string) {
	fs.Var(text{to, "LEVEL", checkIsolation}, "isolation", "container, gvisor or vm (default auto: "+auto+") ("+variables["isolation"]+")")
}

func checkIsolation(v string) error {
	if !slices.Contains(isolation.Settings(), v) {
		return fmt.Errorf("an isolation is one of %s", strings.Join(isolation.Settings(), ", "))
	}
	return nil
}

type sizeFlag struct{ to *int64 }

func (sizeFlag) Type() string { return "SIZE" }

func (f sizeFlag) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return definition.Size(*f.to).String()
}

func (f sizeFlag) Set(v string) error {
	size, err := definition.ParseSize(v)
	if err == nil && size == 0 {
		err = fmt.Errorf("%q is nothing", v)
	}
	*f.to = size.Bytes()
	return err
}

type limitFlag struct{ to *time.Duration }

func (limitFlag) Type() string { return "TIME" }

func (f limitFlag) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return definition.Duration(*f.to).String()
}

func (f limitFlag) Set(v string) error {
	d, err := definition.ParseDuration(v)
	if err == nil && d == 0 {
		err = fmt.Errorf("%q is no time at all", v)
	}
	*f.to = d.Std()
	return err
}

type coresFlag struct{ to *float64 }

func (coresFlag) Type() string { return "CORES" }

func (f coresFlag) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return strconv.FormatFloat(*f.to, 'g', -1, 64)
}

func (f coresFlag) Set(v string) error {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil || !(n > 0) {
		return fmt.Errorf("%q is not a number of cores as 0.5 or 2", v)
	}
	*f.to = n
	return nil
}
