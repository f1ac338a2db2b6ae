package azure

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
	"github.com/envctl/envctl/stacks/azure/preflight"
)

// The kinds of Leftover.
const (
	LeftGroup   = "resource group"
	LeftAccount = "soft-deleted account"
	LeftRole    = "role"
	LeftMount   = "file share of an environment" // of a platform, whose storage account is gone
)

// Leftover is something of ours that no state knows.
type Leftover struct {
	Ref      stacks.Ref // empty where no tag says it
	Kind     string
	Name     string
	Location string
	ID       string
	Created  time.Time // zero where Azure does not tell; of an account when it was deleted
	Expires  time.Time // of the tag; zero: never
	Owner    string    // who made it

	deleted preflight.Deleted
}

// Age is how long it has been there; 0 where that is not told.
func (l Leftover) Age(now time.Time) time.Duration {
	if l.Created.IsZero() {
		return 0
	}
	return now.Sub(l.Created)
}

// Leftovers finds what carries our tags, or is known as ours by its name, and
// belongs to no experiment that known says is recorded.
func (t *Target) Leftovers(ctx context.Context, known func(stacks.Ref) bool) ([]Leftover, error) {
	var groups, accounts, roles, mounts []Leftover
	present := map[string]bool{} // groups, in lower case
	all, err := t.groups(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range all {
		present[strings.ToLower(ask.Text(g, "name"))] = true
	}
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { groups, err = t.leftGroups(gctx, all, known); return err })
	group.Go(func() (err error) { accounts, err = t.leftAccounts(gctx, known); return err })
	group.Go(func() (err error) { roles, err = t.leftRoles(gctx, present); return err })
	group.Go(func() (err error) { mounts, err = t.leftMounts(gctx, all); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := slices.Concat(groups, accounts, roles, mounts)
	slices.SortStableFunc(out, func(a, b Leftover) int {
		return cmp.Or(cmp.Compare(a.Ref.String(), b.Ref.String()), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

func (t *Target) leftGroups(ctx context.Context, all []ask.Object, known func(stacks.Ref) bool) ([]Leftover, error) {
	var out []Leftover
	for _, g := range all {
		tags := ask.Tags(g)
		ref, _ := owner(tags)
		if known(ref) {
			continue
		}
		l := Leftover{Ref: ref, Kind: LeftGroup, Name: ask.Text(g, "name"), Location: ask.Text(g, "location"), ID: ask.Text(g, "id"),
			Owner: tags[target.TagOwner]}
		l.Expires, _ = ask.ParseTime(tags[target.TagExpires])
		var err error
		if l.Created, err = t.created(ctx, l.Name); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// created is when the first resource of a group was made: a group does not tell
// when it was itself.
func (t *Target) created(ctx context.Context, group string) (time.Time, error) {
	list, err := t.Client.List(ctx, ask.Group(t.Client.Subscription(), group)+"/resources?$expand=createdTime", ask.Resources)
	if err != nil {
		return time.Time{}, ignoreMissing(err)
	}
	var first time.Time
	for _, r := range list {
		at := ask.Time(r, "createdTime")
		if at.IsZero() {
			at = ask.Time(r, "systemData", "createdAt")
		}
		if !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first, nil
}

func (t *Target) leftAccounts(ctx context.Context, known func(stacks.Ref) bool) ([]Leftover, error) {
	list, err := preflight.SoftDeleted(ctx, t.Client, t.Client.Subscription())
	if err != nil {
		return nil, fmt.Errorf("list the soft-deleted accounts: %w", err)
	}
	var out []Leftover
	for _, d := range list {
		if ref, ours := owner(d.Tags); ours && !known(ref) {
			out = append(out, Leftover{Ref: ref, Kind: LeftAccount, Name: d.Name, Location: d.Location, ID: d.ID, Created: d.Deleted,
				Owner: d.Tags[target.TagOwner], deleted: d})
		}
	}
	return out, nil
}

// leftRoles are roles for groups that are gone.
func (t *Target) leftRoles(ctx context.Context, present map[string]bool) ([]Leftover, error) {
	list, err := t.roles(ctx)
	var out []Leftover
	for _, r := range list {
		if !present[strings.ToLower(r.group)] {
			out = append(out, Leftover{Kind: LeftRole, Name: r.name, ID: r.id})
		}
	}
	return out, err
}

// Remove removes a leftover.
func (t *Target) Remove(ctx context.Context, l Leftover) error {
	switch l.Kind {
	case LeftGroup:
		_, err := t.Sweep(ctx, l.Ref, false)
		return err
	case LeftAccount:
		return t.purge(ctx, l.deleted)
	case LeftRole:
		return t.Client.Delete(ctx, l.ID, ask.Authorization)
	case LeftMount:
		return t.Client.Delete(ctx, l.ID, ask.Apps)
	}
	return fmt.Errorf("%q is no kind of leftover", l.Kind)
}
