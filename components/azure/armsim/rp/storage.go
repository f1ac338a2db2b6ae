package rp

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/sas"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

const (
	storages   = "Microsoft.Storage/storageAccounts"
	fileShares = "Microsoft.Storage/storageAccounts/fileServices/shares"
	mounts     = "Microsoft.App/managedEnvironments/storages"
)

func storageVersions() []string {
	return []string{"2021-09-01", "2022-09-01", "2023-01-01", "2023-05-01", "2024-01-01"}
}

// storageTypes have the names and codes of
// https://learn.microsoft.com/rest/api/storagerp and of the error messages there.
func storageTypes() []*Type { return []*Type{storageAccount(), fileShare(), mount()} }

func storageAccount() *Type {
	t := &Type{
		Name: storages, Tree: "storageAccounts", Versions: storageVersions(), Located: true, Put: Location, Delete: Sync,
		Check: checkStorage, Fill: fillStorage, Gone: func(c *Call) { delete(c.State.Ports, FilesPort(c.Old.Name)) },
	}
	t.Pattern, t.NameError = named(`^[a-z0-9]{3,24}$`, "AccountNameInvalid",
		"%s is not a valid storage account name. Storage account name must be between 3 and 24 characters in length and use numbers and lower-case letters only.")
	t.Actions = map[string]Action{"listkeys": storageKeys, "listservicesas": serviceSAS}
	t.Bodies = map[string]string{"listservicesas": "serviceSas"}
	return t
}

// FilesPort is what the state calls the data plane of an account's file shares.
func FilesPort(account string) string { return "files/" + strings.ToLower(account) }

func checkStorage(c *Call) *answer.Error {
	name := c.Path.Name()
	if c.Old == nil && c.nameTaken(storages, "storage", name) {
		return answer.Errorf(http.StatusConflict, "StorageAccountAlreadyTaken", "The storage account named %s is already taken.", name)
	}
	kind, sku := text(c.Body, "kind"), text(c.Body, "sku", "name")
	if kind != "StorageV2" || sku != "Standard_LRS" {
		return answer.Errorf(http.StatusNotImplemented, "NotSimulated", "The simulator has storage accounts of the kind StorageV2 with the SKU Standard_LRS: '%s' is %s with %s.", name, kind, sku)
	}
	if c.Old != nil && text(c.Old.Body, "kind") != kind {
		return invalid("AccountKindCannotBeChanged", "The kind of the storage account '%s' is %s and cannot be %s.", name, text(c.Old.Body, "kind"), kind)
	}
	return nil
}

func fillStorage(c *Call) {
	p := props(c.New.Body)
	if c.New.Private == nil {
		c.New.Private = map[string]string{"key1": c.storageKey(), "key2": c.storageKey()}
	}
	c.keep("primaryEndpoints", func() any {
		host, err := c.HostOf(c.State, FilesPort(c.New.Name))
		if err != nil {
			host = c.New.Name + ".file.core.windows.net"
		}
		return Object{"file": "https://" + host + "/"}
	})
	c.keep("creationTime", func() any { return c.Now.UTC().Format(time.RFC3339Nano) })
	p["primaryLocation"], p["statusOfPrimary"] = text(c.New.Body, "location"), "available"
	standard(p, "accessTier", "Hot")
	standard(p, "allowBlobPublicAccess", false)
	standard(p, "allowSharedKeyAccess", true)
	standard(p, "minimumTlsVersion", "TLS1_0")
	standard(p, "supportsHttpsTrafficOnly", true)
	standard(p, "encryption", Object{"keySource": "Microsoft.Storage", "services": Object{
		"file": Object{"enabled": true, "keyType": "Account"}, "blob": Object{"enabled": true, "keyType": "Account"},
	}})
	standard(p, "networkAcls", Object{"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": []any{}, "virtualNetworkRules": []any{}})
	standard(p, "keyCreationTime", Object{"key1": p["creationTime"], "key2": p["creationTime"]})
	standard(p, "privateEndpointConnections", []any{})
	if sku, ok := c.New.Body["sku"].(Object); ok {
		sku["tier"] = "Standard"
	}
}

// storageKey is 64 bytes in base64.
func (c *Call) storageKey() string {
	return base64.StdEncoding.EncodeToString([]byte(c.State.Hex(c.Seed, 64)))
}

func storageKeys(c *Call) (*answer.Answer, *answer.Error) {
	var list []any
	for _, name := range []string{"key1", "key2"} {
		list = append(list, Object{"keyName": name, "value": c.Old.Private[name], "permissions": "FULL", "creationTime": at(c.Old.Body, "properties", "creationTime")})
	}
	return answer.OK(Object{"keys": list}), nil
}

