package images

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// LockFile is the name of the file beside a definition that pins what a tag meant.
const LockFile = "envctl.lock"

const lockHead = "# Written by envctl: what each image name meant when it was first used.\n" +
	"# Commit this file; delete a line to take what the name means now.\n"

// Lock is a read envctl.lock. It is safe for concurrent use.
type Lock struct {
	path    string
	mu      sync.Mutex
	pins    map[string]string
	changed bool
}

// LockError is a line of envctl.lock that envctl did not write.
type LockError struct {
	Path string
	Line int
	Text string
}

func (e *LockError) Error() string {
	return fmt.Sprintf("%s:%d: %q is not NAME: DIGEST", e.Path, e.Line, e.Text)
}

// Hint says how to mend it.
func (e *LockError) Hint() string {
	return "restore the file from version control, or delete the line to pin the image anew"
}

// ExitStatus is that of a wrong definition.
func (*LockError) ExitStatus() int { return 2 }

var lockLine = regexp.MustCompile(`^(\S+): ((?:\S+@)?sha256:[0-9a-f]{64})$`)

// LoadLock reads the file; a missing one pins nothing.
func LoadLock(path string) (*Lock, error) {
	l := &Lock{path: path, pins: map[string]string{}}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := lockLine.FindStringSubmatch(line)
		if m == nil {
			return nil, &LockError{Path: path, Line: i + 1, Text: line}
		}
		l.pins[m[1]] = m[2]
	}
	return l, nil
}

// Pin returns the digest that a name is pinned to.
func (l *Lock) Pin(name string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	digest, ok := l.pins[name]
	return digest, ok
}

// Set pins a name.
func (l *Lock) Set(name, digest string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed = l.changed || l.pins[name] != digest
	l.pins[name] = digest
}

// Save writes the file where a pin was added, atomically.
func (l *Lock) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.changed {
		return nil
	}
	var out bytes.Buffer
	out.WriteString(lockHead)
	for _, name := range slices.Sorted(maps.Keys(l.pins)) {
		fmt.Fprintf(&out, "%s: %s\n", name, l.pins[name])
	}
	tmp, err := os.CreateTemp(filepath.Dir(l.path), ".envctl.lock-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", l.path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(out.Bytes())
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", l.path, err)
	}
	if err := os.Rename(tmp.Name(), l.path); err != nil {
		return fmt.Errorf("%s cannot be written: %w", l.path, err)
	}
	l.changed = false
	return nil
}
