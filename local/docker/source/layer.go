package source

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	gofs "io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// layerTime is the time of every entry of a layer. Not the epoch itself: some
// formats (zip) cannot hold a time before 1980.
var layerTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Entry is one file, folder or symbolic link of a [Layer]. Owner is 0:0, times
// are fixed, permissions are 0755 for folders and executables, else 0644.
type Entry struct {
	Path string // in the image: absolute, clean
	file string // on this machine; "" for folders and links
	link string
	mode os.FileMode // type and permission bits
	size int64
}

// IsDir says whether the entry is a folder.
func (e Entry) IsDir() bool { return e.mode.IsDir() }

// Layer is the added files, sorted by path, parents first. It holds every
// folder on the way to a file.
type Layer []Entry

// Layer reads the names of the added files; an empty map gives an empty layer.
func (r Recipe) Layer() (Layer, error) {
	entries := map[string]Entry{}
	for _, src := range slices.Sorted(maps.Keys(r.Files)) {
		dest := r.Files[src]
		if !path.IsAbs(dest) || path.Clean(dest) != dest {
			return nil, fmt.Errorf("files: %q is added at %q, which is not a clean absolute path", src, dest)
		}
		if err := addTree(entries, src, dest); err != nil {
			return nil, fmt.Errorf("files: cannot add %q at %q: %w", src, dest, err)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(entries)) {
		for dir := path.Dir(p); dir != "/"; dir = path.Dir(dir) {
			if e, ok := entries[dir]; ok && !e.IsDir() {
				return nil, fmt.Errorf("files: %q lies below %q, which is added as a file", p, dir)
			}
			entries[dir] = Entry{Path: dir, mode: os.ModeDir | 0o755}
		}
	}
	delete(entries, "/")
	layer := slices.Collect(maps.Values(entries))
	slices.SortFunc(layer, func(a, b Entry) int { return strings.Compare(a.Path, b.Path) })
	return layer, nil
}

func addTree(entries map[string]Entry, src, dest string) error {
	if !filepath.IsAbs(src) {
		return errors.New("the source is not an absolute path")
	}
	root, err := filepath.EvalSymlinks(src)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(file string, d gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		e, err := newEntry(path.Join(dest, filepath.ToSlash(rel)), file, info)
		if err != nil {
			return err
		}
		if e.Path == "/" && !e.IsDir() {
			return errors.New("a file cannot be added as /")
		}
		if old, ok := entries[e.Path]; ok && (!old.IsDir() || !e.IsDir()) {
			return fmt.Errorf("%q is added twice", e.Path)
		}
		entries[e.Path] = e
		return nil
	})
}

func newEntry(dest, file string, info os.FileInfo) (Entry, error) {
	mode := info.Mode()
	switch {
	case mode.IsDir():
		return Entry{Path: dest, mode: os.ModeDir | 0o755}, nil
	case mode&os.ModeSymlink != 0:
		link, err := os.Readlink(file)
		return Entry{Path: dest, link: link, mode: os.ModeSymlink | 0o777}, err
	case mode.IsRegular():
		perm := os.FileMode(0o644)
		if mode&0o111 != 0 {
			perm = 0o755
		}
		return Entry{Path: dest, file: file, mode: perm, size: info.Size()}, nil
	default:
		return Entry{}, fmt.Errorf("%s is neither a file, a folder nor a symbolic link", file)
	}
}

func (e Entry) hashed() *hashed {
	h := &hashed{path: e.Path, file: e.file, link: e.link, kind: 'f', mode: unixMode(e.mode)}
	switch {
	case e.IsDir():
		h.kind = 'd'
	case e.link != "":
		h.kind, h.mode = 'l', 0
	}
	return h
}

func (e Entry) header() *tar.Header {
	h := &tar.Header{
		Format: tar.FormatPAX, Name: strings.TrimPrefix(e.Path, "/"),
		Mode: int64(e.mode.Perm()), ModTime: layerTime, Typeflag: tar.TypeReg, Size: e.size,
	}
	switch {
	case e.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case e.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
	}
	return h
}

// WriteTo writes the layer as an uncompressed tar: the same bytes for the same
// files, on every machine.
func (l Layer) WriteTo(w io.Writer) (int64, error) {
	counted := &counter{w: w}
	tw := tar.NewWriter(counted)
	for _, e := range l {
		if err := e.writeTo(tw); err != nil {
			return counted.n, err
		}
	}
	return counted.n, tw.Close()
}

func (e Entry) writeTo(tw *tar.Writer) error {
	if err := tw.WriteHeader(e.header()); err != nil || e.file == "" {
		return err
	}
	f, err := os.Open(e.file)
	if err != nil {
		return err
	}
	defer f.Close()
	if n, err := io.CopyN(tw, f, e.size); err != nil {
		return fmt.Errorf("%s changed while it was read (%d of %d bytes): %w", e.file, n, e.size, err)
	}
	return nil
}

// Size is the length of the tar, without reading the files.
func (l Layer) Size() (int64, error) {
	total := int64(2 * 512) // two zero blocks end a tar
	for _, e := range l {
		counted := &counter{w: io.Discard}
		if err := tar.NewWriter(counted).WriteHeader(e.header()); err != nil {
			return 0, err
		}
		total += counted.n + (e.size+511)/512*512
	}
	return total, nil
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
