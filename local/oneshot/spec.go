package oneshot

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/local/isolation"
)

// Folders of the program.
const (
	InDir  = "/in"  // the script and the inputs, by their own names
	OutDir = "/out" // what is brought back
)

// What a run may take where its Spec does not say.
const (
	DefaultTimeout = 10 * time.Minute
	DefaultCPU     = 1.0
	DefaultMemory  = 1 << 30
	DefaultScratch = 512 << 20 // of /tmp; counts as memory
	// DefaultOutput is what of each stream reaches the caller in bytes.
	DefaultOutput = 16 << 20

	minMemory  = 6 << 20 // the engine's own minimum
	maxScript  = 16 << 20
	shortest   = time.Second
	maxRunTime = 7 * 24 * time.Hour
)

// Spec is one run. Its paths are of this machine and absolute. A zero limit takes
// the default.
type Spec struct {
	// Image is a name, a digest or an ID; empty: the usual one of the script's
	// language.
	Image string `json:"image,omitempty"`
	// File is the script; empty: the image's own program runs.
	File string `json:"file,omitempty"`
	// Source is the script's text where it is in no file. File is then its name
	// alone, as in "main.py".
	Source []byte `json:"source,omitempty"`
	// Command stands in the place of the image's entrypoint, or of the command that
	// the language has for a script.
	Command []string `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Inputs  []string `json:"inputs,omitempty"` // files and folders
	Out     string   `json:"out,omitempty"`    // folder for the results; empty: they are dropped
	Force   bool     `json:"force,omitempty"`  // Out may have something in it, which may be replaced

	With         []string `json:"with,omitempty"`         // packages, as the language's package manager writes them
	Requirements string   `json:"requirements,omitempty"` // file that lists packages

	// Egress are the hosts that it may reach, as in a definition; none: it has no
	// network.
	Egress []string `json:"egress,omitempty"`

	Env map[string]string `json:"env,omitempty"`
	// Pass are variables whose values are secret: they are given to the program and
	// recorded nowhere.
	Pass map[string]string `json:"-"`

	Timeout time.Duration `json:"timeout,omitempty"`
	CPU     float64       `json:"cpu,omitempty"`     // cores
	Memory  int64         `json:"memory,omitempty"`  // bytes
	Scratch int64         `json:"scratch,omitempty"` // bytes of /tmp
	Output  int64         `json:"output,omitempty"`  // bytes of each stream that reach the caller
	// Isolation is what separates the program from the machine: container, gvisor, vm,
	// or auto, the strongest that the runner has; empty: auto.
	Isolation string `json:"isolation,omitempty"`
}

// Error is a run that cannot be, or that was ended from outside.
type Error struct {
	What string // the value quoted
	Why  string
	Mend string
	Kind string // one word: spec, input, timeout, memory, …
	At   string // flag or file
	Exit int    // status for the caller's own end; 0: as any failure
	Err  error
}

func (e *Error) Error() string {
	if e.Why == "" {
		return e.What
	}
	return e.What + ": " + e.Why
}

// Summary is Error without the reason.
func (e *Error) Summary() string { return e.What }

// Reason says why, or what was expected.
func (e *Error) Reason() string { return e.Why }

// Hint says how to mend it.
func (e *Error) Hint() string { return e.Mend }

// Code is the kind of error.
func (e *Error) Code() string { return e.Kind }

// Path is the flag or file that it is about.
func (e *Error) Path() string { return e.At }

// ExitStatus is the status that the caller ends with.
func (e *Error) ExitStatus() int { return e.Exit }

func (e *Error) Unwrap() error { return e.Err }

// statusUsage is the exit status for a run that was asked for wrongly.
const statusUsage = 2

func wrong(flag, mend, what string, args ...any) *Error {
	return &Error{What: fmt.Sprintf(what, args...), Mend: mend, Kind: "usage", At: flag, Exit: statusUsage}
}

// defaults fills in the limits that are not given.
func (s Spec) defaults() Spec {
	s.Timeout = cmp.Or(s.Timeout, DefaultTimeout)
	s.CPU = cmp.Or(s.CPU, DefaultCPU)
	s.Memory = cmp.Or(s.Memory, DefaultMemory)
	s.Scratch = min(cmp.Or(s.Scratch, DefaultScratch), s.Memory)
	s.Output = cmp.Or(s.Output, DefaultOutput)
	s.Isolation = cmp.Or(s.Isolation, isolation.Auto)
	return s
}

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// proxyVariable is what a way out is told by.
	proxyVariable = regexp.MustCompile(`(?i)^(HTTPS?|NO)_PROXY$`)
)

// Check reports the first thing that is wrong with the spec in itself.
func (s Spec) Check() error {
	if s.Image == "" && s.File == "" {
		return wrong("--image", "give --file SCRIPT, --image IMAGE or both", "there is nothing to run: neither an image nor a script")
	}
	if err := s.checkPaths(); err != nil {
		return err
	}
	for _, vars := range []map[string]string{s.Env, s.Pass} {
		for name := range vars {
			if !variableName.MatchString(name) {
				return wrong("--env", "give NAME=VALUE", "variable %q is not a name: letters, digits and _, not a digit first", name)
			}
			if len(s.Egress) > 0 && proxyVariable.MatchString(name) {
				return wrong("--env", "leave it out", "variable %q is taken: with --egress it names the proxy, which is the only way out", name)
			}
		}
	}
	if s.File == "" && (len(s.With) > 0 || s.Requirements != "") {
		return wrong("--with", "give --file SCRIPT, or an image that has them", "packages were asked for and there is no script whose language says how to get them")
	}
	return s.defaults().checkLimits()
}

func (s Spec) checkPaths() error {
	script := s.File
	if s.Source != nil {
		if filepath.Base(script) != script || script == "." || script == ".." {
			return wrong("--file", "name it as in main.py", "script %q is not a file's name alone", script)
		}
		script = ""
	}
	for _, p := range slices.Concat([]string{script, s.Out, s.Requirements}, s.Inputs) {
		if p != "" && !filepath.IsAbs(p) {
			return &Error{What: fmt.Sprintf("path %q is not absolute", p), Kind: "usage", Exit: statusUsage, Err: errors.ErrUnsupported}
		}
	}
	return nil
}

func (s Spec) checkLimits() error {
	switch {
	case s.Timeout < shortest || s.Timeout > maxRunTime:
		return wrong("--timeout", "give a time from 1s to 7d, as in --timeout 30m", "time limit %s is out of range", s.Timeout)
	case s.CPU < 0.01 || s.CPU > 1024:
		return wrong("--cpu", "give a number of cores, as in --cpu 0.5", "%g cores are out of range", s.CPU)
	case s.Memory < minMemory:
		return wrong("--memory", "give 6Mi at least, as in --memory 512Mi", "memory of %d bytes is too little", s.Memory)
	case s.Scratch < 0:
		return wrong("--scratch", "give a size, as in --scratch 1Gi", "scratch space of %d bytes is negative", s.Scratch)
	case s.Output < 0:
		return wrong("--output-limit", "give a size, as in --output-limit 1Mi", "output limit of %d bytes is negative", s.Output)
	case !slices.Contains(isolation.Settings(), s.Isolation):
		return wrong("--isolation", "give one of "+strings.Join(isolation.Settings(), ", "), "isolation %q is not known", s.Isolation)
	}
	return nil
}
