package registry

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// Store is a folder of repositories. Its methods may be called at the same time,
// from any number of processes.
type Store struct {
	dir string
	now func() time.Time
}

// Open returns the store of a folder. The folder is made with the first content,
// so that a look at a store that is not there leaves nothing.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Store{dir: abs, now: time.Now}, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

func (s *Store) blobPath(d digest.Digest) string {
	return filepath.Join(s.dir, "blobs", d.Algorithm().String(), d.Encoded()[:2], d.Encoded())
}

// In a repository's folder, what begins with _ is no part of a longer name: names
// do not begin so.
func (s *Store) repositoryPath(repository string, rest ...string) string {
	return filepath.Join(append([]string{s.dir, "repositories", filepath.FromSlash(repository)}, rest...)...)
}

func (s *Store) linkPath(repository, kind string, d digest.Digest) string {
	return s.repositoryPath(repository, kind, d.Algorithm().String(), d.Encoded())
}

func (s *Store) tagPath(repository, tag string) string {
	return s.repositoryPath(repository, "_tags", tag)
}

// Repositories lists the repositories that have a manifest, sorted.
func (s *Store) Repositories() ([]string, error) {
	return s.repositories(func(repository string) (bool, error) {
		digests, err := s.Manifests(repository)
		return len(digests) > 0, err
	})
}

// repositories lists those of all folders of repositories that are wanted.
func (s *Store) repositories(wanted func(string) (bool, error)) ([]string, error) {
	root := filepath.Join(s.dir, "repositories")
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil || !entry.IsDir() || !strings.HasPrefix(entry.Name(), "_") {
			return err
		}
		name, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)] = true
		return fs.SkipDir
	})
	var out []string
	for name := range found {
		ok, wantedErr := wanted(name)
		err = errors.Join(err, wantedErr)
		if ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, err
}

// Manifests lists the digests of a repository's manifests, sorted; none where
// there is no such repository.
func (s *Store) Manifests(repository string) ([]digest.Digest, error) {
	if err := checkName(repository); err != nil {
		return nil, err
	}
	return listDigests(s.repositoryPath(repository, "_manifests"))
}

// listDigests reads the digests of a folder's ALGORITHM/HEX.
func listDigests(root string) ([]digest.Digest, error) {
	var out []digest.Digest
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		names, err := list(filepath.Join(root, algorithm.String()))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if d, err := parseDigest(algorithm.String() + ":" + name); err == nil {
				out = append(out, d)
			}
		}
	}
	return out, nil
}

// Tags lists a repository's tags, sorted as the specification asks: by bytes.
func (s *Store) Tags(repository string) ([]string, error) {
	if err := checkName(repository); err != nil {
		return nil, err
	}
	names, err := list(s.repositoryPath(repository, "_tags"))
	return slices.DeleteFunc(names, func(name string) bool { return checkTag(name) != nil }), err
}

// list returns the names in a folder, sorted by bytes; none where it is not there.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, nil
}