// serviceSAS signs for a file share; the other services have none here.
func serviceSAS(c *Call) (*answer.Answer, *answer.Error) {
	if at(c.Old.Body, "properties", "allowSharedKeyAccess") == false {
		return nil, answer.Errorf(http.StatusForbidden, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted on this storage account.")
	}
	share, ok := strings.CutPrefix(text(c.Body, "canonicalizedResource"), "/file/"+c.Old.Name+"/")
	if !ok || share == "" || strings.Contains(share, "/") || text(c.Body, "signedResource") != "s" {
		return nil, invalid("InvalidValuesForRequestParameters", "Values for request parameters are invalid: canonicalizedResource is '%s' and signedResource '%s'; the simulator signs for a share (s), as /file/%s/SHARE.", text(c.Body, "canonicalizedResource"), text(c.Body, "signedResource"), c.Old.Name)
	}
	for key := range c.Body {
		if !contains([]string{"canonicalizedResource", "signedResource", "signedPermission", "signedExpiry", "signedStart", "signedProtocol"}, key) {
			return nil, invalid("InvalidValuesForRequestParameters", "The simulator takes no %s for a signature.", key)
		}
	}
	g := sas.Grant{Account: c.Old.Name, Share: share, Permissions: text(c.Body, "signedPermission"), HTTPSOnly: text(c.Body, "signedProtocol") == "https"}
	if bad := grantTimes(c, &g); bad != nil {
		return nil, bad
	}
	rest := g.Permissions
	for _, letter := range sas.Order { // each once, in the order of the documentation
		rest = strings.TrimPrefix(rest, string(letter))
	}
	if g.Permissions == "" || rest != "" {
		return nil, invalid("InvalidValuesForRequestParameters", "Values for request parameters are invalid: signedPermission is '%s', and its letters must be of %s in this order.", g.Permissions, sas.Order)
	}
	token, err := g.Query(c.Old.Private["key1"])
	if err != nil {
		return nil, answer.Errorf(http.StatusInternalServerError, "InternalServerError", "%v", err)
	}
	return answer.OK(Object{"serviceSasToken": token}), nil
}

func grantTimes(c *Call, g *sas.Grant) *answer.Error {
	for key, into := range map[string]*time.Time{"signedExpiry": &g.Expiry, "signedStart": &g.Start} {
		given := text(c.Body, key)
		if given == "" && key == "signedStart" {
			continue
		}
		t, err := time.Parse(time.RFC3339, given)
		if err != nil {
			return invalid("InvalidValuesForRequestParameters", "Values for request parameters are invalid: %s is '%s'.", key, given)
		}
		*into = t
	}
	return nil
}

// Share is a file share that is there.
type Share struct {
	Keys    []string // of its account
	Content string   // name of its content, which another share of the same name does not have
}

// ShareOf finds a file share; false if it or its account is not there.
func ShareOf(st *store.State, account, share string) (Share, bool) {
	for _, r := range st.OfType(storages) {
		if !strings.EqualFold(r.Name, account) {
			continue
		}
		if found := st.Get(r.ID + "/fileServices/default/shares/" + share); found != nil {
			return Share{Keys: []string{r.Private["key1"], r.Private["key2"]}, Content: found.Private["content"]}, true
		}
	}
	return Share{}, false
}

func fileShare() *Type {
	t := &Type{
		Name: fileShares, Tree: "shares", Versions: storageVersions(), Put: Sync, Delete: Sync, NoTags: true,
		Check: func(c *Call) *answer.Error {
			parent := c.Path.Parent()
			if parent.Name() != "default" {
				return invalid("InvalidResourceName", "The file service of a storage account is called default, not '%s'.", parent.Name())
			}
			account := c.State.Get(parent.Parent().ID())
			if account == nil || StateOf(account) != Succeeded {
				return answer.Errorf(http.StatusNotFound, "ParentResourceNotFound", "Failed to perform 'write' on resource(s) of type 'storageAccounts/fileServices/shares', because the parent resource '%s' could not be found.", parent.Parent().ID())
			}
			if quota, ok := number(c.Body, "properties", "shareQuota"); ok && (quota < 1 || quota > 102400) {
				return invalid("InvalidValuesForRequestParameters", "Values for request parameters are invalid: shareQuota is %v, and 1 to 102400 GiB is possible.", quota)
			}
			return nil
		},
		Fill: func(c *Call) {
			p := props(c.New.Body)
			if c.New.Private == nil {
				c.New.Private = map[string]string{"content": c.State.Hex(c.Seed, 16)}
			}
			standard(p, "shareQuota", 5120.0)
			standard(p, "accessTier", "TransactionOptimized")
			standard(p, "enabledProtocols", "SMB")
			p["lastModifiedTime"], p["leaseState"], p["leaseStatus"] = c.Now.UTC().Format(time.RFC3339Nano), "available", "unlocked"
			c.New.Body["etag"] = fmt.Sprintf(`"0x%s"`, strings.ToUpper(c.State.Hex(c.Seed, 15)))
		},
		View: func(_ *Call, body Object) { delete(props(body), "provisioningState") }, // it has none
	}
	t.Pattern, t.NameError = named(`^[a-z0-9](-?[a-z0-9]){2,62}$`, "InvalidResourceName",
		"The share name '%s' is invalid: it has 3 to 63 lower-case letters, digits and single '-', and begins and ends with a letter or digit.")
	return t
}

// mount is a file share that an environment may mount into apps and jobs.
func mount() *Type {
	t := &Type{
		Name: mounts, Tree: "storages", Versions: appVersions(), Put: Sync, Delete: Sync, NoTags: true,
		Check: checkMount, Removable: mountInUse,
		View: func(_ *Call, body Object) {
			if file, ok := at(body, "properties", "azureFile").(Object); ok {
				file["accountKey"] = nil // never answered
			}
			delete(props(body), "provisioningState") // it has none
		},
	}
	t.Pattern, t.NameError = named(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])$`, "ManagedEnvironmentStorageInvalidName",
		"Invalid storage name '%s'. A name consists of lower case letters, digits and '-', starts with a letter and has 2 to 32 characters.")
	return t
}

func checkMount(c *Call) *answer.Error {
	home := c.State.Get(c.Path.Parent().ID())
	if home == nil || StateOf(home) != Succeeded {
		return answer.Errorf(http.StatusNotFound, "ManagedEnvironmentNotFound", "The environment '%s' does not exist or is not provisioned.", c.Path.Parent().ID())
	}
	file := at(c.Body, "properties", "azureFile")
	for _, key := range []string{"accountName", "accountKey", "shareName", "accessMode"} {
		if text(file, key) == "" {
			return invalid("ManagedEnvironmentStorageInvalid", "The storage '%s' needs properties.azureFile.%s.", c.Path.Name(), key)
		}
	}
	return nil
}

// mountInUse: what a job or app mounts stays.
func mountInUse(c *Call) *answer.Error {
	home := c.Old.ID[:strings.LastIndex(strings.ToLower(c.Old.ID), "/storages/")]
	for _, typ := range []string{apps, jobs} {
		for _, r := range c.State.OfType(typ) {
			for _, v := range items(r.Body, "properties", "template", "volumes") {
				if strings.EqualFold(EnvironmentOf(r.Body), home) && text(v, "storageName") == c.Old.Name {
					return answer.Errorf(http.StatusConflict, "ManagedEnvironmentStorageInUse", "The storage '%s' is in use by %s.", c.Old.Name, r.ID)
				}
			}
		}
	}
	return nil
}

// mounted is the account and the share of a volume, as its environment has them.
func mounted(st *store.State, environment string, volume Object) (account, share string, err *answer.Error) {
	name := text(volume, "storageName")
	r := st.Get(environment + "/storages/" + name)
	if r == nil {
		return "", "", invalid("ManagedEnvironmentStorageNotFound", "The storage '%s' of the volume '%s' is not one of the environment %s.", name, text(volume, "name"), environment)
	}
	file := at(r.Body, "properties", "azureFile")
	return text(file, "accountName"), text(file, "shareName"), nil
}

// Unmountable says why a job's share cannot be mounted when an execution starts: the
// share has to be there, and the key has to be the account's. "": it can.
func Unmountable(st *store.State, job *store.Resource) string {
	for _, v := range items(job.Body, "properties", "template", "volumes") {
		if text(v, "storageType") != "AzureFile" {
			continue
		}
		if why := unmountable(st, EnvironmentOf(job.Body), v); why != "" {
			return why
		}
	}
	return ""
}

func unmountable(st *store.State, environment string, volume Object) string {
	account, share, bad := mounted(st, environment, volume)
	if bad != nil {
		return bad.Message
	}
	found, ok := ShareOf(st, account, share)
	if !ok {
		return fmt.Sprintf("mount error(2): No such file or directory: \\\\%s\\%s", account, share)
	}
	key := text(st.Get(environment+"/storages/"+text(volume, "storageName")).Body, "properties", "azureFile", "accountKey")
	if !contains(found.Keys, key) {
		return fmt.Sprintf("mount error(13): Permission denied: \\\\%s\\%s", account, share)
	}
	return ""
}

// checkVolumes looks at the volumes of an app or job.
func (c *Call) checkVolumes(kind string) *answer.Error {
	for _, v := range items(c.Body, "properties", "template", "volumes") {
		name, typ := text(v, "name"), text(v, "storageType")
		switch typ {
		case "", "EmptyDir":
			if text(v, "storageName") != "" || text(v, "mountOptions") != "" {
				return invalid(kind+"VolumeInvalid", "The volume '%s' is an EmptyDir, which has neither storageName nor mountOptions.", name)
			}
		case "AzureFile":
			if _, _, bad := mounted(c.State, EnvironmentOf(c.Body), v); bad != nil {
				return bad
			}
			if kind != "Job" {
				return answer.Errorf(http.StatusNotImplemented, "NotSimulated", "The simulator mounts file shares into jobs; the volume '%s' is an app's.", name)
			}
		default:
			return answer.Errorf(http.StatusNotImplemented, "NotSimulated", "The simulator has no volumes of the type '%s', which '%s' is.", typ, name)
		}
	}
	return nil
}
