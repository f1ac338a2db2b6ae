package armsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim"
)

// clock is a clock that a test moves.
type clock struct{ at chan time.Time }

func newClock(at time.Time) *clock {
	c := &clock{at: make(chan time.Time, 1)}
	c.at <- at
	return c
}

func (c *clock) now() time.Time { t := <-c.at; c.at <- t; return t }

func (c *clock) move(d time.Duration) { t := <-c.at; c.at <- t.Add(d) }

// Row 1: learn.microsoft.com, RBAC troubleshooting, "replication delay".
func TestRow1PrincipalNotFoundWhileItIsNew(t *testing.T) {
	t.Parallel()
	at := newClock(time.Now())
	c := start(t, armsim.Options{PrincipalDelay: 10 * time.Second, Now: at.now})
	_, principal := c.ground()
	wantError(t, c.assign(registryPath, guid1, principal, acrPull), http.StatusBadRequest, "PrincipalNotFound")
	at.move(11 * time.Second)
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
}

// Row 2: pulumi-azure-native#771; azure-sdk: UnmatchedPrincipalType in RBAC troubleshooting.
func TestRow2RoleAssignmentExists(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	_, principal := c.ground()
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	wantError(t, c.assign(registryPath, guid2, principal, acrPull), http.StatusConflict, "RoleAssignmentExists")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Errorf("the same again: %v", err)
	}
	wantError(t, c.assign(registryPath, guid1, armsim.Principal, acrPull), http.StatusBadRequest, "RoleAssignmentUpdateNotPermitted")
	wantError(t, c.assign(registryPath, guid2, principal, sub+"/providers/Microsoft.Authorization/roleDefinitions/"+guid2), http.StatusNotFound, "RoleDefinitionDoesNotExist")
	_, err := c.poll(http.MethodPut, registryPath+"/providers/Microsoft.Authorization/roleAssignments/"+guid2, "2022-04-01",
		object{"properties": object{"principalId": principal, "principalType": "User", "roleDefinitionId": strings.Replace(acrPull, "7f951dda-4ed3-4680-a7ca-43fe172d538d", "8311e382-0749-4cb8-b61a-304f252e45ec", 1)}})
	wantError(t, err, http.StatusBadRequest, "UnmatchedPrincipalType")
}

// Row 3: azure-container-apps#646, #836, #1061.
func TestRow3PullFailsUntilTheRoleIsEffective(t *testing.T) {
	t.Parallel()
	at := newClock(time.Now())
	c := start(t, armsim.Options{RoleDelay: time.Minute, Now: at.now})
	host, principal := c.ground()
	image := c.push(host, "exp/web")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	_, err := c.poll(http.MethodPut, appPath, "2024-03-01", appBody(image, host))
	wantFailedOperation(t, err, "unable to pull image using Managed identity")
	// Row 19: what failed is there, as Failed.
	app, err := c.get(appPath)
	if err != nil || text(app, "properties", "provisioningState") != "Failed" {
		t.Fatalf("after a failed operation: %v, %v", app, err)
	}
	revision, err := c.get(appPath + "/revisions/" + text(app, "properties", "latestRevisionName"))
	if err != nil || text(revision, "properties", "provisioningState") != "Failed" || !strings.Contains(text(revision, "properties", "provisioningError"), "unable to pull") {
		t.Errorf("the revision says %v, %v", revision, err)
	}
	at.move(2 * time.Minute)
	c.put(appPath, appBody(image, host))
}

// Row 3 with a service that goes on trying, as #836 reports.
func TestRow3PullWaits(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{RoleDelay: 300 * time.Millisecond, PullPatience: time.Minute})
	host, principal := c.ground()
	image := c.push(host, "exp/web")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	c.put(appPath, appBody(image, host))
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("it took %v, less than the role", took)
	}
}

// Row 4: call-center-voice-agent-accelerator#3.
func TestRow4MissingImage(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	host, principal := c.ground()
	c.push(host, "exp/web")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{"/exp/web:v2": "MANIFEST_UNKNOWN", "/exp/other:v1": "NAME_UNKNOWN"} {
		_, err := c.poll(http.MethodPut, appPath, "2024-03-01", appBody(host+ref, host))
		wantFailedOperation(t, err, want)
	}
}

// wantFailedOperation: a failed operation surfaces with the operation's code and
// status 200.
func wantFailedOperation(t *testing.T, err error, message string) {
	t.Helper()
	e := wantError(t, err, http.StatusOK, "ContainerAppOperationError")
	if !strings.Contains(e.Error(), message) {
		t.Errorf("%v does not say %q", err, message)
	}
}

