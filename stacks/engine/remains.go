package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// dropRemains deletes what is left in the state store of a stack that is no more:
// a kill in the middle of its removal leaves earlier versions of its state, and one
// in the middle of a write leaves half a file, which no other write replaces.
func (c *command) dropRemains(ctx context.Context, name string) error {
	if err := breakDeadLocks(ctx, c.url, name); err != nil {
		return err
	}
	bucket, err := openBucket(ctx, c.url)
	if err != nil {
		return err
	}
	defer func() { _ = bucket.Close() }()
	written := regexp.MustCompile(`^\.pulumi/stacks/` + Project + "/" + regexp.QuoteMeta(name) + stateFiles)
	for prefix, ours := range map[string]func(string) bool{
		".pulumi/stacks/" + Project + "/" + name + ".":  written.MatchString,
		".pulumi/backups/" + Project + "/" + name + "/": func(string) bool { return true },
		".pulumi/history/" + Project + "/" + name + "/": func(string) bool { return true },
		interimKey(name): func(key string) bool { return key == interimKey(name) },
	} {
		if err := deleteAll(ctx, bucket, prefix, ours); err != nil {
			return fmt.Errorf("removing what is left of the state of %s: %w", name, err)
		}
	}
	return nil
}

// stateFiles ends the names of what Pulumi writes beside a stack's state, and of
// gocloud.dev's half written files of these. A copy that somebody else keeps there
// has another name.
const stateFiles = `\.(json|pulumi-tags)(\.gz|\.zst)?(\.bak)?(\.[0-9a-f]+\.tmp)?$`

func deleteAll(ctx context.Context, bucket *blob.Bucket, prefix string, ours func(key string) bool) error {
	list := bucket.List(&blob.ListOptions{Prefix: prefix})
	for {
		obj, err := list.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !ours(obj.Key) {
			continue
		}
		if err := bucket.Delete(ctx, obj.Key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return err
		}
	}
}
