package rp

import (
	"time"
)

// identityTypes: a put ends at once; its first answer is 201 with a relative
// Location (fault row 18), which package rm adds.
func identityTypes() []*Type {
	t := &Type{
		Name: "Microsoft.ManagedIdentity/userAssignedIdentities", Tree: "userAssignedIdentities", Located: true,
		Versions: []string{"2018-11-30", "2023-01-31", "2024-11-30"},
		OddID:    func(id string) string { return lowerSegments(id, "resourceGroups") },
		Fill: func(c *Call) {
			c.keep("principalId", c.guid)
			c.keep("clientId", c.guid)
			props(c.New.Body)["tenantId"] = c.Tenant
		},
		View: func(_ *Call, body Object) { delete(props(body), "provisioningState") },
	}
	t.Pattern, t.NameError = named(`^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$`, "InvalidParameter",
		"The identity name '%s' is not valid: it has 3 to 128 letters, digits, '-' and '_', and begins with a letter or digit.")
	return []*Type{t}
}

// principal finds the identity with that principal.
func (c *Call) principal(id string) (created time.Time, ok bool) {
	if id == c.Caller {
		return time.Time{}, true
	}
	for _, r := range c.State.OfType("Microsoft.ManagedIdentity/userAssignedIdentities") {
		if text(r.Body, "properties", "principalId") == id {
			return r.Created, true
		}
	}
	for _, r := range c.State.Resources {
		if text(r.Body, "identity", "principalId") == id {
			return r.Created, true
		}
	}
	return time.Time{}, false
}
