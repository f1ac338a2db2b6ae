// Package untar unpacks what untrusted code left behind: a tar whose every
// entry may be hostile. Regular files and folders come out, nothing else, and
// never outside the folder that is given.
package untar

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Limits bounds what comes out; a zero field takes the default.
type Limits struct {
	Files int   // files and folders, and as many that are neither; 10,000 by default
	Bytes int64 // of all files together; 1 GiB by default
	// Leave says of a path below the folder that it stays behind as a link does, with
	// what is below it; nil: none does.
	Leave func(name string) bool
}

// The defaults of [Limits].
const (
	DefaultFiles = 10_000
	DefaultBytes = 1 << 30
)

// Deepest is how many folders may be in one another: each is opened for everything
// below it, so what is nested without bound would be unpacked without end.
const Deepest = 250

// maxNamed is how many left-out entries a [Summary] names.
const maxNamed = 20

// Summary says what was unpacked.
type Summary struct {
	Files   int   `json:"files"`
	Folders int   `json:"folders"`
	Bytes   int64 `json:"bytes"`
	// Skipped counts entries that were neither a file nor a folder: symbolic
	// and hard links, devices, pipes, sockets. SkippedNames names the first 20.
	Skipped      int      `json:"skipped,omitempty"`
	SkippedNames []string `json:"skippedNames,omitempty"`
	// Hashes is the SHA-256 of each file by its path below the folder.
	Hashes map[string]string `json:"-"`
}

// ErrHostile is an archive that no honest engine writes.
var ErrHostile = errors.New("hostile archive")

// LimitError is an archive that holds more than is allowed.
type LimitError struct {
	What  string // as "files and folders" or "bytes"
	Limit int64
}

// Error says which limit and how large it is.
func (e *LimitError) Error() string {
	return fmt.Sprintf("there are more than %d %s; what was unpacked before that is kept", e.Limit, e.What)
}

// Extract unpacks an uncompressed tar into root. The first component of every
// name is dropped: it is the folder that was archived. Files get mode 0644, or
// 0755 when they are executable, folders 0755; owners and set-id bits are
// dropped. A file that is there already is replaced, not written through.
func Extract(r io.Reader, root *os.Root, limits Limits) (Summary, error) {
	if limits.Files == 0 {
		limits.Files = DefaultFiles
	}
	if limits.Bytes == 0 {
		limits.Bytes = DefaultBytes
	}
	x := extraction{root: root, limits: limits}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return x.sum, nil
		}
		if err != nil {
			return x.sum, fmt.Errorf("%w: not a tar: %w", ErrHostile, err)
		}
		if err := x.entry(h, tr); err != nil {
			return x.sum, err
		}
	}
}

type extraction struct {
	root   *os.Root
	limits Limits
	sum    Summary
}

func (x *extraction) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := localName(h.Name)
	if err != nil || name == "" {
		return err
	}
	if strings.Count(name, "/") >= Deepest {
		return &LimitError{What: "folders in one another", Limit: Deepest}
	}
	flag := h.Typeflag
	if x.limits.Leave != nil && x.limits.Leave(name) {
		flag = tar.TypeSymlink // as what is no file
	}
	switch flag {
	case tar.TypeDir:
		if err := x.count(); err != nil {
			return err
		}
		x.sum.Folders++
		return x.folder(name)
	case tar.TypeReg:
		if err := x.count(); err != nil {
			return err
		}
		x.sum.Files++
		return x.file(name, h, content)
	default:
		if x.sum.Skipped >= x.limits.Files {
			return &LimitError{What: "links and special files", Limit: int64(x.limits.Files)}
		}
		x.sum.Skipped++
		if len(x.sum.SkippedNames) < maxNamed {
			x.sum.SkippedNames = append(x.sum.SkippedNames, name)
		}
		return nil
	}
}

func (x *extraction) count() error {
	if x.sum.Files+x.sum.Folders >= x.limits.Files {
		return &LimitError{What: "files and folders", Limit: int64(x.limits.Files)}
	}
	return nil
}

// localName drops the first component; "" is the archived folder itself.
func localName(name string) (string, error) {
	if strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) || slices.Contains(strings.Split(name, "/"), "..") {
		return "", fmt.Errorf("%w: the name %q leads out of the folder", ErrHostile, name)
	}
	_, rest, _ := strings.Cut(path.Clean(name), "/")
	return rest, nil
}

// folder makes a folder and those above it; a file in its place is replaced.
func (x *extraction) folder(name string) error {
	if name == "." || name == "" {
		return nil
	}
	info, err := x.root.Lstat(name)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		if err := x.root.Remove(name); err != nil {
			return err
		}
	}
	if err := x.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := x.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

func (x *extraction) file(name string, h *tar.Header, content io.Reader) error {
	if err := x.folder(path.Dir(name)); err != nil {
		return err
	}
	if err := x.root.RemoveAll(name); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	left := x.limits.Bytes - x.sum.Bytes
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(content, left+1))
	err = errors.Join(err, f.Close())
	if n > left {
		return errors.Join(&LimitError{What: "bytes", Limit: x.limits.Bytes}, x.root.Remove(name))
	}
	x.sum.Bytes += n
	if err != nil {
		return fmt.Errorf("unpack %q: %w", name, err)
	}
	if x.sum.Hashes == nil {
		x.sum.Hashes = map[string]string{}
	}
	x.sum.Hashes[name] = hex.EncodeToString(sum.Sum(nil))
	return x.stamp(name, h.ModTime)
}

// stamp keeps the time of a file, when it is one that a file system can hold.
func (x *extraction) stamp(name string, t time.Time) error {
	if year := t.Year(); year < 1971 || year > 2100 {
		return nil
	}
	return x.root.Chtimes(name, t, t)
}
