package armsim_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/envctl/envctl/components/azure/armsim"
)

// Rows 10 and 11: azure-container-apps#433, #868, #1731.
func TestRow10And11Busy(t *testing.T) {
	t.Parallel()
	at := newClock(time.Now())
	c := start(t, armsim.Options{Now: at.now, Delays: map[string]time.Duration{"Microsoft.App/managedEnvironments": time.Minute, "microsoft.app/containerapps": time.Minute}})
	c.group()
	env := object{"location": "swedencentral", "properties": object{"workloadProfiles": []any{object{"name": "Consumption", "workloadProfileType": "Consumption"}}}}
	put := func(path string, body object) error {
		_, err := c.do(t.Context(), http.MethodPut, path, "2024-03-01", body)
		return err
	}
	if err := put(envPath, env); err != nil {
		t.Fatal(err)
	}
	got, err := c.get(envPath)
	if err != nil || text(got, "properties", "provisioningState") != "Waiting" {
		t.Fatalf("%v, %v", got, err)
	}
	wantError(t, put(envPath, env), http.StatusConflict, "ManagedEnvironmentOperationInProgress")
	c.put(identityPath, object{"location": "swedencentral"})
	app := appBody("public.example/app:1", "public.example")
	wantError(t, put(appPath, app), http.StatusConflict, "ManagedEnvironmentNotProvisioned")
	at.move(2 * time.Minute)
	if err := put(appPath, app); err != nil {
		t.Fatal(err)
	}
	wantError(t, put(appPath, app), http.StatusConflict, "ContainerAppOperationInProgress")
	_, err = c.do(t.Context(), http.MethodDelete, appPath, "2024-03-01", nil)
	wantError(t, err, http.StatusConflict, "ContainerAppOperationInProgress")
}

// Row 12: azure-container-apps#654. The rest are the rules of
// learn.microsoft.com/azure/container-apps/containers.
func TestRow12AppRules(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	host, _ := c.ground()
	for name, tt := range map[string]struct {
		change func(p object)
		code   string
	}{
		"secret":     {func(p object) { delete(p["configuration"].(object)["secrets"].([]any)[0].(object), "value") }, "ContainerAppSecretInvalid"},
		"secret ref": {func(p object) { container(p)["env"] = []any{object{"name": "A", "secretRef": "b"}} }, "ContainerAppSecretRefNotFound"},
		"cpu":        {func(p object) { container(p)["resources"] = object{"cpu": 0.3, "memory": "1Gi"} }, "ContainerAppInvalidResourceTotal"},
		"image":      {func(p object) { delete(container(p), "image") }, "ContainerAppImageRequired"},
		"registry": {func(p object) {
			p["configuration"].(object)["registries"] = []any{object{"server": host, "identity": "/x"}}
		}, "ContainerAppRegistryInvalidIdentity"},
		"probe": {func(p object) {
			container(p)["probes"] = []any{object{"type": "Liveness", "periodSeconds": 500, "tcpSocket": object{"port": 1}}}
		}, "ContainerAppProbeInvalid"},
		"scale":       {func(p object) { p["template"].(object)["scale"] = object{"minReplicas": 3, "maxReplicas": 1} }, "ContainerAppInvalidScale"},
		"environment": {func(p object) { p["environmentId"] = envPath + "x" }, "ManagedEnvironmentNotFound"},
		"unknown key": {func(p object) { container(p)["imge"] = "x" }, "InvalidRequestContent"},
	} {
		body := appBody(host+"/a:1", host)
		tt.change(body["properties"].(object))
		_, err := c.do(t.Context(), http.MethodPut, appPath, "2024-03-01", body)
		var e *azcore.ResponseError
		if !errors.As(err, &e) || e.ErrorCode != tt.code {
			t.Errorf("%s: want %s, got %v", name, tt.code, err)
		}
	}
	_, err := c.do(t.Context(), http.MethodPut, strings.Replace(appPath, "/web", "/Web_1", 1), "2024-03-01", appBody("x", host))
	wantError(t, err, http.StatusBadRequest, "ContainerAppInvalidName")
}

func container(p object) object {
	return p["template"].(object)["containers"].([]any)[0].(object)
}

