package oneshot

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/envctl/envctl/local/oneshot/packages"
)

const (
	// user runs what an image would run as root, or as a name that only the image
	// knows.
	user = 65532
	// grace is what a program gets between SIGTERM and SIGKILL.
	grace = 2 * time.Second
	// expiryMargin is how long after its time limit a sandbox is anybody's to remove.
	expiryMargin = 5 * time.Minute
)

// Deps are what a run needs beside its spec.
type Deps struct {
	Runner Runner
	// Dir is where records, pins and locks are kept; it is made when it is missing.
	Dir string
	// Languages is a file that adds to the table of languages; it may be missing.
	Languages string
	// Isolation is what separates build steps of [WithPackages] from the machine, as
	// in a Spec.
	Isolation string
	// PyPI and NPM are the package indexes; empty: the public ones.
	PyPI, NPM string
	// Notice tells people something at once; nil: nobody is told.
	Notice func(string)
}

func (d Deps) notice(text string) {
	if d.Notice != nil {
		d.Notice(text)
	}
}

// Run runs a program as spec says and returns the report of it. A program that
// fails is no error: see Report.ExitCode. One that was ended at a limit is an
// [*Error], and its report is complete all the same.
func Run(ctx context.Context, d Deps, spec Spec, s Streams) (Report, error) {
	if err := spec.Check(); err != nil {
		return Report{}, err
	}
	record, err := (&run{Deps: d, given: spec, streams: s}).do(ctx)
	return record.Report, err
}

// run is one run under way.
type run struct {
	Deps
	given   Spec // as it is recorded
	spec    Spec // with its defaults
	streams Streams
	id      string
	// image and lock are what a repetition takes.
	image string
	lock  *packages.Lock
	again string // the run that is repeated
}

func (r *run) do(ctx context.Context) (Record, error) {
	r.spec = r.given.defaults()
	r.id = newID(time.Now())
	script, err := r.readScript(r.spec)
	if err != nil {
		return Record{}, err
	}
	in, err := newInputs(r.spec, script.text)
	if err != nil {
		return Record{}, err
	}
	if err := checkOut(r.spec); err != nil {
		return Record{}, err
	}
	wanted, err := script.wanted(r.spec)
	if err != nil {
		return Record{}, err
	}
	// What killed runs left goes while this one is made.
	reaped := make(chan error, 1)
	go func() {
		_, err := r.Runner.Reap(ctx)
		reaped <- err
	}()
	record, err := r.sandboxed(ctx, script, in, wanted)
	if reapErr := <-reaped; reapErr != nil && ctx.Err() == nil && err == nil {
		r.notice("warning: " + reapErr.Error())
	}
	return record, err
}

// sandboxed finds the image, and runs the program in it.
func (r *run) sandboxed(ctx context.Context, s script, in *inputs, wanted packages.Wanted) (Record, error) {
	name, base, err := r.findImage(ctx, s)
	if err != nil {
		return Record{}, err
	}
	if err := os.MkdirAll(r.runDir(r.id), 0o700); err != nil {
		return Record{}, fmt.Errorf("make the folder for the record of the run: %w", err)
	}
	defer r.trim()
	record := Record{Spec: r.given, SpecHash: r.given.hash(), Image: base.Ref, Pass: slices.Sorted(maps.Keys(r.spec.Pass))}
	record.Report = Report{ID: r.id, ImageName: name, Image: base.Ref, Again: r.again}
	image := base
	if !wanted.None() {
		temporary, err := os.MkdirTemp("", "envctl-packages-*")
		if err != nil {
			return Record{}, err
		}
		defer func() { _ = os.RemoveAll(temporary) }()
		b := builder{Deps: r.Deps, base: base, uid: userOf(base), id: r.id, spec: r.spec, dir: temporary, wanted: wanted}
		if image, record.Lock, err = b.layered(ctx, r.lock); err != nil {
			_ = os.RemoveAll(r.runDir(r.id)) // nothing ran
			return Record{}, err
		}
		record.Report.Lock = record.Lock.Hash()
	} else if err := checkTag(r.spec.File, name, wanted.Python); err != nil {
		return Record{}, err
	}
	program, err := r.program(s, in, image, wanted)
	if err != nil {
		return Record{}, err
	}
	return r.execute(ctx, program, in, record)
}

