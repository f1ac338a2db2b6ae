package armsim_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim"
)

const (
	storagePath = group + "/providers/Microsoft.Storage/storageAccounts/simstore1"
	sharePath   = storagePath + "/fileServices/default/shares/outputs"
	mountPath   = envPath + "/storages/outputs"
)

func storageBody() object {
	return object{"location": "swedencentral", "kind": "StorageV2", "sku": object{"name": "Standard_LRS"}, "properties": object{"minimumTlsVersion": "TLS1_2"}}
}

// The rules of storage accounts and file shares, and who may have which name.
func TestStorage(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Taken: []string{"storage/simtaken"}})
	c.group()
	try := func(path string, body object) error {
		_, err := c.poll(http.MethodPut, path, versionOf(path), body)
		return err
	}
	at := func(name string) string { return group + "/providers/Microsoft.Storage/storageAccounts/" + name }
	wantError(t, try(at("Sim-Store"), storageBody()), http.StatusBadRequest, "AccountNameInvalid")
	wantError(t, try(at("simtaken"), storageBody()), http.StatusConflict, "StorageAccountAlreadyTaken")
	wantError(t, try(storagePath, object{"location": "swedencentral", "sku": object{"name": "Standard_LRS"}}), http.StatusBadRequest, "InvalidRequestContent")
	wantError(t, try(storagePath, object{"location": "swedencentral", "kind": "StorageV2", "sku": object{"name": "Standard_LRS"}, "properties": object{"enableHttpsTrafficOnly": true}}), http.StatusBadRequest, "InvalidRequestContent")
	wantError(t, try(sharePath, object{"properties": object{"shareQuota": 5}}), http.StatusNotFound, "ParentResourceNotFound")
	made := c.put(storagePath, storageBody())
	if text(made, "properties", "provisioningState") != "Succeeded" || !strings.HasPrefix(text(made, "properties", "primaryEndpoints", "file"), "https://127.0.0.1:") {
		t.Errorf("%v", made)
	}
	wantError(t, try(sharePath, object{"properties": object{"shareQuota": 0}}), http.StatusBadRequest, "InvalidValuesForRequestParameters")
	wantError(t, try(storagePath+"/fileServices/default/shares/Out", object{"properties": object{}}), http.StatusBadRequest, "InvalidResourceName")
	wantError(t, try(storagePath+"/fileServices/other/shares/outputs", object{"properties": object{}}), http.StatusBadRequest, "InvalidResourceName")
	if share := c.put(sharePath, object{"properties": object{"shareQuota": 5}}); text(share, "properties", "shareQuota") != "5" || text(share, "properties", "provisioningState") != "<nil>" {
		t.Errorf("%v", share)
	}
	for name, want := range map[string]string{"simstore1": "AlreadyExists", "simtaken": "AlreadyExists", "x": "AccountNameInvalid", "simfree": "<nil>"} {
		got := c.post(sub+"/providers/Microsoft.Storage/checkNameAvailability", object{"name": name, "type": "Microsoft.Storage/storageAccounts"})
		if text(got, "reason") != want || (text(got, "nameAvailable") == "true") != (want == "<nil>") {
			t.Errorf("%s: %v", name, got)
		}
	}
	_, err := c.do(t.Context(), http.MethodGet, storagePath, "2019-01-01", nil)
	wantError(t, err, http.StatusBadRequest, "NoRegisteredProviderFound")
	c.delete(storagePath)
	if left, err := c.sim.Leftovers(); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

