package provider

import (
	"context"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// adoptAssignment goes on with the assignment that Azure has of the same role to
// the same principal at the same scope, under another name.
func adoptAssignment(ctx context.Context, c Client, r request, id string, refusal error) (string, map[string]any, error) {
	all, err := c.List(ctx, parentOf(parentOf(id))+"/providers/Microsoft.Authorization/roleAssignments", r.rt.api)
	if err != nil {
		return id, nil, refusal
	}
	for _, live := range all {
		if r.rt.isSame(r.in, live) && atScope(r.in, live) {
			return idOf(live, id), live, nil
		}
	}
	return id, nil, refusal
}

// atScope compares the scope itself: a list has those of the scopes above too.
func atScope(in property.Map, live map[string]any) bool {
	p, _ := live[propertiesKey].(map[string]any)
	scope, _ := p[scopeParam].(string)
	want := in.Get(scopeParam)
	return want.IsString() && strings.EqualFold(strings.Trim(scope, "/"), strings.Trim(want.AsString(), "/"))
}