// findImage returns the base image and its name.
func (r *run) findImage(ctx context.Context, s script) (string, Image, error) {
	name, pin := r.spec.Image, ""
	if name == "" {
		name = s.language.Image
		var err error
		if pin, err = r.pinned(name); err != nil {
			return "", Image{}, err
		}
	}
	ask := name
	for _, better := range []string{pin, r.image} {
		if better != "" {
			ask = better
		}
	}
	image, err := r.Runner.Image(ctx, ask)
	if err != nil {
		return "", Image{}, err
	}
	if r.spec.Image == "" && pin == "" && r.image == "" {
		if err := os.MkdirAll(r.Dir, 0o700); err != nil {
			return "", Image{}, err
		}
		err = r.pin(name, image.Ref)
	}
	return name, image, err
}

// checkTag judges requires-python by the tag of a usual image, where nothing has
// to be installed that would ask Python itself.
func checkTag(file, name, want string) error {
	version, found := strings.CutPrefix(name, "python:")
	if !found || !strings.Contains("0123456789", version[:min(1, len(version))]) {
		return nil
	}
	version, _, _ = strings.Cut(version, "-")
	return checkPython(file, version, want)
}

// userOf is the user that an image runs as where it is a number and not root.
func userOf(image Image) int {
	name, _, _ := strings.Cut(image.User, ":")
	if id, err := strconv.Atoi(name); err == nil && id > 0 && id < 1<<31 {
		return id
	}
	return user
}

// kernelDirs are where an image's program may not begin: a working folder there can
// be the host's own (CVE-2024-21626).
var kernelDirs = []string{"/proc", "/sys", "/dev"}

// program is what the runner gets.
func (r *run) program(s script, in *inputs, image Image, wanted packages.Wanted) (Program, error) {
	p := Program{
		ID: r.id, Image: image, UID: userOf(image), CPU: r.spec.CPU, Memory: r.spec.Memory, Scratch: r.spec.Scratch,
		Timeout: r.spec.Timeout, Grace: grace, Expires: time.Now().Add(r.spec.Timeout + expiryMargin), Isolation: r.spec.Isolation,
		Out: r.spec.Out, Egress: r.spec.Egress,
	}
	p.Command, p.Args = s.command(r.spec)
	p.Live = s.language.Live
	if len(p.Command) == 0 && len(p.Args) == 0 && len(image.Entrypoint) == 0 && len(image.Cmd) == 0 {
		return p, wrong("--image", "give the command after --, as in -- ls -l", "image %q has no program of its own", r.spec.Image)
	}
	if r.spec.File != "" {
		p.WorkDir = InDir
	} else if at := path.Clean("/" + image.WorkDir); slices.ContainsFunc(kernelDirs, func(dir string) bool {
		return at == dir || strings.HasPrefix(at, dir+"/")
	}) {
		return p, &Error{What: fmt.Sprintf("image %q begins in the folder %q, which is the kernel's", r.spec.Image, image.WorkDir),
			Why: "with some container runtimes such a folder leads out of the sandbox", Kind: "image", At: "--image", Exit: 3,
			Mend: "build the image with another WORKDIR"}
	}
	env := map[string]string{"HOME": "/tmp"}
	if !wanted.None() && wanted.Manager == "pip" {
		env["PYTHONPATH"] = "/" + pipDir
	}
	maps.Copy(env, r.spec.Env)
	maps.Copy(env, r.spec.Pass)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		p.Env = append(p.Env, name+"="+env[name])
	}
	if !in.empty() {
		p.In = in.write
	}
	return p, nil
}

