package state

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// DirError is a state folder, or a file in it, that cannot be used.
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
	var hinted interface{ Hint() string }
	switch {
	case errors.As(e.Err, &hinted):
		return hinted.Hint()
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "free some space there, then run the same command again: what was recorded before is kept"
	case errors.Is(e.Err, syscall.EROFS), errors.Is(e.Err, fs.ErrPermission):
		return "make it writable for you, or set ENVCTL_STATE_DIR to a folder that is"
	}
	return "set ENVCTL_STATE_DIR to a folder of your own"
}

// OwnerError is a state folder of another user, as sudo with the caller's HOME
// meets. Files made there would lock its owner out.
type OwnerError struct{ Owner, User int } // numeric users

func (e *OwnerError) Error() string {
	return fmt.Sprintf("it belongs to user %d, and this is user %d", e.Owner, e.User)
}

// Hint says how to mend it.
func (e *OwnerError) Hint() string {
	return fmt.Sprintf("run envctl as user %d, or set ENVCTL_STATE_DIR to a folder of user %d", e.Owner, e.User)
}

// ModeError is a folder that everybody can change, or a key that others can read.
type ModeError struct {
	Path       string
	Mode, Want fs.FileMode
}

func (e *ModeError) Error() string {
	return fmt.Sprintf("other users can get at %q: its mode is %#o", e.Path, e.Mode)
}

// Hint says how to mend it.
func (e *ModeError) Hint() string { return fmt.Sprintf("chmod %#o %q", e.Want, e.Path) }

// DamagedError is a file that does not hold what envctl wrote. It is left as it is.
type DamagedError struct {
	Path   string
	Backup string // a sound earlier version; empty: there is none
	Err    error
}

func (e *DamagedError) Error() string {
	if errors.Is(e.Err, errNewer) {
		return fmt.Sprintf("%q cannot be used: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%q is damaged: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// Code is the error's name in JSON.
func (*DamagedError) Code() string { return "state" }

// Hint says how to restore it.
func (e *DamagedError) Hint() string {
	if errors.Is(e.Err, errNewer) {
		return "use the envctl that wrote it: `envctl version` says which one this is"
	}
	if e.Backup != "" {
		return fmt.Sprintf("restore the previous version: cp %q %q", e.Backup, e.Path)
	}
	return fmt.Sprintf("there is no sound earlier version: move it away (mv %q %q), and `envctl down` then finds what is left by its labels",
		e.Path, e.Path+".damaged")
}
