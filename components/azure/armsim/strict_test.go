package armsim_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim"
)

// Versions, places, tags and names: the general errors of Resource Manager,
// learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors.
func TestStrict(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	c.group()
	registry := func(change func(object)) object {
		body := object{"location": "swedencentral", "sku": object{"name": "Basic"}}
		change(body)
		return body
	}
	for name, tt := range map[string]struct {
		path, version string
		body          object
		status        int
		code          string
	}{
		"version":      {registryPath, "2020-01-01", registry(func(object) {}), 400, "NoRegisteredProviderFound"},
		"no version":   {registryPath, "", registry(func(object) {}), 400, "MissingApiVersionParameter"},
		"location":     {registryPath, "2023-07-01", registry(func(b object) { delete(b, "location") }), 400, "LocationRequired"},
		"region":       {registryPath, "2023-07-01", registry(func(b object) { b["location"] = "mars" }), 400, "LocationNotAvailableForResourceType"},
		"case":         {registryPath, "2023-07-01", registry(func(b object) { b["Properties"] = object{} }), 400, "InvalidRequestContent"},
		"tag":          {registryPath, "2023-07-01", registry(func(b object) { b["tags"] = object{"a/b": "c"} }), 400, "InvalidTagNameCharacters"},
		"sku":          {registryPath, "2023-07-01", registry(func(b object) { b["properties"] = object{"publicNetworkAccess": "Disabled"} }), 400, "SkuNotSupported"},
		"group":        {strings.Replace(registryPath, "/rg/", "/other/", 1), "2023-07-01", registry(func(object) {}), 404, "ResourceGroupNotFound"},
		"subscription": {strings.Replace(registryPath, armsim.DefaultSubscription, guid1, 1), "2023-07-01", registry(func(object) {}), 404, "SubscriptionNotFound"},
		"type":         {group + "/providers/Microsoft.Web/sites/a", "2022-03-01", object{}, 404, "InvalidResourceType"},
		"parent":       {accountPath + "/deployments/dd", "2024-10-01", object{"properties": object{}}, 404, "ParentResourceNotFound"},
	} {
		_, err := c.do(t.Context(), http.MethodPut, tt.path, tt.version, tt.body)
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		t.Run(name, func(t *testing.T) { wantError(t, err, tt.status, tt.code) })
	}
	c.put(registryPath, registry(func(object) {}))
	_, err := c.do(t.Context(), http.MethodPut, registryPath, "2023-07-01", registry(func(b object) { b["location"] = "westeurope" }))
	wantError(t, err, http.StatusConflict, "InvalidResourceLocation")
}

// Resource Manager ignores the case of every part of an id.
func TestRoutingIgnoresCase(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{OddCase: true})
	c.group()
	c.logs()
	resp, err := c.do(t.Context(), http.MethodGet, strings.ToUpper(workspacePath), "2023-09-01", nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || !strings.Contains(string(raw), `/resourcegroups/rg/providers/microsoft.operationalinsights/workspaces/logs"`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// A list of groups by tag, in pages.
func TestListsByTagInPages(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	for i := range 60 {
		c.put(fmt.Sprintf("%s/resourceGroups/g%02d", sub, i), object{"location": "westeurope", "tags": object{"dev.envctl.experiment": fmt.Sprint(i % 2)}})
	}
	count := func(path string) (n int) {
		for path != "" {
			resp, err := c.do(t.Context(), http.MethodGet, path, "2022-09-01", nil)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			n += strings.Count(string(raw), `"provisioningState"`)
			path = ""
			if _, next, ok := strings.Cut(string(raw), `"nextLink":"`+c.at.ResourceManager); ok {
				next, _, _ = strings.Cut(next, `"`)
				path = strings.ReplaceAll(strings.Replace(next, "api-version=2022-09-01&", "", 1), `\u0026`, "&")
				path = strings.Replace(path, "api-version=2022-09-01&", "", 1)
			}
		}
		return n
	}
	if n := count(sub + "/resourceGroups"); n != 60 {
		t.Errorf("%d groups, want 60", n)
	}
	if n := count(sub + "/resourceGroups?$filter=" + "tagName%20eq%20'dev.envctl.experiment'%20and%20tagValue%20eq%20'1'"); n != 30 {
		t.Errorf("%d groups of the tag, want 30", n)
	}
}

// Each way of breaking an answer.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	for wire, check := range map[string]func(*http.Response, []byte, error) bool{
		"drop-before": func(r *http.Response, _ []byte, _ error) bool { return r == nil },
		"drop-after":  func(r *http.Response, _ []byte, _ error) bool { return r == nil },
		"cut":         func(_ *http.Response, _ []byte, err error) bool { return err != nil },
		"empty":       func(_ *http.Response, b []byte, err error) bool { return len(b) == 0 && err == nil },
		"not-json":    func(_ *http.Response, b []byte, _ error) bool { return strings.HasPrefix(string(b), "<html>") },
		"huge":        func(_ *http.Response, b []byte, _ error) bool { return len(b) > 50<<20 },
	} {
		t.Run(wire, func(t *testing.T) {
			t.Parallel()
			c := start(t, armsim.Options{Faults: []armsim.Fault{{Op: "list", Times: -1, Wire: faultWire(wire)}}})
			resp, err := c.raw(sub+"/resourceGroups", "2022-09-01")
			var body []byte
			if resp != nil {
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if !check(resp, body, err) {
				t.Errorf("got %v, %d bytes, %v", resp, len(body), err)
			}
		})
	}
}

// Operations take the delay of their type, and independent ones run side by side.
func TestDelays(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{Delay: 300 * time.Millisecond})
	c.group()
	began := time.Now()
	c.put(registryPath, object{"location": "swedencentral", "sku": object{"name": "Basic"}})
	if took := time.Since(began); took < 300*time.Millisecond || took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

// What would be stored without effect is refused, and said to be the simulator's.
func TestSeveralRevisionsAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	host, principal := c.ground()
	image := c.push(host, "exp/web")
	if err := c.assign(registryPath, guid1, principal, acrPull); err != nil {
		t.Fatal(err)
	}
	body := appBody(image, host)
	body["properties"].(object)["configuration"].(object)["activeRevisionsMode"] = "Multiple"
	_, err := c.poll(http.MethodPut, appPath, "2024-03-01", body)
	wantError(t, err, http.StatusNotImplemented, "NotSimulated")
	body = appBody(image, host)
	body["properties"].(object)["configuration"].(object)["ingress"].(object)["traffic"] = []any{object{"weight": 100, "revisionName": "web--old"}}
	_, err = c.poll(http.MethodPut, appPath, "2024-03-01", body)
	wantError(t, err, http.StatusNotImplemented, "NotSimulated")
}
