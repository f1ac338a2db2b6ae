package rp

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// resources are groups, registries and workspaces.
func resources() []*Type { return []*Type{group(), registry(), workspace()} }

// group has the rules of
// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
func group() *Type {
	t := &Type{
		Name: "Microsoft.Resources/resourceGroups", Tree: "resourceGroups", Located: true, Delete: Location,
		Versions: []string{"2019-10-01", "2020-06-01", "2020-10-01", "2021-04-01", "2022-09-01", "2023-07-01", "2024-03-01", "2024-07-01"},
	}
	t.Pattern, t.NameError = named(`^[-\w.()]{0,89}[-\w()]$`, "InvalidResourceGroup",
		"The provided resource group name '%s' has these invalid characters: or is too long or ends with a period. The name can only be a letter, digit, '-', '.', '(', ')' or '_', at most 90 characters.")
	return t
}

// registry has the name rule of fault row 5 and the features of each SKU of
// https://learn.microsoft.com/azure/container-registry/container-registry-skus.
func registry() *Type {
	t := &Type{
		Name: "Microsoft.ContainerRegistry/registries", Tree: "registries", Located: true, Put: Async, Delete: Location,
		Versions: []string{"2019-05-01", "2021-09-01", "2022-12-01", "2023-07-01"},
		Check:    checkRegistry, Fill: fillRegistry, Gone: func(c *Call) { delete(c.State.Ports, registryPort(c.Old.Name)) },
	}
	t.Pattern, t.NameError = named(`^[a-zA-Z0-9]{5,50}$`, "ResourceNameInvalid",
		"The registry name '%s' is invalid. Registry names may contain alpha numeric characters only and must be between 5 and 50 characters.")
	t.Actions = map[string]Action{"listcredentials": registryCredentials}
	t.Reads = map[string]Action{"listusages": func(*Call) (*answer.Answer, *answer.Error) {
		return answer.List([]any{Object{"name": "Size", "limit": 10737418240, "currentValue": 0, "unit": "Bytes"}}), nil
	}}
	return t
}

func registryPort(name string) string { return "registry/" + strings.ToLower(name) }

// RegistryOf finds the registry whose login server is host, nil if there is none.
func RegistryOf(st *store.State, host string) *store.Resource {
	for _, r := range st.OfType("Microsoft.ContainerRegistry/registries") {
		if text(r.Body, "properties", "loginServer") == host {
			return r
		}
	}
	return nil
}

func checkRegistry(c *Call) *answer.Error {
	sku := text(c.Body, "sku", "name")
	if c.Old == nil && c.nameTaken("Microsoft.ContainerRegistry/registries", "registry", c.Path.Name()) {
		return answer.Errorf(http.StatusConflict, "AlreadyInUse", "The registry DNS name %s.azurecr.io is already in use. You can check if the name is already claimed using following API: https://docs.microsoft.com/rest/api/containerregistry/registries/checknameavailability", strings.ToLower(c.Path.Name()))
	}
	if strings.EqualFold(sku, "Premium") {
		return nil
	}
	for _, f := range []struct{ key, plain string }{
		{"publicNetworkAccess", "Enabled"}, {"zoneRedundancy", "Disabled"}, {"dataEndpointEnabled", "false"},
	} {
		got := ""
		switch v := at(c.Body, "properties", f.key).(type) {
		case string:
			got = v
		case bool:
			got = map[bool]string{true: "true", false: "false"}[v]
		}
		if got != "" && !strings.EqualFold(got, f.plain) {
			return invalid("SkuNotSupported", "The property '%s' of the registry %s can be '%s' only with the SKU Premium; the SKU is '%s'.", f.key, c.Path.Name(), got, sku)
		}
	}
	return nil
}

// nameTaken says whether somebody in the world has the name.
func (c *World) takenBy(kind, name string) bool { return c.Taken[kind+"/"+strings.ToLower(name)] }

func (c *Call) nameTaken(typ, kind, name string) bool {
	same := func(r *store.Resource) bool { return strings.EqualFold(r.Name, name) }
	return c.takenBy(kind, name) || slices.ContainsFunc(c.State.OfType(typ), same)
}

func fillRegistry(c *Call) {
	p := props(c.New.Body)
	c.keep("loginServer", func() any {
		host, err := c.HostOf(c.State, registryPort(c.New.Name))
		if err != nil {
			return strings.ToLower(c.New.Name) + ".azurecr.io"
		}
		return host
	})
	c.keep("creationDate", func() any { return c.Now.UTC().Format(time.RFC3339Nano) })
	standard(p, "adminUserEnabled", false)
	standard(p, "anonymousPullEnabled", false)
	standard(p, "dataEndpointEnabled", false)
	standard(p, "dataEndpointHostNames", []any{})
	standard(p, "publicNetworkAccess", "Enabled")
	standard(p, "networkRuleBypassOptions", "AzureServices")
	standard(p, "zoneRedundancy", "Disabled")
	standard(p, "privateEndpointConnections", []any{})
	standard(p, "encryption", Object{"status": "disabled"})
	if sku, ok := c.New.Body["sku"].(Object); ok {
		standard(sku, "tier", sku["name"])
	}
}