// A share is mounted with a key of its account and not removed while a job has it;
// the key is never answered.
func TestMounts(t *testing.T) {
	t.Parallel()
	fake := newRunner()
	c := start(t, armsim.Options{Runner: fake})
	host, principal := c.ground()
	image := c.push(host, "exp/job")
	if err := c.assign(registryPath, "11111111-0000-4000-8000-000000000001", principal, acrPull); err != nil {
		t.Fatal(err)
	}
	c.put(storagePath, storageBody())
	c.put(sharePath, object{"properties": object{}})
	keys := c.post(storagePath+"/listKeys", nil)["keys"].([]any)
	key := text(keys[0], "value")
	if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != 64 || len(keys) != 2 {
		t.Errorf("keys %v, %v", keys, err)
	}
	mount := func(key string) object {
		return object{"properties": object{"azureFile": object{"accountName": "simstore1", "accountKey": key, "shareName": "outputs", "accessMode": "ReadWrite"}}}
	}
	try := func(path string, body object) error {
		_, err := c.poll(http.MethodPut, path, versionOf(path), body)
		return err
	}
	wantError(t, try(mountPath, mount("")), http.StatusBadRequest, "ManagedEnvironmentStorageInvalid")
	wantError(t, try(strings.Replace(mountPath, "/env/", "/nothing/", 1), mount(key)), http.StatusNotFound, "ManagedEnvironmentNotFound")
	if got := c.put(mountPath, mount(key)); text(got, "properties", "azureFile", "accountKey") != "<nil>" || text(got, "properties", "azureFile", "shareName") != "outputs" {
		t.Errorf("%v", got)
	}
	job := func(volume object) object {
		return object{
			"location": "swedencentral", "identity": object{"type": "UserAssigned", "userAssignedIdentities": object{identityPath: object{}}},
			"properties": object{
				"environmentId": envPath,
				"configuration": object{"triggerType": "Manual", "replicaTimeout": 60, "registries": []any{object{"server": host, "identity": identityPath}}},
				"template": object{
					"containers": []any{object{"name": "load", "image": image, "volumeMounts": []any{object{"volumeName": "outputs", "mountPath": "/out", "subPath": "load"}}}},
					"volumes":    []any{volume},
				},
			},
		}
	}
	for code, volume := range map[string]object{
		"ManagedEnvironmentStorageNotFound": {"name": "outputs", "storageType": "AzureFile", "storageName": "other"},
		"JobVolumeInvalid":                  {"name": "outputs", "storageType": "EmptyDir", "storageName": "outputs"},
		"InvalidRequestContent":             {"name": "outputs", "storageType": "NoSuchType"},
	} {
		wantError(t, try(jobPath, job(volume)), http.StatusBadRequest, code)
	}
	c.put(jobPath, job(object{"name": "outputs", "storageType": "AzureFile", "storageName": "outputs", "mountOptions": "uid=1"}))
	// An execution finds the folder of the job, also with arguments of its own.
	for _, body := range []any{nil, object{"containers": []any{object{"name": "load", "image": image, "args": []any{"x"}}}}} {
		_, name := c.execution(body)
		fake.mu.Lock()
		volumes := fake.volumes[name]
		fake.mu.Unlock()
		if len(volumes) != 1 || volumes[0].Path != "/out" || filepath.Base(volumes[0].Folder) != "load" || !strings.Contains(volumes[0].Folder, "/files/simstore1/") {
			t.Errorf("%v: %+v", body, volumes)
		}
	}
	// A key that the account does not have is seen when the share is to be mounted.
	c.put(mountPath, mount(base64.StdEncoding.EncodeToString([]byte("old"))))
	if e, _ := c.execution(nil); !strings.Contains(fmt.Sprint(e), "MountVolumeFailed mount error(13)") || text(e, "properties", "status") != "Failed" {
		t.Errorf("%v", e)
	}
	_, err := c.poll(http.MethodDelete, mountPath, versionOf(mountPath), nil)
	wantError(t, err, http.StatusConflict, "ManagedEnvironmentStorageInUse")
	_, err = c.do(t.Context(), http.MethodPost, jobPath+"/start", "2024-03-01", object{"containers": []any{object{"name": "load", "image": image, "volumeMounts": []any{}}}})
	wantError(t, err, http.StatusBadRequest, "InvalidRequestContent") // an execution cannot have its own
	c.delete(jobPath)
	c.delete(mountPath)
}

