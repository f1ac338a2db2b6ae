package azure

import (
	"context"
	"fmt"
	"strings"

	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// mount is what the environment of a platform knows of the file share of an
// experiment's outputs: it is in the platform's resource group, and has no tags.
type mount struct{ id, name, account string }

// mounts are those of all platforms.
func (t *Target) mounts(ctx context.Context, groups []ask.Object) ([]mount, error) {
	var out []mount
	for _, g := range groups {
		if !platform(g) {
			continue
		}
		path := ask.Provider(ask.Group(t.Client.Subscription(), ask.Text(g, "name")), "Microsoft.App", "managedEnvironments")
		environments, err := t.Client.List(ctx, path, ask.Apps)
		if err = ignoreMissing(err); err != nil {
			return nil, fmt.Errorf("list the environments of platforms: %w", err)
		}
		for _, e := range environments {
			list, err := t.Client.List(ctx, ask.Text(e, "id")+"/storages", ask.Apps)
			if err = ignoreMissing(err); err != nil {
				return nil, fmt.Errorf("list the file shares of environment %q: %w", ask.Text(e, "name"), err)
			}
			for _, o := range list {
				if name := ask.Text(o, "name"); strings.HasPrefix(name, names.Share+"-") {
					out = append(out, mount{ask.Text(o, "id"), name, ask.Text(o, "properties", "azureFile", "accountName")})
				}
			}
		}
	}
	return out, nil
}

// sweepMounts removes what platforms know of the experiment's file share.
func (t *Target) sweepMounts(ctx context.Context, ref stacks.Ref, _ map[string]bool) (int, error) {
	groups, err := t.groups(ctx)
	if err != nil {
		return 0, err
	}
	list, err := t.mounts(ctx, groups)
	if err != nil {
		return 0, err
	}
	account := names.New(names.Owner{Subscription: t.Client.Subscription(), Experiment: ref.Experiment, Instance: ref.Instance}, true).Storage
	removed := 0
	for _, m := range list {
		if m.account != account {
			continue
		}
		if err := t.Client.Delete(ctx, m.id, ask.Apps); err != nil {
			return removed, fmt.Errorf("remove the file share %q from its environment: %w", m.name, err)
		}
		removed++
	}
	return removed, nil
}

// leftMounts are those whose storage account is gone, as after an experiment has
// expired.
func (t *Target) leftMounts(ctx context.Context, groups []ask.Object) ([]Leftover, error) {
	list, err := t.mounts(ctx, groups)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	accounts, err := t.Client.List(ctx, ask.Provider(ask.Subscription(t.Client.Subscription()), "Microsoft.Storage", "storageAccounts"), ask.Storage)
	if err != nil {
		return nil, fmt.Errorf("list the storage accounts: %w", err)
	}
	there := map[string]bool{}
	for _, a := range accounts {
		there[ask.Text(a, "name")] = true
	}
	var out []Leftover
	for _, m := range list {
		if !there[m.account] {
			out = append(out, Leftover{Kind: LeftMount, Name: m.name, ID: m.id})
		}
	}
	return out, nil
}