func registryCredentials(c *Call) (*answer.Answer, *answer.Error) {
	if at(c.Old.Body, "properties", "adminUserEnabled") != true {
		return nil, invalid("UnAuthorizedForCredentialOperations", "Cannot perform credential operations for %s as admin user is disabled. Kindly enable admin user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/container-registry-authentication#admin-account", c.Old.ID)
	}
	if c.Old.Private["password"] == "" {
		c.Old.Private = map[string]string{"password": c.State.Hex(c.Seed, 52)}
	}
	password := Object{"name": "password", "value": c.Old.Private["password"]}
	return answer.OK(Object{"username": c.Old.Name, "passwords": []any{password}}), nil
}

// workspace is soft-deleted for 14 days; a put of the same name recovers it with
// its customerId (fault row 15).
func workspace() *Type {
	t := &Type{
		Name: "Microsoft.OperationalInsights/workspaces", Tree: "workspaces", Located: true, Put: Body, Delete: Location,
		Versions: []string{"2020-08-01", "2021-06-01", "2022-10-01", "2023-09-01", "2025-02-01"},
		Check:    checkWorkspace, Fill: fillWorkspace,
		OddID: func(id string) string { return lowerSegments(id, "resourceGroups", "Microsoft.OperationalInsights") },
	}
	t.Pattern, t.NameError = named(`^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]$`, "InvalidParameter",
		"The workspace name '%s' is not valid: it has 4 to 63 letters, digits and '-', and begins and ends with a letter or digit.")
	t.Actions = map[string]Action{"sharedkeys": func(c *Call) (*answer.Answer, *answer.Error) {
		return answer.OK(Object{"primarySharedKey": c.Old.Private["key"], "secondarySharedKey": c.Old.Private["key2"]}), nil
	}}
	t.Gone = func(c *Call) {
		if c.Query["force"] != "true" {
			softDelete(c)
		}
	}
	return t
}

// softDelete keeps the removed resource among the deleted ones.
func softDelete(c *Call) {
	gone := *c.Old
	gone.DeletedAt, gone.Operation = c.Now, ""
	c.State.Deleted[strings.ToLower(gone.ID)] = &gone
	c.State.Changed()
}

func checkWorkspace(c *Call) *answer.Error {
	days, ok := number(c.Body, "properties", "retentionInDays")
	if ok && days != -1 && (days < 30 || days > 730) && !(days == 7 && strings.EqualFold(text(c.Body, "properties", "sku", "name"), "Free")) {
		return invalid("InvalidParameter", "'RetentionInDays' property doesn't match the SKU limits: it is %v, and 30 to 730 is possible.", days)
	}
	return nil
}

// recoverFor is how long a deleted workspace can be recovered.
const recoverFor = 14 * 24 * time.Hour

func fillWorkspace(c *Call) {
	p := props(c.New.Body)
	key := strings.ToLower(c.New.ID)
	if c.Old == nil {
		if gone := c.State.Deleted[key]; gone != nil && c.Now.Sub(gone.DeletedAt) < recoverFor {
			c.New.Private, p["customerId"] = gone.Private, at(gone.Body, "properties", "customerId")
			delete(c.State.Deleted, key)
		} else {
			c.New.Private = map[string]string{"key": c.State.Hex(c.Seed, 64), "key2": c.State.Hex(c.Seed, 64)}
			p["customerId"] = c.guid()
		}
	} else {
		c.keep("customerId", c.guid)
	}
	c.keep("createdDate", func() any { return c.Now.UTC().Format(time.RFC3339Nano) })
	p["modifiedDate"] = c.Now.UTC().Format(time.RFC3339Nano)
	standard(p, "sku", Object{"name": "PerGB2018"})
	standard(p, "retentionInDays", float64(30))
	standard(p, "publicNetworkAccessForIngestion", "Enabled")
	standard(p, "publicNetworkAccessForQuery", "Enabled")
	standard(p, "workspaceCapping", Object{"dailyQuotaGb": -1.0, "dataIngestionStatus": "RespectQuota"})
}

// lowerSegments writes those segments of an id in lower case.
func lowerSegments(id string, segments ...string) string {
	for _, s := range segments {
		id = strings.ReplaceAll(id, "/"+s+"/", "/"+strings.ToLower(s)+"/")
	}
	return id
}
