package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// maxJSON is the most bytes of a file of an archive that is read into memory:
// manifests and configs.
const maxJSON = 4 << 20

// maxFiles is the most files of an archive: an image has 127 layers at most, and
// each has a few files.
const maxFiles = 10_000

// spool is an archive unpacked into a folder: an engine writes what says what the
// files are after the files.
type spool struct {
	dir   string
	files map[string]spooled // by their path in the archive
	links map[string]string  // path → path
}

type spooled struct {
	path   string // on disk
	size   int64
	digest digest.Digest // of the content
}

// unpack reads an archive to its end into a folder.
func unpack(r io.Reader, dir string) (*spool, error) {
	s := &spool{dir: dir, files: map[string]spooled{}, links: map[string]string{}}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the archive cannot be read to its end: %w", err)
		}
		name := path.Clean("/" + header.Name)[1:]
		if len(s.files)+len(s.links) >= maxFiles {
			return nil, fmt.Errorf("the archive has more than %d files", maxFiles)
		}
		switch header.Typeflag {
		case tar.TypeReg:
			f, err := s.keep(archive)
			if err != nil {
				return nil, fmt.Errorf("unpack %q: %w", header.Name, err)
			}
			s.files[name] = f
		case tar.TypeSymlink: // a layer that is there twice
			s.links[name] = path.Clean("/" + path.Join(path.Dir(name), header.Linkname))[1:]
		case tar.TypeLink:
			s.links[name] = path.Clean("/" + header.Linkname)[1:]
		}
	}
	if len(s.files) == 0 {
		return nil, errors.New("the archive is empty")
	}
	_, err := io.Copy(io.Discard, r) // what follows the end, so that who writes can end
	return s, err
}

// keep writes a file under a name of its own: names of archives lead anywhere.
func (s *spool) keep(r io.Reader) (spooled, error) {
	f, err := os.Create(filepath.Join(s.dir, fmt.Sprint(len(s.files))))
	if err != nil {
		return spooled{}, err
	}
	sum := digest.SHA256.Digester()
	size, err := io.Copy(io.MultiWriter(f, sum.Hash()), r)
	return spooled{f.Name(), size, sum.Digest()}, errors.Join(err, f.Close())
}

// file returns a file by its path, also one that is a link.
func (s *spool) file(name string) (spooled, error) {
	at := name
	for range 10 {
		if f, ok := s.files[at]; ok {
			return f, nil
		}
		next, ok := s.links[at]
		if !ok {
			break
		}
		at = next
	}
	return spooled{}, fmt.Errorf("the archive has no %q", name)
}

// json returns the content of a small file.
func (s *spool) json(name string) ([]byte, error) {
	f, err := s.file(name)
	if err != nil {
		return nil, err
	}
	if f.size > maxJSON {
		return nil, fmt.Errorf("%q of the archive has %d bytes, at most %d were expected", name, f.size, maxJSON)
	}
	raw, err := os.ReadFile(f.path)
	return bytes.TrimSpace(raw), err
}
