package share

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/azure/arm"
)

// atOnce is how many files are removed at a time.
const atOnce = 16

// asFolder says that a path is a folder's.
func asFolder() url.Values { return url.Values{"restype": {"directory"}} }

// Empty makes the folder, or removes all that is in it. It can be repeated.
func (f Folder) Empty(ctx context.Context) error {
	err := f.simply(ctx, http.MethodPut, []string{f.Name}, asFolder())
	switch {
	case err == nil:
		return nil
	case !arm.HasCode(err, "ResourceAlreadyExists"):
		return fmt.Errorf("make the folder %q of the outputs: %w", f.Name, err)
	}
	if err := f.clear(ctx, []string{f.Name}); err != nil {
		return fmt.Errorf("empty the folder %q of the outputs: %w", f.Name, err)
	}
	return nil
}

// clear removes what is in a folder. The list begins anew after each page, since
// what is removed would be missing from the next one.
func (f Folder) clear(ctx context.Context, path []string) error {
	for before := ""; ; {
		p, err := f.list(ctx, path, "")
		if err != nil {
			return ignoreMissing(err)
		}
		all, err := p.entries()
		if err != nil || len(all) == 0 {
			return err
		}
		if all[0].Name.Text == before {
			return fmt.Errorf("%q is there again each time it is removed", before)
		}
		before = all[0].Name.Text
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, e := range all {
			below := append(path[:len(path):len(path)], e.Name.Text)
			if e.folder {
				continue
			}
			group.Go(func() error { return ignoreMissing(f.simply(gctx, http.MethodDelete, below, nil)) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, e := range all {
			if !e.folder {
				continue
			}
			below := append(path[:len(path):len(path)], e.Name.Text)
			if err := f.clear(ctx, below); err != nil {
				return err
			}
			if err := ignoreMissing(f.simply(ctx, http.MethodDelete, below, asFolder())); err != nil {
				return err
			}
		}
	}
}