// Rows 13 and 14: CanadaPubSecALZ#317, azure-quickstart-templates#7095, azure-docs#34023,
// and the comments of Microsoft's specification of Budget.
func TestRow13And14Budgets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)
	c := start(t, armsim.Options{Now: func() time.Time { return now }, Spend: 0.5})
	c.group()
	path := group + "/providers/Microsoft.Consumption/budgets/b"
	body := func(startDate string, notifications object) object {
		return object{"properties": object{"amount": 20, "category": "Cost", "timeGrain": "Monthly", "timePeriod": object{"startDate": startDate}, "notifications": notifications}}
	}
	notice := object{"enabled": true, "operator": "GreaterThan", "threshold": 50, "contactEmails": []any{"a@example.com"}}
	put := func(b object) error {
		_, err := c.poll(http.MethodPut, path, "2023-05-01", b)
		return err
	}
	six := object{}
	for i := range 6 {
		six[fmt.Sprint("n", i)] = notice
	}
	for name, b := range map[string]object{
		"not the first": body("2026-05-02", nil), "past": body("2026-04-01", nil), "too far": body("2027-07-01", nil), "six": body("2026-05-01", six),
		"nobody": body("2026-05-01", object{"a": object{"enabled": true, "operator": "GreaterThan", "threshold": 50, "contactEmails": []any{}}}),
	} {
		if err := put(b); err == nil {
			t.Errorf("%s was taken", name)
		} else {
			wantError(t, err, http.StatusBadRequest, "400")
		}
	}
	wantError(t, put(body("2026-05-01", object{"a": object{"enabled": true, "operator": "GreaterThan", "threshold": 50, "contactEmails": []any{}, "contactGroups": []any{"mine"}}})), http.StatusUnauthorized, "RBACAccessDenied")
	if err := put(body("2026-05-01", object{"a": notice})); err != nil {
		t.Fatal(err)
	}
	wantError(t, put(body("2026-06-01", object{"a": notice})), http.StatusBadRequest, "400")
	got, err := c.get(path)
	if err != nil || text(got, "properties", "currentSpend", "amount") != "10" {
		t.Errorf("%v, %v", got, err)
	}
	stale := body("2026-05-01", object{"a": notice})
	stale["eTag"] = `"old"`
	wantError(t, put(stale), http.StatusBadRequest, "400")
	stale["eTag"] = got["eTag"]
	if err := put(stale); err != nil {
		t.Errorf("with its own eTag: %v", err)
	}
}

// Row 15: learn.microsoft.com, loganalytics/workspaces/delete.
func TestRow15WorkspaceIsRecovered(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	c.group()
	first := text(c.logs(), "properties", "customerId")
	c.delete(workspacePath)
	if again := text(c.logs(), "properties", "customerId"); again != first {
		t.Errorf("not recovered: %s, then %s", first, again)
	}
	c.delete(workspacePath + "?force=true")
	if again := text(c.logs(), "properties", "customerId"); again == first {
		t.Error("recovered although it was removed with force")
	}
}

// Rows 16 and 17: request-limits-and-throttling; azcore's policy_register_rp.go. Both
// are mended by Microsoft's own pipeline.
func TestRow16And17ThePipelineMends(t *testing.T) {
	t.Parallel()
	o := armsim.Options{}
	for _, row := range armsim.Rows() {
		if row.Number == 16 || row.Number == 17 {
			row.Set(&o, 0)
		}
	}
	c := start(t, o)
	c.group()
	c.put(registryPath, object{"location": "swedencentral", "sku": object{"name": "Basic"}})
	got, err := c.get(sub + "/providers/Microsoft.ContainerRegistry")
	if err != nil || text(got, "registrationState") != "Registered" {
		t.Errorf("%v, %v", got, err)
	}
	if hits := c.sim.FaultHits(); hits[0] != 2 {
		t.Errorf("429 was answered %v times, want 2", hits)
	}
}

// Row 18: azure-sdk-for-go#21035.
func TestRow18IdentityHasARelativeLocation(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	c.group()
	resp, err := c.do(t.Context(), http.MethodPut, identityPath, "2023-01-31", object{"location": "swedencentral"})
	if err != nil || resp.StatusCode != http.StatusCreated || resp.Header.Get("Location") != identityPath {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
}

// Row 20: pulumi-azure-native#1123: the resource is there although nobody heard so.
func TestRow20TheAnswerIsLost(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Faults: []armsim.Fault{{Op: "put", Type: "Microsoft.Resources/resourceGroups", Wire: "drop-after", Times: -1}}})
	if _, err := c.do(t.Context(), http.MethodPut, group, "2022-09-01", object{"location": "swedencentral"}); err == nil {
		t.Fatal("an answer came")
	}
	if _, err := c.get(group); err != nil {
		t.Errorf("it was not applied: %v", err)
	}
}

// Row 22: azure-docs#112686.
func TestRow22UsagesDenied(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Denied: []string{"Microsoft.CognitiveServices/locations/usages/read"}})
	_, err := c.do(t.Context(), http.MethodGet, sub+"/providers/Microsoft.CognitiveServices/locations/swedencentral/usages", "2024-10-01", nil)
	wantError(t, err, http.StatusForbidden, "AuthorizationFailed")
}

// Row 23: 204 for an assignment of nobody.
func TestRow23RemovingWhatIsNotThere(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	_, principal := c.ground()
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	c.delete(identityPath)
	for range 2 {
		c.delete(registryPath + "/providers/Microsoft.Authorization/roleAssignments/" + guid1)
	}
}

// Every row has a number, a title and a source, and is in order.
func TestRowsAreAll(t *testing.T) {
	t.Parallel()
	rows := armsim.Rows()
	if len(rows) != 23 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		if row.Number != i+1 || row.Title == "" || row.Source == "" || row.Set == nil {
			t.Errorf("row %d is %+v", i+1, row)
		}
	}
}
