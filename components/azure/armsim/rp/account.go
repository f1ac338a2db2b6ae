package rp

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/models"
	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

const (
	accounts    = "Microsoft.CognitiveServices/accounts"
	deployments = "Microsoft.CognitiveServices/accounts/deployments"
)

func aiVersions() []string {
	return []string{"2021-10-01", "2022-12-01", "2023-05-01", "2024-10-01", "2025-04-01-preview"}
}

func aiTypes() []*Type { return []*Type{account(), deployment()} }

// parentBusy is fault row 8.
func parentBusy(_ *store.Operation, _ string) *answer.Error {
	return answer.Errorf(http.StatusConflict, "RequestConflict", "Another operation is being performed on the parent resource. Please try again later.")
}

// account has fault rows 6 and 7. A deleted one keeps its name and subdomain for 48
// hours: https://learn.microsoft.com/azure/ai-services/manage-resources.
func account() *Type {
	t := &Type{
		Name: accounts, Tree: "accounts", Versions: aiVersions(), Located: true, Put: Body, Delete: Location,
		Check: checkAccount, Fill: fillAccount, Gone: softDelete, BusyError: parentBusy,
		Removable: func(c *Call) *answer.Error {
			if below := c.State.Under(c.Old.ID); len(below) > 0 {
				return answer.Errorf(http.StatusConflict, "CannotDeleteResource", "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: '%s'. Please delete all nested resources before deleting this resource.", below[0].ID)
			}
			return nil
		},
		View: func(_ *Call, body Object) { delete(props(body), "restore") },
	}
	t.Pattern, t.NameError = named(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$`, "InvalidResourceProperties",
		"The account name '%s' is invalid: it has 2 to 64 letters, digits, '-', '_' and '.', and begins with a letter or digit.")
	t.Actions = map[string]Action{"listkeys": accountKeys}
	t.Reads = map[string]Action{
		"models": func(c *Call) (*answer.Answer, *answer.Error) {
			return ModelList(text(c.Old.Body, "location"), text(c.Old.Body, "kind"), false), nil
		},
		"usages": func(c *Call) (*answer.Answer, *answer.Error) {
			return UsageList(c.World, c.State, text(c.Old.Body, "location")), nil
		},
		"skus": func(c *Call) (*answer.Answer, *answer.Error) {
			return answer.List([]any{Object{"resourceType": accounts, "sku": Object{"name": "S0"}}}), nil
		},
	}
	return t
}

// KeptFor is how long a deleted account can be restored.
const KeptFor = 48 * time.Hour

func (c *Call) deletedAccount(id string) *store.Resource {
	gone := c.State.Deleted[strings.ToLower(id)]
	if gone == nil || c.Now.Sub(gone.DeletedAt) >= KeptFor {
		return nil
	}
	return gone
}

func checkAccount(c *Call) *answer.Error {
	p := props(c.Body)
	kind, sku := text(c.Body, "kind"), text(c.Body, "sku", "name")
	if kind == "" || sku == "" {
		return invalid("InvalidRequestContent", "The account '%s' needs kind and sku.name.", c.Path.Name())
	}
	known := []string{"OpenAI", "AIServices", "CognitiveServices"}
	if !contains(known, kind) {
		return invalid("InvalidApiSetId", "The account type '%s' is either invalid or unavailable in given region.", kind)
	}
	if sku != "S0" {
		return invalid("InvalidSkuId", "The sku '%s' is not available for the kind '%s': S0 is.", sku, kind)
	}
	sub := text(p, "customSubDomainName")
	if c.Old != nil {
		old := text(c.Old.Body, "properties", "customSubDomainName")
		if old != "" && !strings.EqualFold(old, sub) {
			return invalid("CustomDomainNameNotUpdatable", "The custom subdomain name of '%s' is '%s' and cannot be changed.", c.Path.Name(), old)
		}
		if !strings.EqualFold(text(c.Old.Body, "kind"), kind) {
			return invalid("InvalidResourceProperties", "The kind of '%s' is '%s' and cannot be changed.", c.Path.Name(), text(c.Old.Body, "kind"))
		}
	}
	gone := c.deletedAccount(c.Path.ID())
	if c.Old == nil && gone != nil && p["restore"] != true {
		return answer.Errorf(http.StatusConflict, "FlagMustBeSetForRestore", "An existing resource with ID '%s' has been soft-deleted. To restore the resource, you must specify 'restore' to be 'true' in the property. If you don't want to restore existing resource, please purge it first.", gone.ID)
	}
	if c.Old == nil && gone == nil && p["restore"] == true {
		return invalid("CanNotRestoreANonExistingResource", "The resource '%s' was not soft-deleted, so it cannot be restored.", c.Path.ID())
	}
	if sub != "" && SubdomainTaken(c.World, c.State, c.Now, sub, c.Path.ID()) {
		return answer.Errorf(http.StatusConflict, "CustomDomainInUse", "Please pick a different name. The subdomain name '%s' is not available as it's already used by a resource.", sub)
	}
	return nil
}

// SubdomainTaken says whether a subdomain is used by another account than the one
// with that id, soft-deleted ones included.
func SubdomainTaken(w *World, st *store.State, now time.Time, name, but string) bool {
	if w.takenBy("subdomain", name) {
		return true
	}
	uses := func(r *store.Resource) bool {
		return strings.EqualFold(text(r.Body, "properties", "customSubDomainName"), name) && !strings.EqualFold(r.ID, but)
	}
	for _, r := range st.OfType(accounts) {
		if uses(r) {
			return true
		}
	}
	for _, r := range st.DeletedOfType(accounts) {
		if uses(r) && now.Sub(r.DeletedAt) < KeptFor {
			return true
		}
	}
	return false
}

func fillAccount(c *Call) {
	p := props(c.New.Body)
	if gone := c.deletedAccount(c.New.ID); c.Old == nil && gone != nil {
		c.New.Private = gone.Private
		Purge(c.State, gone.ID)
	}
	delete(p, "restore")
	if c.New.Private == nil {
		c.New.Private = map[string]string{"key1": c.State.Hex(c.Seed, 32), "key2": c.State.Hex(c.Seed, 32)}
	}
	endpoint := fmt.Sprintf("https://%s.api.cognitive.microsoft.com/", models.Region(text(c.New.Body, "location")))
	if sub := text(p, "customSubDomainName"); sub != "" {
		endpoint = "https://" + AccountHost(sub) + "/"
	}
	p["endpoint"] = endpoint
	p["endpoints"] = Object{"OpenAI Language Model Instance API": endpoint}
	p["internalId"] = c.State.Hex(c.Seed, 32)
	c.keep("dateCreated", func() any { return c.Now.UTC().Format(time.RFC3339Nano) })
	standard(p, "publicNetworkAccess", "Enabled")
	standard(p, "disableLocalAuth", false)
	standard(p, "privateEndpointConnections", []any{})
	standard(p, "callRateLimit", Object{"rules": []any{}})
	standard(p, "capabilities", []any{Object{"name": "VirtualNetworks"}, Object{"name": "CustomerManagedKey"}})
	p["isMigrated"] = false
	c.New.Body["etag"] = `"` + c.guid().(string) + `"`
	if _, ok := c.New.Body["identity"]; ok {
		fillIdentity(c)
	}
}

// AccountHost is the name of an account with a subdomain. It leads somewhere only
// from apps that the simulator runs.
func AccountHost(subdomain string) string {
	return strings.ToLower(subdomain) + "." + run.AccountDomain
}

func accountKeys(c *Call) (*answer.Answer, *answer.Error) {
	if at(c.Old.Body, "properties", "disableLocalAuth") == true {
		return nil, invalid("BadRequest", "Failed to list key. disableLocalAuth is set to be true")
	}
	return answer.OK(Object{"key1": c.Old.Private["key1"], "key2": c.Old.Private["key2"]}), nil
}

// Purge forgets a soft-deleted resource and what was below it.
func Purge(st *store.State, id string) {
	key := strings.ToLower(id)
	for other := range st.Deleted {
		if other == key || strings.HasPrefix(other, key+"/") {
			delete(st.Deleted, other)
		}
	}
	st.Changed()
}