// Row 5: learn.microsoft.com, resource-name-rules; Azure-Landing-Zones#2453.
func TestRow5RegistryNames(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Taken: []string{"registry/theirs"}})
	c.group()
	body := object{"location": "swedencentral", "sku": object{"name": "Basic"}}
	put := func(name string) error {
		_, err := c.poll(http.MethodPut, group+"/providers/Microsoft.ContainerRegistry/registries/"+name, "2023-07-01", body)
		return err
	}
	wantError(t, put("no-hyphens"), http.StatusBadRequest, "ResourceNameInvalid")
	wantError(t, put("four"), http.StatusBadRequest, "ResourceNameInvalid")
	wantError(t, put("Theirs"), http.StatusConflict, "AlreadyInUse")
	for name, want := range map[string]string{"theirs": "false", "no-hyphens": "false", "free1": "true"} {
		got := c.post(sub+"/providers/Microsoft.ContainerRegistry/checkNameAvailability?x=", object{"name": name, "type": "Microsoft.ContainerRegistry/registries"})
		if text(got, "nameAvailable") != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func accountBody(more object) object {
	p := object{"customSubDomainName": "mine", "disableLocalAuth": true}
	for key, value := range more {
		p[key] = value
	}
	return object{"location": "swedencentral", "kind": "OpenAI", "sku": object{"name": "S0"}, "properties": p}
}

// Rows 6, 7 and 23: learn.microsoft.com, ai-services/manage-resources; azuresandbox#164;
// chat-with-your-data-solution-accelerator#1910.
func TestRow6SoftDeletedAccount(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Taken: []string{"subdomain/theirs"}})
	c.group()
	put := func(path string, body object) error {
		_, err := c.poll(http.MethodPut, path, "2024-10-01", body)
		return err
	}
	wantError(t, put(accountPath, accountBody(object{"restore": true})), http.StatusBadRequest, "CanNotRestoreANonExistingResource")
	wantError(t, put(accountPath, accountBody(object{"customSubDomainName": "theirs"})), http.StatusConflict, "CustomDomainInUse")
	c.put(accountPath, accountBody(nil))
	c.delete(group)
	left, err := c.sim.Leftovers()
	if err != nil || len(left) != 1 || left[0] != "deleted: "+accountPath {
		t.Fatalf("left: %v, %v", left, err)
	}
	c.group()
	wantError(t, put(accountPath, accountBody(nil)), http.StatusConflict, "FlagMustBeSetForRestore")
	wantError(t, put(accountPath+"2", accountBody(nil)), http.StatusConflict, "CustomDomainInUse")
	c.put(accountPath, accountBody(object{"restore": true}))
	c.delete(accountPath)
	deleted := sub + "/providers/Microsoft.CognitiveServices/locations/swedencentral/resourceGroups/rg/deletedAccounts/ai"
	if _, err := c.get(deleted); err != nil {
		t.Fatal(err)
	}
	list, err := c.get(sub + "/providers/Microsoft.CognitiveServices/deletedAccounts")
	if err != nil || len(list["value"].([]any)) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	c.delete(deleted)
	c.put(accountPath, accountBody(nil))
}

// Rows 8 and 9: aspire#3409, PubSec-Info-Assistant#880.
func TestRow8And9Deployments(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Delays: map[string]time.Duration{"Microsoft.CognitiveServices/accounts/deployments": time.Hour}})
	c.group()
	c.put(accountPath, accountBody(nil))
	body := func(capacity int, model, sku string) object {
		return object{"sku": object{"name": sku, "capacity": capacity}, "properties": object{"model": object{"format": "OpenAI", "name": model}}}
	}
	send := func(name string, body object) error {
		_, err := c.do(t.Context(), http.MethodPut, accountPath+"/deployments/"+name, "2024-10-01", body)
		return err
	}
	wantError(t, send("aa", body(1000, "gpt-4o", "Standard")), http.StatusBadRequest, "InsufficientQuota")
	wantError(t, send("aa", body(1, "gpt-9", "Standard")), http.StatusBadRequest, "DeploymentModelNotSupported")
	wantError(t, send("aa", body(1, "gpt-4.1", "Standard")), http.StatusBadRequest, "InvalidResourceProperties")
	if err := send("aa", body(100, "gpt-4o", "Standard")); err != nil {
		t.Fatal(err)
	}
	wantError(t, send("bb", body(1, "gpt-4o", "Standard")), http.StatusConflict, "RequestConflict")
	usages, err := c.get(sub + "/providers/Microsoft.CognitiveServices/locations/swedencentral/usages?x=")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range usages["value"].([]any) {
		if text(one, "name", "value") == "OpenAI.Standard.gpt-4o" && (text(one, "currentValue") != "100" || text(one, "limit") != "150") {
			t.Errorf("the ledger says %v", one)
		}
	}
}
