package azure

import (
	"context"
	"fmt"
	"time"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure/ask"
)

var _ stacks.Extender = (*Target)(nil)

// patcher changes a part of what is there. It is apart from [Client] since nothing
// else here changes anything that Pulumi keeps.
type patcher interface {
	Patch(ctx context.Context, path, apiVersion string, body any) (ask.Object, error)
}

// SetDeadline implements [stacks.Extender]: the tag of the resource group, which the
// steward in it and every gc go by.
func (t *Target) SetDeadline(ctx context.Context, ref stacks.Ref, deadline time.Time) error {
	client, ok := t.Client.(patcher)
	if !ok {
		return fmt.Errorf("the tags of %s cannot be changed by this client", ref)
	}
	groups, err := t.groupsOf(ctx, ref)
	if err != nil {
		return err
	}
	for _, g := range groups {
		tags := ask.Tags(g)
		delete(tags, target.TagExpires)
		if !deadline.IsZero() {
			tags[target.TagExpires] = deadline.UTC().Format(time.RFC3339)
		}
		path := ask.Group(t.Client.Subscription(), ask.Text(g, "name"))
		if _, err := client.Patch(ctx, path, ask.Resources, map[string]any{"tags": tags}); err != nil {
			return fmt.Errorf("say on the resource group %q when it expires: %w", ask.Text(g, "name"), err)
		}
	}
	return nil
}
