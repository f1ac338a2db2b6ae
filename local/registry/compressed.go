package registry

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
)

// Scratch makes a folder in the store for files that are on their way into it. Who
// holds the store removes it; [Store.Collect] removes that of a killed process.
func (s *Store) Scratch() (string, error) {
	dir := filepath.Join(s.dir, "tmp")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, "")
}

func (s *Store) diffPath(diff digest.Digest) string {
	return filepath.Join(s.dir, "diffs", diff.Algorithm().String(), diff.Encoded()[:2], diff.Encoded())
}

// Compressed returns the blob that an uncompressed layer was made, and gives the
// repository that blob; empty where none was made or it is no longer there. Another
// release of the compressor makes another blob of the same layer, so this is also
// what keeps the digests of images.
func (s *Store) Compressed(ctx context.Context, repository string, diff digest.Digest) (digest.Digest, int64, error) {
	if _, err := parseDigest(string(diff)); err != nil {
		return "", 0, err
	}
	raw, err := readSmall(s.diffPath(diff), 256)
	if missing(err) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	d, err := parseDigest(string(raw))
	if err != nil {
		return "", 0, nil // of a killed machine
	}
	if err := s.Mount(ctx, repository, "", d); err != nil {
		return "", 0, ignoreDamage(err)
	}
	size, err := s.StatBlob(repository, d)
	if IsNotFound(err) {
		return "", 0, nil
	}
	return d, size, err
}

// SetCompressed notes what [Store.Compressed] returns.
func (s *Store) SetCompressed(diff, compressed digest.Digest) error {
	_, err := parseDigest(string(diff))
	_, other := parseDigest(string(compressed))
	if err := errors.Join(err, other); err != nil {
		return err
	}
	return s.writeFile(s.diffPath(diff), []byte(compressed), false)
}
