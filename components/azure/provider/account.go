package provider

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// deletedAccount is where Azure keeps a deleted AI account for 48 hours, with its
// name, its subdomain and its quota.
func deletedAccount(subscription, location, group, name string) string {
	return fmt.Sprintf("/subscriptions/%s/providers/Microsoft.CognitiveServices/locations/%s/resourceGroups/%s/deletedAccounts/%s",
		subscription, region(location), group, name)
}

func purgeCommand(location, group, name string) string {
	return fmt.Sprintf("az cognitiveservices account purge --location %s --resource-group %s --name %s", region(location), group, name)
}

// restore brings a soft-deleted account back when its tags say that it is this
// stack's, and then gives it the body. Else the refusal says how to purge it.
func (s *server) restore(
	ctx context.Context, c Client, r request, id string, body map[string]any, refusal error,
) (map[string]any, error) {
	group, name, location := text(r.in, groupParam), text(r.in, "accountName"), text(r.in, locationKey)
	purge := purgeCommand(location, group, name)
	gone, err := c.Get(ctx, deletedAccount(c.Subscription(), location, group, name), r.rt.api)
	if err != nil {
		return nil, fmt.Errorf("%w; the name %q is held by a deleted account, which cannot be read (%v): "+
			"free it with `%s`, or choose another name", refusal, name, err, purge)
	}
	if !s.opts.Owned(tagsOf(gone)) {
		return nil, fmt.Errorf("%w; the name %q is held for 48 hours by a deleted account that does not carry this "+
			"environment's tags: free it with `%s`, or choose another name", refusal, name, purge)
	}
	with := maps.Clone(body)
	props := map[string]any{}
	if p, ok := body[propertiesKey].(map[string]any); ok {
		props = maps.Clone(p)
	}
	props["restore"] = true
	with[propertiesKey] = props
	if _, err := c.Put(ctx, id, r.rt.api, with); err != nil {
		return nil, fmt.Errorf("restoring the deleted account %q: %w; or free its name with `%s`", name, err, purge)
	}
	return c.Put(ctx, id, r.rt.api, body) // a restored account has its old settings
}

// subdomainTaken says who holds the account's subdomain, as far as it can be seen.
func (s *server) subdomainTaken(ctx context.Context, c Client, r request, refusal error) error {
	sub := ""
	if v, ok := dig(r.in, []string{propertiesKey, "customSubDomainName"}); ok && v.IsString() {
		sub = v.AsString()
	}
	all, err := c.List(ctx, "/subscriptions/"+c.Subscription()+"/providers/Microsoft.CognitiveServices/deletedAccounts", r.rt.api)
	if err == nil {
		for _, gone := range all {
			p, _ := gone[propertiesKey].(map[string]any)
			if held, _ := p["customSubDomainName"].(string); !strings.EqualFold(held, sub) {
				continue
			}
			if l, g, n, ok := deletedParts(idOf(gone, "")); ok {
				return fmt.Errorf("%w; the subdomain %q is held for 48 hours by the deleted account %q of resource group %q: "+
					"free it with `%s`", refusal, sub, n, g, purgeCommand(l, g, n))
			}
		}
	}
	return fmt.Errorf("%w; subdomains are global, and %q is another account's, perhaps one deleted less than 48 hours ago: "+
		"choose another customSubDomainName", refusal, sub)
}

// deletedParts takes the ID of a deleted account apart.
func deletedParts(id string) (location, group, name string, ok bool) {
	p, err := parseTemplate("/subscriptions/{subscriptionId}/providers/Microsoft.CognitiveServices/locations/{location}" +
		"/resourceGroups/{resourceGroupName}/deletedAccounts/{accountName}").parse(id)
	return p[locationKey], p[groupParam], p["accountName"], err == nil
}

func text(in property.Map, name string) string {
	if v := in.Get(name); v.IsString() {
		return v.AsString()
	}
	return ""
}
