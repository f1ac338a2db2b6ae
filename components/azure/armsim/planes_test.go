package armsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/fault"
	"github.com/envctl/envctl/components/azure/armsim/run"
)

// github.com/Azure/acr, docs/AAD-OAuth.md: nothing without a token, and the
// challenge says where to get one.
// The first charge tells the currency of the bill; before it none is told.
func TestCurrencyOfTheBill(t *testing.T) {
	t.Parallel()
	for currency, want := range map[string]int{"": 0, "EUR": 1} {
		c := start(t, armsim.Options{Currency: currency})
		got, err := c.poll(http.MethodGet, sub+"/providers/Microsoft.Consumption/usageDetails?$top=1", "2023-05-01", nil)
		charges, _ := got["value"].([]any)
		if err != nil || len(charges) != want {
			t.Fatalf("%q: %v, %v", currency, got, err)
		}
		if want > 0 && text(charges[0], "properties", "billingCurrencyCode") != currency {
			t.Errorf("%q: %v", currency, charges[0])
		}
	}
}

func TestRegistryWantsAToken(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	host, _ := c.ground()
	image := c.push(host, "exp/web")
	resp, err := c.http.Get("https://" + host + "/v2/exp/web/manifests/v1")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if want := `Bearer realm="https://` + host + `/oauth2/token",service="` + host + `",scope="repository:exp/web:pull"`; resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Www-Authenticate") != want {
		t.Errorf("%s %s", resp.Status, resp.Header.Get("Www-Authenticate"))
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(ref, remote.WithTransport(c.http.Transport)); err == nil {
		t.Error("pulled without a token")
	}
	if _, err := remote.Image(ref, c.registryOptions(host)...); err != nil {
		t.Error(err)
	}
	c.delete(registryPath)
	c.http.CloseIdleConnections()
	if _, err := c.http.Get("https://" + host + "/v2/"); err == nil {
		t.Error("the removed registry answers")
	}
}

