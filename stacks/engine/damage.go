package engine

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/resource/stack"
	"github.com/pulumi/pulumi/pkg/v3/resource/stack/snapshot"
	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"gocloud.dev/blob"
)

// StateError is the recorded state of a stack that is not what Pulumi wrote. It
// is left as it is.
type StateError struct {
	Path   string // a file, or an object's URL
	Backup string // a sound earlier version; empty: there is none
	Err    error
}

func (e *StateError) Error() string { return fmt.Sprintf("%q is damaged: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *StateError) Unwrap() error { return e.Err }

// Code is the error's name in JSON.
func (*StateError) Code() string { return "state" }

// Hint says how to restore it.
func (e *StateError) Hint() string {
	if e.Backup != "" {
		return fmt.Sprintf("put the version before back, by copying %q over it, then run the same command again", e.Backup)
	}
	return "there is no sound earlier version: move it away, and `envctl down` then finds what is left by its labels"
}

// explainState turns cause into a [StateError] where the state of a stack is
// damaged, and else returns it as it is, nil too.
func (c *command) explainState(ctx context.Context, name string, cause error) error {
	if cause == nil {
		return nil
	}
	bucket, err := openBucket(ctx, c.url)
	if err != nil {
		return cause
	}
	defer func() { _ = bucket.Close() }()
	file := stateKey(ctx, bucket, name)
	_, broken := snapshot.AsSnapshotIntegrityError(cause)
	if !broken {
		sound, err := soundState(ctx, bucket, file)
		if err != nil || sound {
			return cause
		}
	}
	out := &StateError{Path: objectName(c.url, file), Err: cause}
	for _, backup := range backups(ctx, bucket, name, file) {
		if sound, err := soundState(ctx, bucket, backup); err == nil && sound {
			out.Backup = objectName(c.url, backup)
			break
		}
	}
	return out
}

// stateKey is the key of a stack's state, which may be compressed.
func stateKey(ctx context.Context, bucket *blob.Bucket, name string) string {
	file := ".pulumi/stacks/" + Project + "/" + name + encoding.JSONExt
	for _, ext := range []string{encoding.GZIPExt, encoding.ZSTDExt} {
		if ok, err := bucket.Exists(ctx, file+ext); err == nil && ok {
			return file + ext
		}
	}
	return file
}

// soundState says whether an object holds a state that can be read.
func soundState(ctx context.Context, bucket *blob.Bucket, key string) (bool, error) {
	raw, err := bucket.ReadAll(ctx, key)
	if err != nil {
		return false, err
	}
	m := encoding.Compress(encoding.JSON, encoding.DetectCompression(raw))
	checkpoint, _, _, err := stack.UnmarshalVersionedCheckpointToLatestCheckpoint(m, raw)
	return err == nil && checkpoint != nil, nil
}

// backups are the keys of earlier versions of a stack's state, the latest first:
// the one beside it, then those from the ends of updates, named by their time.
func backups(ctx context.Context, bucket *blob.Bucket, name, file string) []string {
	out := []string{file + ".bak"}
	var dated []string
	list := bucket.List(&blob.ListOptions{Prefix: path.Join(".pulumi/backups", Project, name) + "/"})
	for {
		obj, err := list.Next(ctx)
		if err != nil { // the end, or what cannot be listed cannot be restored
			break
		}
		dated = append(dated, obj.Key)
	}
	for i := len(dated) - 1; i >= 0; i-- { // keys come in lexical order
		out = append(out, dated[i])
	}
	return out
}

// objectName is how a user finds an object of the state store.
func objectName(backendURL, key string) string {
	u, err := url.Parse(backendURL)
	if err != nil {
		return key
	}
	u = u.JoinPath(key)
	if u.Scheme == "file" {
		return u.Path
	}
	u.RawQuery = ""
	return strings.TrimSuffix(u.String(), "/")
}
