package images

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/flock"
	"github.com/envctl/envctl/stacks/internal/atomicfile"
)

// LockFile is the name of the file beside a definition that pins what a tag meant.
const LockFile = "envctl.lock"

const lockHead = "# Written by envctl: what each image name meant when it was first used.\n" +
	"# Commit this file; delete a line to take what the name means now.\n"

// maxLockSize bounds the file in bytes: some 5,000 images.
const maxLockSize = 1 << 20

// Lock is a read envctl.lock. It is safe for concurrent use.
type Lock struct {
	path string
	mu   sync.Mutex
	pins map[string]string
	set  map[string]string // since it was read or saved
}

// WriteError is an envctl.lock that cannot be written: what a tag meant would be
// forgotten.
type WriteError struct {
	Path string
	Err  error
}

func (e *WriteError) Error() string { return fmt.Sprintf("%s cannot be written: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *WriteError) Unwrap() error { return e.Err }

// Code is the error's name in JSON.
func (*WriteError) Code() string { return "unwritable" }

// Hint says how to mend it.
func (e *WriteError) Hint() string {
	return "make the folder writable for you, or name the images by digest: then there is nothing to write"
}

// LockError is a line of envctl.lock that envctl did not write.
type LockError struct {
	Path    string
	Line    int
	Problem string
}

func (e *LockError) Error() string { return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Problem) }

// Hint says how to mend it.
func (e *LockError) Hint() string {
	return "restore the file from version control, or delete the line to pin the image anew"
}

// ExitStatus is that of a wrong definition.
func (*LockError) ExitStatus() int { return 2 }

// LoadLock reads the file; a missing one pins nothing.
func LoadLock(path string) (*Lock, error) {
	pins, err := readPins(path)
	if err != nil {
		return nil, err
	}
	return &Lock{path: path, pins: pins, set: map[string]string{}}, nil
}

var lockLine = regexp.MustCompile(`^(\S+): (\S+)$`)

func readPins(path string) (map[string]string, error) {
	pins := map[string]string{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return pins, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, maxLockSize+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxLockSize {
		return nil, &LockError{path, 1, fmt.Sprintf("the file has more than %d bytes, so it is not what envctl wrote", maxLockSize)}
	}
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := lockLine.FindStringSubmatch(line)
		if m == nil {
			return nil, &LockError{path, i + 1, fmt.Sprintf("%.80q is not NAME: DIGEST", line)}
		}
		if err := plan.CheckRef(m[2]); err != nil {
			return nil, &LockError{path, i + 1, err.Error()}
		}
		if _, twice := pins[m[1]]; twice { // as a merge of two branches leaves it
			return nil, &LockError{path, i + 1, fmt.Sprintf("%q is pinned a second time", m[1])}
		}
		pins[m[1]] = m[2]
	}
	return pins, nil
}

// Pin returns the digest that a name is pinned to: name@sha256:…, or the image
// ID sha256:… of an image that only one engine has.
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
	if l.pins[name] != digest {
		l.pins[name], l.set[name] = digest, digest
	}
}

// Save writes the file where a pin was set, atomically. Pins that another envctl
// added meanwhile are kept.
func (l *Lock) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.set) == 0 {
		return nil
	}
	for name, digest := range l.set {
		if line := name + ": " + digest; !lockLine.MatchString(line) || strings.HasPrefix(line, "#") {
			return fmt.Errorf("%q cannot be pinned to %q: a line of %s is NAME: DIGEST, without spaces", name, digest, l.path)
		}
		if err := plan.CheckRef(digest); err != nil {
			return fmt.Errorf("pinning %q: %w", name, err)
		}
	}
	release, err := lockFolder(filepath.Dir(l.path))
	if err != nil {
		return &WriteError{Path: l.path, Err: err}
	}
	defer release()
	pins, err := readPins(l.path)
	if err != nil {
		return err
	}
	before := maps.Clone(pins)
	maps.Copy(pins, l.set)
	if !maps.Equal(before, pins) {
		if err := atomicfile.Write(l.path, render(pins), 0o644); err != nil {
			return &WriteError{Path: l.path, Err: err}
		}
	}
	l.pins, l.set = pins, map[string]string{}
	return nil
}

func render(pins map[string]string) []byte {
	var out bytes.Buffer
	out.WriteString(lockHead)
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		fmt.Fprintf(&out, "%s: %s\n", name, pins[name])
	}
	return out.Bytes()
}

// lockFolder holds a folder against other writers of envctl.lock, for the few
// milliseconds of a write; the kernel frees it with the process.
func lockFolder(path string) (release func(), err error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := flock.Lock(d, flock.Exclusive); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return func() { _ = d.Close() }, nil
}