// checkOut refuses to write among what is there already.
func checkOut(spec Spec) error {
	if spec.Out == "" {
		return nil
	}
	entries, err := os.ReadDir(spec.Out)
	switch {
	case os.IsNotExist(err):
		return nil
	case err != nil:
		return &Error{What: fmt.Sprintf("cannot use %q for the results", spec.Out), Why: err.Error(), Kind: "out", At: "--out", Exit: statusUsage,
			Mend: "give a folder that is empty or does not exist yet", Err: err}
	case len(entries) > 0 && !spec.Force:
		return &Error{What: fmt.Sprintf("folder %q for the results is not empty", spec.Out), Why: "it has " + strconv.Quote(entries[0].Name()),
			Kind: "exists", At: "--out", Exit: statusUsage, Mend: "give another folder, or --force to replace files of the same names"}
	}
	return nil
}

// execute runs the program and completes the record.
func (r *run) execute(ctx context.Context, p Program, in *inputs, record Record) (Record, error) {
	dir := r.runDir(r.id)
	outFile, err := os.OpenFile(filepath.Join(dir, "stdout"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return Record{}, err
	}
	defer func() { _ = outFile.Close() }() // what is missing there is told in the report
	errFile, err := os.OpenFile(filepath.Join(dir, "stderr"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return Record{}, err
	}
	defer func() { _ = errFile.Close() }()
	stdout, stderr := newStream(r.streams.Stdout, r.spec.Output, outFile), newStream(r.streams.Stderr, r.spec.Output, errFile)
	ended, err := r.Runner.Run(ctx, p, Streams{Stdin: r.streams.Stdin, Stdout: stdout, Stderr: stderr})
	report := &record.Report
	report.Stdout, report.Stderr = stdout.finish("stdout"), stderr.finish("stderr")
	report.fill(ended)
	record.Inputs = in.hashes
	if p.Out != "" {
		report.Files, report.Out = &ended.Files, p.Out
		record.Outputs = ended.Files.Hashes
	}
	failed := r.ending(ctx, report, ended, err)
	if saveErr := r.save(record); saveErr != nil && failed == nil {
		failed = fmt.Errorf("keep the record of the run: %w", saveErr)
	}
	return record, failed
}

func (r *Report) fill(e Ended) {
	r.ExitCode, r.Started, r.Usage, r.Isolation, r.Egress = e.ExitCode, e.Started, e.Usage, e.Isolation, e.Egress
	if !e.Started.IsZero() && e.Finished.After(e.Started) {
		r.Duration = e.Finished.Sub(e.Started)
		r.Seconds = r.Duration.Round(time.Millisecond).Seconds()
	}
	r.Ended = Exited
	switch {
	case e.TimedOut:
		r.Ended = TimedOut
	case e.OOMKilled:
		r.Ended = OutOfMemory
	}
}

// The exit statuses of runs that were ended from outside, as timeout(1) and shells
// have them.
const (
	statusTimeout = 124
	statusKilled  = 137
)

// ending is the error of a run that was ended from outside.
func (r *run) ending(ctx context.Context, report *Report, e Ended, err error) error {
	switch {
	case ctx.Err() != nil:
		report.Ended = Interrupted
		return context.Cause(ctx)
	case e.TimedOut:
		return &Error{What: fmt.Sprintf("the program was stopped at its time limit of %s", r.spec.Timeout), Kind: "timeout", At: "--timeout",
			Exit: statusTimeout, Mend: "give it more, as in --timeout " + (2 * r.spec.Timeout).String(), Err: err}
	case e.OOMKilled:
		return &Error{What: fmt.Sprintf("the program was killed at its memory limit of %d MiB", r.spec.Memory>>20), Kind: "memory", At: "--memory",
			Exit: statusKilled, Mend: fmt.Sprintf("give it more, as in --memory %dMi", 2*r.spec.Memory>>20), Err: err}
	}
	return err
}
