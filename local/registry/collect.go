package registry

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/envctl/envctl/local/flock"
)

// underWay is how long after the last push over HTTP what no manifest refers to is
// still taken for one that is under way. Between its requests a push holds nothing.
const underWay = 10 * time.Minute

// pushed notes when something was last pushed over HTTP.
func (s *Store) pushed() error {
	path := filepath.Join(s.dir, "pushed")
	now := s.now()
	err := os.Chtimes(path, now, now)
	if missing(err) {
		err = mark(path)
	}
	return err
}

// pushing says whether a push over HTTP may be under way.
func (s *Store) pushing() (bool, error) {
	info, err := os.Stat(filepath.Join(s.dir, "pushed"))
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.now().Sub(info.ModTime()) < underWay, nil
}

// Collect removes the content that no manifest refers to, and what killed
// processes left. It waits until nobody holds the store. A store that has nothing
// else is removed with its folder; empty says so.
func (s *Store) Collect(ctx context.Context) (empty bool, err error) {
	release, err := s.hold(ctx, flock.Exclusive, false)
	if missing(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer release()
	empty, err = s.collect()
	if empty && err == nil {
		err = s.discard()
	}
	return empty, err
}

// collect is Collect by who holds the store alone.
func (s *Store) collect() (empty bool, err error) {
	pushing, err := s.pushing()
	if err != nil {
		return false, err
	}
	used := map[digest.Digest]bool{}
	repositories, err := s.repositories(func(string) (bool, error) { return true, nil })
	if err != nil {
		return false, err
	}
	manifests := 0
	for _, repository := range repositories {
		n, err := s.collectRepository(repository, pushing, used)
		if err != nil {
			return false, err
		}
		manifests += n
	}
	return manifests == 0 && !pushing, s.collectContent(used)
}

// collectRepository notes the content that a repository uses and drops what it only
// has. It returns how many manifests there are.
func (s *Store) collectRepository(repository string, pushing bool, used map[digest.Digest]bool) (int, error) {
	manifests, err := s.Manifests(repository)
	if err != nil {
		return 0, err
	}
	needed := map[digest.Digest]bool{}
	for _, d := range manifests {
		used[d] = true
		m, err := s.Resolve(repository, d.String())
		if err != nil {
			if ignoreDamage(err) != nil {
				return 0, err
			}
			continue // Complete says what it is worth
		}
		if c, err := ParseManifest(m.MediaType, m.Raw); err == nil {
			for _, b := range c.Blobs() {
				needed[b.Digest], used[b.Digest] = true, true
			}
		}
	}
	blobs, err := listDigests(s.repositoryPath(repository, "_blobs"))
	if err != nil {
		return 0, err
	}
	for _, d := range blobs {
		switch {
		case pushing:
			used[d] = true
		case !needed[d]:
			err = errors.Join(err, remove(s.linkPath(repository, "_blobs", d)))
		}
	}
	if !pushing {
		err = errors.Join(err, os.RemoveAll(s.repositoryPath(repository, "_uploads")))
	}
	if len(manifests) == 0 && !pushing {
		err = errors.Join(err, s.removeRepository(repository))
	}
	return len(manifests), err
}

// removeRepository removes a repository that has no manifest, and folders above it
// that are empty then.
func (s *Store) removeRepository(repository string) error {
	entries, err := list(s.repositoryPath(repository))
	for _, name := range entries {
		if name[0] == '_' {
			err = errors.Join(err, os.RemoveAll(s.repositoryPath(repository, name)))
		}
	}
	root := filepath.Join(s.dir, "repositories")
	for dir := s.repositoryPath(repository); dir != root && os.Remove(dir) == nil; {
		dir = filepath.Dir(dir)
	}
	return err
}

// collectContent removes the content that is not used, and temporary files: nobody
// writes any now.
func (s *Store) collectContent(used map[digest.Digest]bool) error {
	err := os.RemoveAll(filepath.Join(s.dir, "tmp"))
	walk := func(root string, stale func(path, name string) bool) {
		err = errors.Join(err, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if missing(err) {
				return nil
			}
			if err != nil || entry.IsDir() || !stale(path, entry.Name()) {
				return err
			}
			return remove(path)
		}))
	}
	for _, algorithm := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		walk(filepath.Join(s.dir, "blobs", algorithm.String()), func(_, name string) bool {
			return !used[digest.Digest(algorithm.String()+":"+name)]
		})
	}
	walk(filepath.Join(s.dir, "diffs"), func(path, _ string) bool {
		raw, err := readSmall(path, 256)
		return err == nil && !used[digest.Digest(raw)]
	})
	return err
}

// discard removes the folder, last the file that it is held by: until then others
// wait, and afterwards they begin anew. What a process serves by stays, since it
// still does; see [Service.Clean].
func (s *Store) discard() error {
	names, err := list(s.dir)
	for _, name := range names {
		if name != "lock" && name != processFolder {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, name)))
		}
	}
	if err == nil {
		err = remove(filepath.Join(s.dir, "lock"))
	}
	_ = os.Remove(s.dir) // unless somebody is there again, or serves
	return err
}
