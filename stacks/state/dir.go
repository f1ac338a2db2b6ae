package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Dir is an opened state folder.
type Dir struct {
	path   string
	getenv func(string) string
}

// DirError is a state folder that cannot be used.
type DirError struct {
	Path string
	Err  error
}

func (e *DirError) Error() string {
	return fmt.Sprintf("the state folder %q cannot be used: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *DirError) Unwrap() error { return e.Err }

// Code is the error's name in JSON.
func (*DirError) Code() string { return "state" }

// Hint says how to mend it.
func (e *DirError) Hint() string {
	switch {
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "free some space there, then run the same command again: what was recorded before is kept"
	case errors.Is(e.Err, syscall.EROFS), errors.Is(e.Err, fs.ErrPermission):
		return "make it writable for you, or set ENVCTL_STATE_DIR to a folder that is"
	}
	return "set ENVCTL_STATE_DIR to a folder of your own"
}

// Open finds the state folder and makes it where it is missing:
// ENVCTL_STATE_DIR, else XDG_STATE_HOME/envctl, else ~/.local/state/envctl (XDG
// Base Directory Specification 0.8). Only its owner can read it.
func Open(getenv func(string) string) (*Dir, error) {
	path, err := find(getenv)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"", "records", "locks", "pulumi", "work", "derived"} {
		if err := os.MkdirAll(filepath.Join(path, sub), 0o700); err != nil {
			return nil, &DirError{Path: path, Err: err}
		}
	}
	return &Dir{path: path, getenv: getenv}, nil
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

// SaltFile keeps the salt of the key that [Dir.Passphrase] leads to.
func (d *Dir) SaltFile() string { return filepath.Join(d.path, "key.salt") }

// BackendURL is where Pulumi keeps state: ENVCTL_BACKEND_URL, else this folder.
func (d *Dir) BackendURL() string {
	if url := d.getenv("ENVCTL_BACKEND_URL"); url != "" {
		return url
	}
	return "file://" + filepath.ToSlash(filepath.Join(d.path, "pulumi"))
}
