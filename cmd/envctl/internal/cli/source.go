package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/envctl/envctl/components/definition"
)

// maxStdin bounds what is read from stdin: more than any definition may have, so
// that the reader refuses it.
const maxStdin = 16 << 20

// source is where the definition comes from.
type source struct {
	file  string // absolute; "": stdin
	shown string // the name in messages
	dir   string // that relative paths start from
	data  []byte // of stdin
}

// lookup is a caller's environment.
type lookup = func(name string) (value string, set bool)

// source finds the definition: --file, or the one of the current folder.
func (p *program) source() (source, error) {
	if p.flags.file == "-" {
		data, err := io.ReadAll(io.LimitReader(p.env.Stdin, maxStdin))
		if err != nil {
			return source{}, &problem{code: "unreadable", status: statusUsage, path: "-", err: err,
				message: fmt.Sprintf("cannot read the definition from stdin: %s", cause(err)), hint: "-f FILE reads a file"}
		}
		return source{shown: "stdin", dir: p.env.Dir, data: data}, nil
	}
	file := p.path(p.flags.file)
	if p.flags.file == "" {
		found, err := discover(p.env.Dir, p.env.Getenv("HOME"))
		if err != nil {
			return source{}, err
		}
		file = found
	}
	return source{file: file, shown: p.shorten(file), dir: filepath.Dir(file)}, nil
}

// shorten makes a name relative to the current folder where that is below it.
func (p *program) shorten(file string) string {
	if rel, err := filepath.Rel(p.env.Dir, file); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return file
}

// read reads the definition with the caller's variables.
func (s source) read(l lookup) (*definition.Definition, error) {
	o := definition.ReadOptions{File: s.shown, Dir: s.dir, Lookup: l}
	if s.file == "" {
		return definition.Read(s.data, o)
	}
	if info, err := os.Stat(s.file); err == nil && !info.Mode().IsRegular() {
		return nil, &problem{code: "unreadable", status: statusUsage, path: s.shown,
			message: fmt.Sprintf("%q is not a file", s.shown), hint: "-f FILE names the definition itself"}
	}
	d, err := definition.ReadFile(s.file, o)
	var problems definition.Problems
	switch {
	case err == nil || errors.As(err, &problems):
		return d, err
	case errors.Is(err, fs.ErrNotExist):
		return nil, &problem{code: "no-definition", status: statusUsage, path: s.shown, err: err,
			message: fmt.Sprintf("there is no file %q", s.shown), hint: "envctl init writes a definition"}
	}
	return nil, &problem{code: "unreadable", status: statusUsage, path: s.shown, err: err,
		message: fmt.Sprintf("cannot read %q: %s", s.shown, cause(err)), hint: "look at the permissions of the file"}
}

// readWithoutVariables reads the definition for a command that needs names only.
// A variable that is not set does not keep it from its work, unless the address of
// the target is made of it: `down` must find what `up` made in another shell.
func (s source) readWithoutVariables(l lookup, target string) (*definition.Definition, error) {
	d, strict := s.read(l)
	var problems definition.Problems
	if !errors.As(strict, &problems) {
		return d, strict
	}
	standIn := func(instead string) *definition.Definition {
		d, err := s.read(func(name string) (string, bool) {
			if value, set := l(name); set {
				return value, true
			}
			return instead, true
		})
		if err != nil {
			return nil
		}
		return d
	}
	a, b := standIn("0"), standIn("1")
	if a == nil || b == nil || address(a, target) != address(b, target) {
		return nil, strict
	}
	return a, nil
}

// address says where the experiment is on a target, as far as a definition tells.
func address(d *definition.Definition, target string) string {
	if a := d.Targets.Azure; target == targetAzure && a != nil {
		return strings.Join([]string{a.Subscription, a.Tenant, a.ResourceGroup}, " ")
	}
	if d.Targets.Local == nil {
		return ""
	}
	return d.Targets.Local.Host
}

// definitionError is a definition's error with another hint.
type definitionError struct {
	err  error
	hint string
}

func (e *definitionError) Error() string { return e.err.Error() }
func (e *definitionError) Unwrap() error { return e.err }
func (e *definitionError) Hint() string  { return e.hint }
