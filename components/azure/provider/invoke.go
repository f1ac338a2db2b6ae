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
		out, fails, err = s.keys(ctx, sharedKeys(), args, req.GetPreview())
	case "storage:listStorageAccountKeys":
		out, fails, err = s.keys(ctx, accountKeys(t.api), args, req.GetPreview())
	case "authorization:getClientConfig":
		out, err = s.clientConfig(ctx)
	default:
		return nil, fmt.Errorf("function %q is not implemented by envctl's azure-native provider, which has "+
			"operationalinsights:getSharedKeys, storage:listStorageAccountKeys and authorization:getClientConfig: %s", req.GetTok(), wayOut)
	}
	if err != nil {
		return nil, err
	}
	ret, err := marshal(out)
	return &pulumirpc.InvokeResponse{Return: ret, Failures: fails}, err
}

// keyQuery is a question for the keys of a resource.
type keyQuery struct {
	what string // in words
	path string // below Microsoft's providers; %s is the resource's name
	name string // property that has it, beside the resource group
	api  string
	// answer makes the result, whose values are secrets, of Azure's answer; of none, it
	// is what is not known yet.
	answer func(map[string]any) property.Map
}

// sharedKeys are those of a Log Analytics workspace.
func sharedKeys() keyQuery {
	return keyQuery{
		what: "Log Analytics workspace", path: "Microsoft.OperationalInsights/workspaces/%s/sharedKeys", name: "workspaceName", api: sharedKeysAPI,
		answer: func(o map[string]any) property.Map {
			return property.NewMap(map[string]property.Value{
				"primarySharedKey": secretOf(o, "primarySharedKey"), "secondarySharedKey": secretOf(o, "secondarySharedKey"),
			})
		},
	}
}

// accountKeys are those of a storage account.
func accountKeys(api string) keyQuery {
	return keyQuery{
		what: "storage account", path: "Microsoft.Storage/storageAccounts/%s/listKeys", name: "accountName", api: api,
		answer: func(o map[string]any) property.Map {
			return property.NewMap(map[string]property.Value{"keys": secretOf(o, "keys")})
		},
	}
}

func secretOf(o map[string]any, member string) property.Value {
	if o == nil {
		return property.New(property.Computed).WithSecret(true)
	}
	return fromJSON(o[member]).WithSecret(true)
}

// keys asks for keys. They are open while the resource is not known or, in a
// preview, not there.
func (s *server) keys(
	ctx context.Context, q keyQuery, args property.Map, preview bool,
) (property.Map, []*pulumirpc.CheckFailure, error) {
	values := map[string]string{}
	for _, name := range []string{groupParam, q.name} {
		v, ok := given(args, name)
		switch {
		case !ok:
			return property.Map{}, []*pulumirpc.CheckFailure{{
				Property: name, Reason: fmt.Sprintf("missing required property '%s'", name),
			}}, nil
		case v.IsComputed():
			return q.answer(nil), nil, nil
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
	answer, err := c.Query(ctx, fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/"+q.path,
		c.Subscription(), values[groupParam], values[q.name]), q.api, nil)
	if preview && isNotFound(err) {
		return q.answer(nil), nil, nil
	}
	if err != nil {
		return property.Map{}, nil, fmt.Errorf("reading the keys of %s %q: %w", q.what, values[q.name], err)
	}
	return q.answer(answer), nil, nil
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
