package azure

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// States implements [stacks.Target]: the resource groups that carry our tags, and
// all apps of the subscription, whatever their number by two questions. A platform
// has no apps and is among them.
func (t *Target) States(ctx context.Context) (map[stacks.Ref]stacks.State, error) {
	var groups, apps []ask.Object
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { groups, err = t.groups(gctx); return err })
	group.Go(func() (err error) {
		path := ask.Provider(ask.Subscription(t.Client.Subscription()), "Microsoft.App", kindApps)
		if apps, err = t.Client.List(gctx, path, ask.Apps); err != nil {
			err = fmt.Errorf("list the apps of the subscription: %w", err)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := map[stacks.Ref]stacks.State{}
	for _, g := range groups {
		ref, _ := owner(ask.Tags(g))
		expires, _ := ask.ParseTime(ask.Tags(g)[target.TagExpires])
		out[ref] = stacks.State{Expires: expires}
	}
	for _, app := range apps {
		tags := ask.Tags(app)
		ref, ours := owner(tags)
		if !ours || tags[target.TagKind] != "" && tags[target.TagKind] != "app" {
			continue
		}
		state := out[ref]
		if runs(app) {
			state.Apps++
		} else {
			state.Stopped++
		}
		out[ref] = state
	}
	return out, nil
}

// runs says whether an app runs, as far as the app itself tells: one that scaled
// to zero does, one that was stopped or never came up does not.
func runs(app ask.Object) bool {
	switch ask.Text(app, "properties", "provisioningState") {
	case "Failed", "Canceled", "Deleting":
		return false
	}
	switch ask.Text(app, "properties", "runningStatus") {
	case "Stopped", "Suspended":
		return false
	}
	return true
}
