package oneshot

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Bounds of what is brought in, all inputs together.
const (
	maxInputs     = 10_000  // files and folders
	maxInputBytes = 1 << 30 // of all files
)

// inputTime is the time of everything that is brought in: equal inputs are equal
// to the program.
var inputTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// inputs are what InDir gets: a script and files and folders of this machine, each
// by its own name. They are read once, while they are written as a tar.
type inputs struct {
	script []byte // nil: there is none
	name   string // of the script
	paths  map[string]string

	unbounded bool // what is packed was bounded before

	count  int
	bytes  int64
	hashes map[string]string // path below InDir → SHA-256 of a file
}

// newInputs refuses names that come twice.
func newInputs(spec Spec, script []byte) (*inputs, error) {
	in := &inputs{script: script, paths: map[string]string{}, hashes: map[string]string{}}
	if spec.File != "" {
		in.name = filepath.Base(spec.File)
	}
	for _, p := range spec.Inputs {
		name := filepath.Base(p)
		if other, taken := in.paths[name]; taken {
			return nil, wrong("--in", "rename one of them, or give a folder that has both",
				"inputs %q and %q would both be %s", other, p, path.Join(InDir, name))
		}
		if name == in.name && p != spec.File {
			return nil, wrong("--in", "rename one of them", "input %q and the script %q would both be %s", p, spec.File, path.Join(InDir, name))
		}
		if name == string(filepath.Separator) || name == "." || name == ".." {
			return nil, wrong("--in", "name a file or a folder", "input %q has no name of its own", p)
		}
		if p != spec.File {
			in.paths[name] = p
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.paths)) {
		if _, err := os.Stat(in.paths[name]); err != nil {
			return nil, unreadable("--in", in.paths[name], err)
		}
	}
	return in, nil
}

func unreadable(flag, name string, err error) *Error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &Error{What: fmt.Sprintf("cannot read %q", name), Why: err.Error(), At: flag, Kind: "input", Exit: statusUsage,
		Mend: "look at the path and its permissions", Err: err}
}

// empty says that there is nothing to bring in.
func (in *inputs) empty() bool { return in.name == "" && len(in.paths) == 0 }

// write writes the tar and notes the hashes.
func (in *inputs) write(w io.Writer) error {
	in.count, in.bytes, in.hashes = 0, 0, map[string]string{}
	tw := tar.NewWriter(w)
	if in.name != "" {
		if err := in.file(tw, in.name, 0o555, int64(len(in.script)), bytes.NewReader(in.script)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(in.paths)) {
		if err := in.add(tw, name, in.paths[name]); err != nil {
			return err
		}
	}
	return tw.Close()
}

// add writes what was given by its path, which may be a link: the user named it.
func (in *inputs) add(tw *tar.Writer, name, given string) error {
	real, err := filepath.EvalSymlinks(given)
	if err != nil {
		return unreadable("--in", given, err)
	}
	info, err := os.Stat(real)
	if err != nil {
		return unreadable("--in", given, err)
	}
	folder, file := real, "."
	if !info.IsDir() {
		folder, file = filepath.Dir(real), filepath.Base(real)
	}
	// Everything below is opened through a root: a link that leads out of it is no
	// way out, and neither is one that is put there while it is read.
	root, err := os.OpenRoot(folder)
	if err != nil {
		return unreadable("--in", given, err)
	}
	defer func() { _ = root.Close() }() // only read
	if !info.IsDir() {
		return in.open(tw, root, given, name, file)
	}
	return fs.WalkDir(root.FS(), ".", func(rel string, d fs.DirEntry, err error) error {
		if err != nil {
			return unreadable("--in", filepath.Join(given, rel), err)
		}
		if d.IsDir() {
			return in.folder(tw, path.Join(name, rel))
		}
		return in.open(tw, root, filepath.Join(given, rel), path.Join(name, rel), rel)
	})
}

func (in *inputs) folder(tw *tar.Writer, name string) error {
	if err := in.admit(name, 0); err != nil {
		return err
	}
	return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o555, ModTime: inputTime, Format: tar.FormatPAX})
}

// open writes one file by its content. A link within the root gives the content
// that it leads to; a name of the same file elsewhere (a hard link) is content too.
func (in *inputs) open(tw *tar.Writer, root *os.Root, shown, name, rel string) error {
	// Not blocking: a pipe without a writer would never open.
	f, err := root.OpenFile(filepath.FromSlash(rel), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if info, statErr := root.Lstat(filepath.FromSlash(rel)); statErr == nil && info.Mode()&fs.ModeSymlink != 0 {
			return &Error{What: fmt.Sprintf("input %q is a link that leads nowhere or out of what is brought in", shown), At: "--in", Kind: "input",
				Exit: statusUsage, Mend: "bring in what it leads to by an --in of its own, and remove the link", Err: err}
		}
		return unreadable("--in", shown, err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return unreadable("--in", shown, err)
	}
	if !info.Mode().IsRegular() {
		return &Error{What: fmt.Sprintf("input %q is %s", shown, kindOf(info)), Why: "only files and folders are brought in, and links to files among them",
			At: "--in", Kind: "input", Exit: statusUsage, Mend: "bring in a folder without it"}
	}
	mode := int64(0o444)
	if info.Mode()&0o111 != 0 {
		mode = 0o555
	}
	err = in.file(tw, name, mode, info.Size(), f)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &Error{What: fmt.Sprintf("input %q became shorter while it was read", shown), At: "--in", Kind: "input", Exit: 1,
			Mend: "run it again when nothing writes to it", Err: err}
	}
	return err
}

func kindOf(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "a link to a folder"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "no file"
}

func (in *inputs) file(tw *tar.Writer, name string, mode, size int64, content io.Reader) error {
	if err := in.admit(name, size); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, ModTime: inputTime, Format: tar.FormatPAX}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(tw, sum), content, size); err != nil {
		return err
	}
	in.hashes[name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

func (in *inputs) admit(name string, size int64) error {
	in.count++
	in.bytes += size
	if !in.unbounded && (in.count > maxInputs || in.bytes > maxInputBytes) {
		return &Error{What: fmt.Sprintf("the inputs are more than %d files and folders or %d MiB, at %q", maxInputs, int64(maxInputBytes)>>20, name),
			At: "--in", Kind: "input", Exit: statusUsage, Mend: "bring in less, or an archive of small files"}
	}
	return nil
}
