package registry

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"

	"github.com/opencontainers/go-digest"
)

// PutBlob takes a blob of a repository. With want it has to have that digest;
// empty: whatever it has.
func (s *Store) PutBlob(ctx context.Context, repository string, content io.Reader, want digest.Digest) (digest.Digest, int64, error) {
	if err := checkName(repository); err != nil {
		return "", 0, err
	}
	release, err := s.Hold(ctx)
	if err != nil {
		return "", 0, err
	}
	defer release()
	got, size, err := s.putContent(content, want)
	if err == nil {
		err = mark(s.linkPath(repository, "_blobs", got))
	}
	return got, size, err
}

// putContent takes content that no repository has yet.
func (s *Store) putContent(content io.Reader, want digest.Digest) (digest.Digest, int64, error) {
	algorithm := digest.SHA256
	if want != "" {
		if _, err := parseDigest(string(want)); err != nil {
			return "", 0, err
		}
		algorithm = want.Algorithm()
	}
	f, err := s.temporary()
	if err != nil {
		return "", 0, err
	}
	sum := algorithm.Digester()
	size, err := io.Copy(io.MultiWriter(f, sum.Hash()), content)
	if err != nil {
		drop(f)
		return "", 0, err
	}
	return sum.Digest(), size, s.settle(f, sum.Digest(), want)
}

// settle gives finished content its name if its digest is the one that is wanted.
func (s *Store) settle(f *os.File, got, want digest.Digest) error {
	if want != "" && got != want {
		drop(f)
		return refuse(http.StatusBadRequest, "DIGEST_INVALID", "the content is %s, not %s", got, want)
	}
	path := s.blobPath(got)
	mine, err := f.Stat()
	if err != nil {
		drop(f)
		return err
	}
	if there, err := os.Stat(path); err == nil && there.Size() == mine.Size() {
		drop(f)
		return nil
	}
	return place(f, path, false) // over one that was cut, too
}

// StatBlob returns the size of a repository's blob.
func (s *Store) StatBlob(repository string, d digest.Digest) (int64, error) {
	f, size, err := s.OpenBlob(repository, d)
	if err != nil {
		return 0, err
	}
	return size, f.Close()
}

// OpenBlob opens a repository's blob, which is at its beginning.
func (s *Store) OpenBlob(repository string, d digest.Digest) (*os.File, int64, error) {
	if err := s.hasBlob(repository, d); err != nil {
		return nil, 0, err
	}
	f, size, err := s.openContent(d)
	if missing(err) {
		err = unknownBlob(repository, d)
	}
	return f, size, err
}

func (s *Store) openContent(d digest.Digest) (*os.File, int64, error) {
	f, err := os.Open(s.blobPath(d))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// hasBlob fails unless the repository has the blob, or the manifest, of that digest.
func (s *Store) hasBlob(repository string, d digest.Digest) error {
	if err := checkName(repository); err != nil {
		return err
	}
	if _, err := parseDigest(string(d)); err != nil {
		return err
	}
	for _, kind := range []string{"_blobs", "_manifests"} {
		if there, err := exists(s.linkPath(repository, kind, d)); there || err != nil {
			return err
		}
	}
	return unknownBlob(repository, d)
}

// Mount gives a repository a blob that another one has. With an empty from it is
// whichever repository has it.
func (s *Store) Mount(ctx context.Context, repository, from string, d digest.Digest) error {
	if err := checkName(repository); err != nil {
		return err
	}
	release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	if from != "" {
		if _, err := s.StatBlob(from, d); err != nil {
			return err
		}
		return mark(s.linkPath(repository, "_blobs", d))
	}
	if _, err := parseDigest(string(d)); err != nil {
		return err
	}
	owners, err := s.repositories(func(other string) (bool, error) {
		return exists(s.linkPath(other, "_blobs", d))
	})
	if err != nil {
		return err
	}
	if len(owners) == 0 {
		return unknownBlob(repository, d)
	}
	return mark(s.linkPath(repository, "_blobs", d))
}

// DeleteBlob takes a blob from a repository. Its content goes with the next
// [Store.Collect] if no other has it.
func (s *Store) DeleteBlob(ctx context.Context, repository string, d digest.Digest) error {
	release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, err := s.StatBlob(repository, d); err != nil {
		return err
	}
	err = os.Remove(s.linkPath(repository, "_blobs", d))
	if errors.Is(err, fs.ErrNotExist) {
		return unknownBlob(repository, d)
	}
	return err
}