// execution starts the job and waits for the end of it.
func (c *client) execution(body any) (object, string) {
	c.t.Helper()
	name := text(c.post(jobPath+"/start", body), "name")
	for {
		got, err := c.get(jobPath + "/executions/" + name)
		if err != nil {
			c.t.Fatal(err)
		}
		if text(got, "properties", "status") != "Running" {
			return got, name
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// The data plane answers who has a signature that Resource Manager gave, for what it
// permits, at the address of the account, until the share is gone.
func TestFilesWantASignature(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	c.group()
	made := c.put(storagePath, storageBody())
	c.put(sharePath, object{"properties": object{}})
	base := text(made, "properties", "primaryEndpoints", "file") + "outputs"
	grant := func(permissions string, expiry time.Time) string {
		return text(c.post(storagePath+"/listServiceSas", object{
			"canonicalizedResource": "/file/simstore1/outputs", "signedResource": "s", "signedPermission": permissions, "signedProtocol": "https",
			"signedExpiry": expiry.UTC().Format(time.RFC3339),
		}), "serviceSasToken")
	}
	ask := func(method, path, query, version string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, base+path+"?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if version != "" {
			r.Header.Set("x-ms-version", version)
		}
		answer, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if code := answer.Header.Get("x-ms-error-code"); err != nil || code != "" && !strings.Contains(string(body), "<Code>"+code+"</Code>") {
			t.Errorf("%s %s: %s, %v", method, path, body, err)
		}
		return answer.StatusCode, answer.Header.Get("x-ms-error-code")
	}
	const version, list, folder = "2022-11-02", "restype=directory&comp=list&", "restype=directory&"
	all, soon := grant("rcdl", time.Now().Add(time.Hour)), grant("l", time.Now().Add(-time.Second))
	for _, tt := range []struct {
		method, path, query, version string
		status                       int
		code                         string
	}{
		{"PUT", "/job", folder + all, version, 201, ""},
		{"PUT", "/job", folder + all, version, 409, "ResourceAlreadyExists"},
		{"PUT", "/none/below", folder + all, version, 404, "ParentNotFound"},
		{"PUT", "/job/below", folder + all, version, 201, ""},
		{"GET", "", list + all, version, 200, ""},
		{"GET", "/none", list + all, version, 404, "ResourceNotFound"},
		{"GET", "/job", list + "maxresults=0&" + all, version, 400, "OutOfRangeQueryParameterValue"},
		{"GET", "/job", list + all, "2019-02-02", 400, "InvalidHeaderValue"},
		{"GET", "/job", list, version, 403, "NoAuthenticationInformation"},
		{"GET", "/job", list + soon, version, 403, "AuthenticationFailed"},
		{"GET", "/job", list + strings.Replace(all, "sig=", "sig=A", 1), version, 403, "AuthenticationFailed"},
		{"PUT", "/more", folder + grant("l", time.Now().Add(time.Hour)), version, 403, "AuthorizationPermissionMismatch"},
		{"GET", "/job", all, version, 409, "ResourceTypeMismatch"},
		{"GET", "/none", all, version, 404, "ResourceNotFound"},
		{"GET", "/" + url.PathEscape("..") + "/job", all, version, 400, "InvalidUri"},
		{"GET", "/a%2F..%2Fb", all, version, 400, "InvalidUri"},
		{"POST", "/job", all, version, 501, "NotSimulated"},
		{"DELETE", "/job", all, version, 409, "ResourceTypeMismatch"},
		{"DELETE", "/job", folder + all, version, 409, "DirectoryNotEmpty"},
		{"DELETE", "/job/below", folder + all, version, 202, ""},
		{"DELETE", "/job", folder + all, version, 202, ""},
		{"DELETE", "/job", folder + all, version, 404, "ResourceNotFound"},
	} {
		if status, code := ask(tt.method, tt.path, tt.query, tt.version); status != tt.status || code != tt.code {
			t.Errorf("%s %s: %d %s, expected %d %s", tt.method, tt.path, status, code, tt.status, tt.code)
		}
	}
	for _, bad := range []object{
		{"signedPermission": "lr"}, {"signedPermission": "rx"}, {"signedPermission": ""}, {"signedResource": "f"}, {"signedExpiry": "tomorrow"},
		{"canonicalizedResource": "/file/other/outputs"}, {"canonicalizedResource": "/blob/simstore1/outputs"}, {"signedIp": "1.2.3.4"},
	} {
		body := object{"canonicalizedResource": "/file/simstore1/outputs", "signedResource": "s", "signedPermission": "l", "signedExpiry": "2099-01-01T00:00:00Z"}
		for key, value := range bad {
			body[key] = value
		}
		_, err := c.do(t.Context(), http.MethodPost, storagePath+"/listServiceSas", "2023-05-01", body)
		wantError(t, err, http.StatusBadRequest, "InvalidValuesForRequestParameters")
	}
	// Another share of the name has other content.
	if status, _ := ask("PUT", "/kept", folder+all, version); status != 201 {
		t.Errorf("%d", status)
	}
	c.delete(sharePath)
	if status, code := ask("GET", "", list+all, version); code != "ShareNotFound" {
		t.Errorf("%d %s", status, code)
	}
	c.put(sharePath, object{"properties": object{}})
	if status, code := ask("GET", "/kept", list+all, version); code != "ResourceNotFound" {
		t.Errorf("%d %s", status, code)
	}
}
