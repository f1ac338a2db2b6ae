package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/envctl/envctl/components/lazyregexp"
	"github.com/envctl/envctl/local/flock"
)

// uploadRule is what identifies an upload: 128 random bits in hex.
var uploadRule = lazyregexp.New(`^[0-9a-f]{32}$`)

// startUpload begins an upload and returns what identifies it.
func (s *Store) startUpload(repository string) (string, error) {
	var raw [16]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	id := hex.EncodeToString(raw[:])
	return id, mark(s.repositoryPath(repository, "_uploads", id))
}

// upload is one that this process works on: others wait for it.
type upload struct {
	file *os.File
	size int64
}

// busyPatience is how long a request waits for another one on the same upload: a
// client that reconnects comes before its broken connection is noticed.
const busyPatience = 5 * time.Second

// openUpload continues an upload, also one that a killed process began. All that
// arrived before is kept.
func (s *Store) openUpload(ctx context.Context, repository, id string) (*upload, error) {
	if !uploadRule().MatchString(id) {
		return nil, unknownUpload(id)
	}
	f, err := os.OpenFile(s.repositoryPath(repository, "_uploads", id), os.O_RDWR, 0o600)
	if missing(err) {
		return nil, unknownUpload(id)
	}
	if err != nil {
		return nil, err
	}
	if err := lockUpload(ctx, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if !flock.Named(f) { // finished meanwhile
		_ = f.Close()
		return nil, unknownUpload(id)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &upload{file: f, size: size}, nil
}

func lockUpload(ctx context.Context, f *os.File) error {
	for began := time.Now(); ; {
		free, err := flock.Try(f, flock.Exclusive)
		switch {
		case err != nil || free:
			return err
		case time.Since(began) > busyPatience:
			return refuse(http.StatusConflict, "BLOB_UPLOAD_INVALID", "another request works on this upload; try again")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}

func unknownUpload(id string) error {
	return refuse(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "there is no upload %s; begin a new one", quoted(id))
}

// add appends what comes. What arrived before an error stays.
func (u *upload) add(content io.Reader) error {
	n, err := io.Copy(u.file, content)
	u.size += n
	return err
}

// finish makes a blob of the upload. An upload whose content has another digest is
// gone.
func (u *upload) finish(s *Store, repository string, want digest.Digest) error {
	if _, err := u.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	sum := want.Algorithm().Digester()
	if _, err := io.Copy(sum.Hash(), u.file); err != nil {
		return err
	}
	if err := s.settle(u.file, sum.Digest(), want); err != nil {
		return err
	}
	return mark(s.linkPath(repository, "_blobs", want))
}

func (u *upload) close() { _ = u.file.Close() }

// parseChunk reads the Content-Range of a chunk: the first and the last byte.
func parseChunk(header string) (first, last int64, err error) {
	bad := refuse(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID",
		"Content-Range is %s; expected FIRST-LAST", quoted(header))
	header, _, _ = strings.Cut(strings.TrimPrefix(header, "bytes "), "/") // as some clients have it
	from, to, ok := strings.Cut(header, "-")
	if !ok {
		return 0, 0, bad
	}
	a, errFrom := strconv.ParseUint(from, 10, 62)
	b, errTo := strconv.ParseUint(to, 10, 62)
	if errFrom != nil || errTo != nil || b < a {
		return 0, 0, bad
	}
	return int64(a), int64(b), nil
}
