package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// free looks whether the ID is free, and returns what is there when this stack
// may go on with it. What Azure is deleting is waited for; what Azure is still
// working on is waited for as well, since it refuses changes meanwhile. What a killed
// run left of an earlier definition is deleted.
func (s *server) free(ctx context.Context, c Client, r request, id string) (map[string]any, error) {
	for {
		live, err := c.Get(ctx, id, r.rt.api)
		switch {
		case isNotFound(err) || err == nil && len(live) == 0:
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("looking whether %s %q exists: %w", r.rt.token, id, err)
		}
		state := provisioningState(live)
		if !slices.Contains(deleting(), state) {
			if !s.ours(r, live) {
				if err := s.makeWay(ctx, c, r, id, live); err != nil {
					return nil, err
				}
			} else if !slices.Contains(busy(), state) {
				return live, nil
			}
		}
		if err := s.wait(ctx); err != nil {
			return nil, fmt.Errorf("waiting for %s %q, which is %s: %w", r.rt.token, id, state, err)
		}
	}
}

// deleting are the states, in lower case, of what will soon be gone.
func deleting() []string { return []string{"deleting", "scheduledfordelete"} }

// busy are the states, in lower case, of what Azure is working on.
func busy() []string {
	return []string{"accepted", "creating", "updating", "provisioning", "inprogress", "waiting", "moving", "resolvingdns",
		"initializationinprogress", "infrastructuresetupinprogress", "infrastructuresetupcomplete", "upgraderequested"}
}

func provisioningState(live map[string]any) string {
	p, _ := live[propertiesKey].(map[string]any)
	state, _ := p["provisioningState"].(string)
	return strings.ToLower(state)
}

func (s *server) wait(ctx context.Context) error {
	t := time.NewTimer(s.opts.Poll)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ours tells whether something that exists is this stack's: by its tags, or,
// where the type has none, because it is what would be made.
func (s *server) ours(r request, live map[string]any) bool {
	if s.opts.Owned(tagsOf(live)) {
		return true
	}
	return len(r.rt.same) > 0 && r.rt.isSame(r.in, live)
}

// inGroup is an ID below a resource group, whose own ID it begins with.
var inGroup = regexp.MustCompile(`(?i)^(/subscriptions/[^/]+/resourceGroups/[^/]+)/`)

// makeWay deletes what an earlier run of this stack made that was killed before its
// state had it, and that is not what would be made now: it has no tags and is inside a
// resource group that carries this stack's. Anything else is taken.
func (s *server) makeWay(ctx context.Context, c Client, r request, id string, live map[string]any) error {
	group := inGroup.FindStringSubmatch(id)
	if len(r.rt.same) == 0 || group == nil {
		return s.taken(r, idOf(live, id), live)
	}
	around, err := c.Get(ctx, group[1], groupAPI)
	if err != nil && !isNotFound(err) {
		return fmt.Errorf("looking whose %q is, where %s %q exists: %w", group[1], r.rt.token, id, err)
	}
	if err != nil || !s.opts.Owned(tagsOf(around)) {
		return s.taken(r, idOf(live, id), live)
	}
	if err := c.Delete(ctx, id, r.rt.api); err != nil && !isNotFound(err) {
		return fmt.Errorf("deleting %s %q, which was left of an earlier definition: %w", r.rt.token, id, err)
	}
	return nil
}

func tagsOf(live map[string]any) map[string]string {
	tags, _ := live["tags"].(map[string]any)
	out := make(map[string]string, len(tags))
	for k, v := range tags {
		if text, ok := v.(string); ok {
			out[k] = text
		}
	}
	return out
}

// isSame compares what tells resources of the type apart.
func (rt *resourceType) isSame(in property.Map, live map[string]any) bool {
	out := property.NewMap(outputObject(live, &rt.object))
	for _, path := range rt.same {
		a, okA := dig(in, path)
		b, okB := dig(out, path)
		if okA != okB || okA && !sameButCase(a, b) {
			return false
		}
	}
	return true
}

func sameButCase(a, b property.Value) bool {
	if a.IsString() && b.IsString() {
		return strings.EqualFold(roleGUID(a.AsString()), roleGUID(b.AsString()))
	}
	return equal(a, b)
}

// roleGUID shortens a role definition's ID, which Azure writes with and without
// the subscription, to its GUID; other text stays.
func roleGUID(s string) string {
	const member = "/roledefinitions/"
	if i := strings.LastIndex(strings.ToLower(s), member); i >= 0 {
		return s[i+len(member):]
	}
	return s
}

func dig(m property.Map, path []string) (property.Value, bool) {
	v, ok := given(m, path[0])
	if len(path) == 1 || !ok {
		return v, ok
	}
	if !v.IsMap() {
		return v, false
	}
	return dig(v.AsMap(), path[1:])
}

// taken says that the ID is somebody else's, and what can be done.
func (s *server) taken(r request, id string, live map[string]any) error {
	why := "it does not carry this environment's tags"
	if len(r.rt.same) > 0 {
		why = "it is not the same: " + strings.Join(samePaths(r.rt), ", ") + " differ"
	} else if len(tagsOf(live)) == 0 {
		why = "it carries no tags"
	}
	return fmt.Errorf("cannot create already existing resource '%s': %s. Choose another name; or take it over with "+
		"`pulumi import azure-native:%s NAME %s`; or delete it with `az resource delete --ids %s`",
		id, why, r.rt.token, id, id)
}

func samePaths(rt *resourceType) []string {
	var out []string
	for _, p := range rt.same {
		out = append(out, strings.Join(p, "."))
	}
	return out
}
