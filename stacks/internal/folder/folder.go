// Package folder is a folder as state store, for gocloud.dev/blob. Objects are
// files, as in gocloud.dev/blob/fileblob, which reads and lists them; what is
// written differs in two things. An object is one file, without a second one for
// its content type that a kill could leave half written. And a write that fails,
// on a full disk for one, leaves the object as it was: fileblob puts the part that
// was written in its place.
package folder

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"
)

// Scheme is that of the URLs that [URL] returns.
const Scheme = "envctl-folder"

// register makes the scheme known to the library that Pulumi opens stores with.
var register = sync.OnceFunc(func() { blob.DefaultURLMux().RegisterBucket(Scheme, opener{}) })

// URL is the folder dir for [blob.OpenBucket]. The path is a parameter, because
// Pulumi takes the path of a URL for a prefix of keys.
func URL(dir string) string {
	register()
	return Scheme + "://?" + url.Values{"dir": {dir}}.Encode()
}

type opener struct{}

// OpenBucketURL implements [blob.BucketURLOpener].
func (opener) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	return Open(u.Query().Get("dir"))
}

// Open opens an existing folder.
func Open(dir string) (*blob.Bucket, error) {
	files, err := fileblob.OpenBucket(dir, &fileblob.Options{Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, err
	}
	return blob.NewBucket(&bucket{files: files, dir: dir}), nil
}

// bucket implements [driver.Bucket].
type bucket struct {
	files *blob.Bucket // of the same folder, for all but writes
	dir   string
}

var _ driver.Bucket = (*bucket)(nil)

// ErrorCode implements [driver.Bucket].
func (b *bucket) ErrorCode(err error) gcerrors.ErrorCode {
	switch {
	case errors.Is(err, os.ErrExist):
		return gcerrors.FailedPrecondition
	case errors.Is(err, os.ErrPermission):
		return gcerrors.PermissionDenied
	}
	return gcerrors.Code(err)
}

// As implements [driver.Bucket]: there is nothing behind it to get at.
func (b *bucket) As(any) bool { return false }

// ErrorAs implements [driver.Bucket].
func (b *bucket) ErrorAs(err error, to any) bool { return b.files.ErrorAs(err, to) }

// Attributes implements [driver.Bucket].
func (b *bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	a, err := b.files.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	return &driver.Attributes{
		ContentType: a.ContentType, CreateTime: a.CreateTime, ModTime: a.ModTime, Size: a.Size, ETag: a.ETag,
		AsFunc: func(any) bool { return false },
	}, nil
}

// ListPaged implements [driver.Bucket].
func (b *bucket) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	token, size := o.PageToken, o.PageSize
	if len(token) == 0 {
		token = blob.FirstPageToken
	}
	if size == 0 {
		size = 1000
	}
	found, next, err := b.files.ListPage(ctx, token, size, &blob.ListOptions{Prefix: o.Prefix, Delimiter: o.Delimiter})
	if err != nil {
		return nil, err
	}
	page := &driver.ListPage{NextPageToken: next}
	for _, f := range found {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: f.Key, ModTime: f.ModTime, Size: f.Size, IsDir: f.IsDir, AsFunc: func(any) bool { return false },
		})
	}
	return page, nil
}

// reader implements [driver.Reader].
type reader struct{ *blob.Reader }

func (r reader) Attributes() *driver.ReaderAttributes {
	return &driver.ReaderAttributes{ContentType: r.ContentType(), ModTime: r.ModTime(), Size: r.Size()}
}

// NewRangeReader implements [driver.Bucket].
func (b *bucket) NewRangeReader(
	ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions,
) (driver.Reader, error) {
	r, err := b.files.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, err
	}
	return reader{r}, nil
}

// Copy implements [driver.Bucket].
func (b *bucket) Copy(ctx context.Context, to, from string, _ *driver.CopyOptions) error {
	content, err := b.files.ReadAll(ctx, from)
	if err != nil {
		return err
	}
	return b.write(to, content, false)
}

// Delete implements [driver.Bucket].
func (b *bucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	return b.files.Delete(ctx, key)
}

// SignedURL implements [driver.Bucket]: nobody is served from a folder.
func (b *bucket) SignedURL(ctx context.Context, key string, _ *driver.SignedURLOptions) (string, error) {
	return b.files.SignedURL(ctx, key, nil)
}

// Close implements [driver.Bucket].
func (b *bucket) Close() error { return b.files.Close() }

// path is the file of a key. fileblob escapes what a file system may not take;
// Pulumi's keys have nothing of that, and any other is refused.
func (b *bucket) path(key string) (string, error) {
	if !plain.MatchString(key) || !filepath.IsLocal(filepath.FromSlash(key)) {
		return "", fmt.Errorf("%q cannot be written in a folder: expected letters, digits and ._-/ only", key)
	}
	return filepath.Join(b.dir, filepath.FromSlash(key)), nil
}