// A connection that breaks in the middle of a blob: a client gets through by trying
// again.
func TestRegistryBreaksInABlob(t *testing.T) {
	t.Parallel()
	for _, wire := range []fault.Wire{fault.Cut, fault.DropBefore, fault.DropAfter} {
		for _, op := range []string{"push", "pull"} {
			t.Run(string(wire)+" "+op, func(t *testing.T) {
				t.Parallel()
				c := start(t, armsim.Options{})
				host, _ := c.ground()
				if op == "push" {
					c.sim.AddFault(armsim.Fault{Type: "Microsoft.ContainerRegistry/registries", Op: op, Nth: 2, Wire: wire})
				}
				image := c.push(host, "exp/web")
				if op == "push" {
					if hits := c.sim.FaultHits(); hits[0] != 1 {
						t.Errorf("the fault hit %v times", hits)
					}
					return
				}
				c.sim.AddFault(armsim.Fault{Type: "Microsoft.ContainerRegistry/registries", Op: op, Wire: wire})
				ref, err := name.ParseReference(image)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := remote.Get(ref, c.registryOptions(host)...); err != nil {
					if _, err = remote.Get(ref, c.registryOptions(host)...); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// identityToken is what an app inside the environment does:
// learn.microsoft.com/azure/container-apps/managed-identity.
func identityToken(t *testing.T, spec run.Spec, resource string) string {
	t.Helper()
	req := httptest.NewRequest(http.MethodGet, "/msi/token?api-version=2019-08-01&resource="+resource+"&client_id="+spec.Identities[0].ClientID, nil)
	req.Header.Set("X-IDENTITY-HEADER", spec.IdentityHeader)
	w := httptest.NewRecorder()
	spec.Platform.ServeHTTP(w, req)
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return out.Token
}

// answersElsewhere: a process that starts nothing answers as the simulator itself,
// the newer paths of models too.
func answersElsewhere(t *testing.T, c *client, spec run.Spec, endpoint string) {
	t.Helper()
	answers, err := c.sim.Answers()
	if err != nil {
		t.Fatal(err)
	}
	spec.Platform = answers
	for _, call := range []struct {
		url, body, token string
		status           int
	}{
		{endpoint + "openai/v1/chat/completions", `{"model":"chat"}`, "", http.StatusOK},
		{endpoint + "openai/v1/chat/completions", `{"model":"other"}`, "", http.StatusNotFound},
		{endpoint + "openai/v1/chat/completions", `no JSON`, "", http.StatusNotFound},
		{endpoint + "openai/deployments/chat/chat/completions", `no JSON`, "", http.StatusBadRequest},
		{endpoint + "openai/deployments/chat/embeddings", `{}`, "", http.StatusOK},
		{endpoint + "openai/deployments/chat/embeddings", `{}`, "a.b.c", http.StatusUnauthorized},
		{endpoint + "other", `{}`, "", http.StatusNotFound},
		{"https://nobody.cognitiveservices.azure.com/openai/v1/chat/completions", `{"model":"chat"}`, "", http.StatusUnauthorized},
		{"https://example.com/openai/v1/chat/completions", `{"model":"chat"}`, "", http.StatusNotFound},
	} {
		req := httptest.NewRequest(http.MethodPost, call.url, strings.NewReader(call.body))
		if call.token == "" {
			call.token = identityToken(t, spec, "https://cognitiveservices.azure.com")
		}
		req.Header.Set("Authorization", "Bearer "+call.token)
		w := httptest.NewRecorder()
		answers.ServeHTTP(w, req)
		if w.Code != call.status {
			t.Errorf("%s %s: %d %s, expected %d", call.url, call.body, w.Code, w.Body, call.status)
		}
	}
}

// Row 21: azure-docs#114370; and a custom role that can remove its group and nothing else.
func TestManagedIdentity(t *testing.T) {
	t.Parallel()
	at := newClock(time.Now())
	fake := newRunner()
	c := start(t, armsim.Options{Runner: fake, Now: at.now, TokenLifetime: 24 * time.Hour})
	_, principal := c.ground()
	c.put(appPath, appBody("public.example/x:1", "public.example"))
	account := c.put(accountPath, accountBody(nil))
	c.put(accountPath+"/deployments/chat", object{"sku": object{"name": "GlobalStandard", "capacity": 1}, "properties": object{"model": object{"format": "OpenAI", "name": "gpt-4o"}}})
	spec, _ := fake.spec(appPath)
	call := func() (int, string) {
		req := httptest.NewRequest(http.MethodPost, text(account, "properties", "endpoint")+"openai/deployments/chat/chat/completions?api-version=2024-10-21", strings.NewReader(`{"messages":[]}`))
		req.Header.Set("Authorization", "Bearer "+identityToken(t, spec, "https://cognitiveservices.azure.com"))
		w := httptest.NewRecorder()
		spec.Platform.ServeHTTP(w, req)
		return w.Code, w.Body.String()
	}
	if status, body := call(); status != http.StatusUnauthorized || !strings.Contains(body, "PermissionDenied") {
		t.Errorf("without the role: %d %s", status, body)
	}
	if err := c.assign(accountPath, guid1, principal, strings.Replace(acrPull, "7f951dda-4ed3-4680-a7ca-43fe172d538d", "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd", 1)); err != nil {
		t.Fatal(err)
	}
	if status, body := call(); status != http.StatusOK || !strings.Contains(body, "simulated answer") {
		t.Errorf("with the role: %d %s", status, body)
	}
	answersElsewhere(t, c, spec, text(account, "properties", "endpoint"))

	remove := func(path string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.at.ResourceManager+path+"?api-version=2022-09-01", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+identityToken(t, spec, "https://management.azure.com"))
		resp, err := c.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if status := remove(group); status != http.StatusForbidden {
		t.Errorf("without the role: %d", status)
	}
	role := sub + "/providers/Microsoft.Authorization/roleDefinitions/" + guid2
	c.put(role, object{"properties": object{"roleName": "remove rg", "assignableScopes": []any{group}, "permissions": []any{object{"actions": []any{"Microsoft.Resources/subscriptions/resourceGroups/delete"}}}}})
	if err := c.assign(group, guid2, principal, role); err != nil {
		t.Fatal(err)
	}
	c.put(sub+"/resourceGroups/other", object{"location": "westeurope"})
	if status := remove(sub + "/resourceGroups/other"); status != http.StatusForbidden {
		t.Errorf("another group: %d", status)
	}
	if status := remove(group); status != http.StatusAccepted {
		t.Errorf("its own group: %d", status)
	}
}

// A recording of another service is answered with, and its addresses are this one's.
func TestReplay(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "recording.jsonl")
	path := "https://management.azure.com" + group
	lines := []string{
		`{"seq":1,"time":"2026-05-01T09:30:00Z","ms":1,"request":{"method":"DELETE","url":"` + path + `?api-version=2022-09-01"},"response":{"status":202,"header":{"Location":["https://management.azure.com/subscriptions/x/operationresults/1?api-version=2022-09-01"],"Retry-After-Ms":["1"]}}}`,
		`{"seq":2,"time":"2026-05-01T09:30:01Z","ms":1,"request":{"method":"GET","url":"https://management.azure.com/subscriptions/x/operationresults/1?api-version=2022-09-01"},"response":{"status":409,"header":{"Content-Type":["application/json"]},"body":{"error":{"code":"ResourceGroupDeletionBlocked","message":"a lock"}}}}`,
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, armsim.Options{Replay: file})
	_, err := c.poll(http.MethodDelete, group, "2022-09-01", nil)
	wantError(t, err, http.StatusConflict, "ResourceGroupDeletionBlocked")
	if _, err := c.get(registryPath); err == nil || len(c.sim.Missed()) != 1 {
		t.Errorf("what was not recorded: %v, missed %v", err, c.sim.Missed())
	}
}

// Whatever is asked, the simulator answers with a status and does not end.
func FuzzServe(f *testing.F) {
	for _, path := range []string{group, appPath + "/revisions/a/replicas/b", sub + "/providers/Microsoft.CognitiveServices/locations/x/resourceGroups/y/deletedAccounts/z", registryPath + "/providers/Microsoft.Authorization/roleAssignments/" + guid1} {
		for _, method := range []string{"GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"} {
			f.Add(method, path, `{"location":"westeurope","properties":{}}`)
		}
	}
	sim, err := armsim.New(armsim.Options{})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := sim.Start(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(sim.Close)
	token := sim.Token("https://management.azure.com")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://127.0.0.1/?api-version=2022-09-01", strings.NewReader(body))
		if err != nil {
			return // no method
		}
		req.URL.Path = path
		for _, version := range []string{"2022-09-01", "2024-03-01", "2023-07-01", "2024-10-01", "2022-04-01"} {
			again := req.Clone(t.Context())
			again.Body = io.NopCloser(strings.NewReader(body))
			again.URL.RawQuery = "api-version=" + version
			again.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, again)
			if w.Code >= 500 {
				t.Fatalf("%s %q: %d %s", method, path, w.Code, w.Body)
			}
		}
	})
}
