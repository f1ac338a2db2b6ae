package folder

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"gocloud.dev/blob/driver"
)

var plain = regexp.MustCompile(`^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

// writer keeps what is written until Close. It implements [driver.Writer].
type writer struct {
	bytes.Buffer
	ctx    context.Context
	bucket *bucket
	key    string
	fresh  bool // the object must not be there yet
}

// NewTypedWriter implements [driver.Bucket].
func (b *bucket) NewTypedWriter(
	ctx context.Context, key, _ string, o *driver.WriterOptions,
) (driver.Writer, error) {
	_, err := b.path(key)
	return &writer{ctx: ctx, bucket: b, key: key, fresh: o.IfNotExist}, err
}

// Close writes the object, unless the writer's context has ended.
func (w *writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return w.bucket.write(w.key, w.Bytes(), w.fresh)
}

// write makes a file of a name that nobody looks for and gives it the object's
// name when all of it is there: the name with when it was made and .tmp, as
// fileblob calls them, so that what a kill leaves is known for what it is.
func (b *bucket) write(key string, content []byte, fresh bool) (err error) {
	path, err := b.path(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	tmp := path + "." + strconv.FormatInt(time.Now().UnixNano(), 16) + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		if fresh {
			err = os.Link(tmp, path) // fails where the object is there
		} else {
			err = os.Rename(tmp, path)
		}
	}
	if err != nil || fresh {
		err = errors.Join(err, os.Remove(tmp))
	}
	return err
}
