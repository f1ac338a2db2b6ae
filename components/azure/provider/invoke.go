package provider

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// sharedKeysAPI is the version of a workspace's keys: newer ones have no such action.
const sharedKeysAPI = "2020-08-01"

// Invoke answers the functions that envctl uses.
func (s *server) Invoke(ctx context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	args, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.begin(ctx, 0)
	defer cancel()
	t, _ := parseToken(req.GetTok())
	var out property.Map
	var fails []*pulumirpc.CheckFailure
	switch t.module + ":" + t.name {
	case "operationalinsights:getSharedKeys":
		out, fails, err = s.sharedKeys(ctx, args, req.GetPreview())
	case "authorization:getClientConfig":
		out, err = s.clientConfig(ctx)
	default:
		return nil, fmt.Errorf("function %q is not implemented by envctl's azure-native provider, which has "+
			"operationalinsights:getSharedKeys and authorization:getClientConfig: %s", req.GetTok(), wayOut)
	}
	if err != nil {
		return nil, err
	}
	ret, err := marshal(out)
	return &pulumirpc.InvokeResponse{Return: ret, Failures: fails}, err
}

// sharedKeys reads a Log Analytics workspace's keys. They are open while the
// workspace is not known or, in a preview, not there.
func (s *server) sharedKeys(
	ctx context.Context, args property.Map, preview bool,
) (property.Map, []*pulumirpc.CheckFailure, error) {
	names := []string{groupParam, "workspaceName"}
	values := map[string]string{}
	for _, name := range names {
		v, ok := given(args, name)
		switch {
		case !ok:
			return property.Map{}, []*pulumirpc.CheckFailure{{
				Property: name, Reason: fmt.Sprintf("missing required property '%s'", name),
			}}, nil
		case v.IsComputed():
			return keys(property.New(property.Computed), property.New(property.Computed)), nil, nil
		case !v.IsString():
			return property.Map{}, []*pulumirpc.CheckFailure{{
				Property: name, Reason: fmt.Sprintf("property '%s' is %s, expected a string", name, kindOf(v)),
			}}, nil
		}
		values[name] = v.AsString()
	}
	c, err := s.connect(ctx)
	if err != nil {
		return property.Map{}, nil, err
	}
	answer, err := c.Post(ctx, fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/Microsoft.OperationalInsights/workspaces/%s/sharedKeys",
		c.Subscription(), values[groupParam], values["workspaceName"]), sharedKeysAPI, nil)
	if preview && isNotFound(err) {
		return keys(property.New(property.Computed), property.New(property.Computed)), nil, nil
	}
	if err != nil {
		return property.Map{}, nil, fmt.Errorf("reading the keys of Log Analytics workspace %q: %w", values["workspaceName"], err)
	}
	return keys(fromJSON(answer["primarySharedKey"]), fromJSON(answer["secondarySharedKey"])), nil, nil
}

func keys(primary, secondary property.Value) property.Map {
	return property.NewMap(map[string]property.Value{
		"primarySharedKey": primary.WithSecret(true), "secondarySharedKey": secondary.WithSecret(true),
	})
}

// clientConfig says who the requests are made for.
func (s *server) clientConfig(ctx context.Context) (property.Map, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return property.Map{}, err
	}
	who, err := c.Identity(ctx)
	if err != nil {
		return property.Map{}, fmt.Errorf("finding out who is logged in: %w", err)
	}
	tenant := c.Tenant()
	if tenant == "" {
		tenant = who.Tenant
	}
	return property.NewMap(map[string]property.Value{
		"clientId":       property.New(who.Client),
		"objectId":       property.New(who.Object),
		"subscriptionId": property.New(c.Subscription()),
		"tenantId":       property.New(tenant),
	}), nil
}
