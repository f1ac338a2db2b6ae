package state

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/envctl/envctl/stacks"
)

// Dir is an opened state folder.
type Dir struct {
	path   string
	getenv func(string) string
}

// Open finds the state folder and makes it where it is missing:
// ENVCTL_STATE_DIR, else XDG_STATE_HOME/envctl, else ~/.local/state/envctl (XDG
// Base Directory Specification 0.8). Only its owner can read it. A folder that is
// there already and can only be read opens too; writing to it then fails.
func Open(getenv func(string) string) (*Dir, error) {
	path, err := find(getenv)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"", "records", "locks", "pulumi", "work", "derived", "ledgers"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			return nil, &DirError{Path: path, Err: err}
		}
	}
	if err := checkOwner(path); err != nil {
		return nil, &DirError{Path: path, Err: err}
	}
	return &Dir{path: path, getenv: getenv}, nil
}

// checkOwner refuses a folder that others decide about. Write permission of a
// group is none of that: on many systems a user's own group has it by default.
func checkOwner(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return &OwnerError{Owner: int(owner.Uid), User: os.Geteuid()}
	}
	if mode := info.Mode().Perm(); mode&0o002 != 0 {
		return &ModeError{Path: path, Mode: mode, Want: 0o700}
	}
	return nil
}

// Writable says whether the folder takes new content now, by writing some.
func (d *Dir) Writable() error {
	f, err := os.CreateTemp(d.path, ".writable-*")
	if err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	_, err = f.Write(make([]byte, 4096)) // an empty file can be made on a full disk
	if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return &DirError{Path: d.path, Err: err}
	}
	return nil
}

func find(getenv func(string) string) (string, error) {
	if dir := getenv("ENVCTL_STATE_DIR"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", &DirError{Path: dir, Err: err}
		}
		return abs, nil
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) { // a relative one is to be ignored
		return filepath.Join(dir, "envctl"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "envctl"), nil
	}
	return "", &DirError{Path: "~/.local/state/envctl", Err: errors.New("HOME is not set")}
}

// Path is the folder itself.
func (d *Dir) Path() string { return d.path }

// WorkDir is an empty folder that operations run in.
func (d *Dir) WorkDir() string { return filepath.Join(d.path, "work") }

// Derived is for files that are made anew whenever they are needed.
func (d *Dir) Derived() string { return filepath.Join(d.path, "derived") }

// Registry is the local registry's, which makes and removes it.
func (d *Dir) Registry() string { return filepath.Join(d.path, "registry") }

// Models is the folder of the process that answers for the models of a stack, which
// makes and removes it.
func (d *Dir) Models(ref stacks.Ref) (string, error) {
	name, err := stackName(ref)
	return filepath.Join(d.path, "models", name), err
}

// Ledger is the file that has what the models of an experiment cost, all its
// instances together. It outlives them, so that a budget does too.
func (d *Dir) Ledger(ref stacks.Ref) (string, error) {
	_, err := stackName(ref)
	return filepath.Join(d.path, "ledgers", ref.Experiment), err
}

// SaltFile keeps the salt of the key that [Dir.Passphrase] leads to.
func (d *Dir) SaltFile() string { return filepath.Join(d.path, "key.salt") }

// DerivedFile keeps what the key and that salt lead to. It is empty where the
// passphrase is the user's, which is written nowhere in any form.
func (d *Dir) DerivedFile() string {
	for _, name := range append(phraseVariables(), phraseFileVariables()...) {
		if d.getenv(name) != "" {
			return ""
		}
	}
	return filepath.Join(d.path, "key.derived")
}

// BackendURL is where Pulumi keeps state: ENVCTL_BACKEND_URL, else this folder.
func (d *Dir) BackendURL() string {
	if address := d.getenv("ENVCTL_BACKEND_URL"); address != "" {
		return address
	}
	return (&url.URL{Scheme: "file", Path: filepath.Join(d.path, "pulumi")}).String()
}

// part is one part of a stack's name. It keeps a name from leaving its folder.
var part = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// stackName returns ref as a file's name.
func stackName(ref stacks.Ref) (string, error) {
	for _, p := range []string{ref.Experiment, ref.Instance, ref.Target} {
		if !part.MatchString(p) {
			return "", fmt.Errorf("stack %q: %q is not a DNS label: use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends", ref, p)
		}
	}
	return ref.String(), nil
}
