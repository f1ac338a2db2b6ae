package armsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/envctl/envctl/components/azure/armsim"
)

type object = map[string]any

const (
	sub   = "/subscriptions/" + armsim.DefaultSubscription
	group = sub + "/resourceGroups/rg"
)

// client asks a simulator with Microsoft's own pipeline: its login, its retries,
// its registration of providers and its pollers.
type client struct {
	t    *testing.T
	sim  *armsim.Simulator
	at   armsim.Endpoints
	http *http.Client
	pipe runtime.Pipeline
	cred azcore.TokenCredential
}

func start(t *testing.T, o armsim.Options) *client {
	t.Helper()
	sim, err := armsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	at, err := sim.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	return connect(t, sim, at)
}

func connect(t *testing.T, sim *armsim.Simulator, at armsim.Endpoints) *client {
	t.Helper()
	hc := trusting(t, at.CAFile)
	env := sim.Env()
	config := cloud.Configuration{
		ActiveDirectoryAuthorityHost: at.Authority + "/",
		Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Endpoint: at.ResourceManager, Audience: "https://management.azure.com"}},
	}
	options := policy.ClientOptions{Cloud: config, Transport: hc, Retry: policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Millisecond, MaxRetryDelay: 2 * time.Second}}
	cred, err := azidentity.NewClientSecretCredential(env["ARM_TENANT_ID"], env["ARM_CLIENT_ID"], env["ARM_CLIENT_SECRET"],
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		t.Fatal(err)
	}
	ac, err := arm.NewClient("test", "v0.0.0", cred, &arm.ClientOptions{ClientOptions: options})
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, sim: sim, at: at, http: hc, pipe: ac.Pipeline(), cred: cred}
}

// do sends one request and returns the answer; a status of an error is an error.
func (c *client) do(ctx context.Context, method, path, version string, body any) (*http.Response, error) {
	glue := "?"
	if strings.Contains(path, "?") {
		glue = "&"
	}
	req, err := runtime.NewRequest(ctx, method, c.at.ResourceManager+path+glue+"api-version="+version)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		if err := runtime.MarshalAsJSON(req, body); err != nil {
			c.t.Fatal(err)
		}
	}
	resp, err := c.pipe.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 400 {
		return nil, runtime.NewResponseError(resp)
	}
	return resp, nil
}

// poll does a request to the end of its operation.
func (c *client) poll(method, path, version string, body any) (object, error) {
	resp, err := c.do(c.t.Context(), method, path, version, body)
	if err != nil {
		return nil, err
	}
	poller, err := runtime.NewPoller[object](resp, c.pipe, nil)
	if err != nil {
		return nil, err
	}
	out, err := poller.PollUntilDone(c.t.Context(), &runtime.PollUntilDoneOptions{Frequency: time.Second})
	return out, err
}

func (c *client) put(path string, body object) object {
	c.t.Helper()
	if strings.Contains(path, "/userAssignedIdentities/") { // fault row 18
		return c.send(http.MethodPut, path, body)
	}
	out, err := c.poll(http.MethodPut, path, versionOf(path), body)
	if err != nil {
		c.t.Fatalf("PUT %s: %v", path, err)
	}
	return out
}

func (c *client) get(path string) (object, error) {
	resp, err := c.do(c.t.Context(), http.MethodGet, path, versionOf(path), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out object
	err = json.NewDecoder(resp.Body).Decode(&out)
	return out, err
}

func (c *client) post(path string, body any) object { return c.send(http.MethodPost, path, body) }

// send does one request without polling.
func (c *client) send(method, path string, body any) object {
	c.t.Helper()
	resp, err := c.do(c.t.Context(), method, path, versionOf(path), body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	var out object
	_ = json.NewDecoder(resp.Body).Decode(&out) // some answers are empty
	return out
}

func (c *client) delete(path string) {
	c.t.Helper()
	if _, err := c.poll(http.MethodDelete, path, versionOf(path), nil); err != nil {
		c.t.Fatalf("DELETE %s: %v", path, err)
	}
}

// versionOf is the version that envctl uses for the type.
func versionOf(path string) string {
	for namespace, version := range map[string]string{
		"/Microsoft.App/": "2024-03-01", "/Microsoft.ContainerRegistry/": "2023-07-01", "/Microsoft.OperationalInsights/": "2023-09-01",
		"/Microsoft.ManagedIdentity/": "2023-01-31", "/Microsoft.CognitiveServices/": "2024-10-01", "/Microsoft.Insights/": "2023-01-01",
		"/Microsoft.Network/": "2024-01-01", "/Microsoft.Storage/": "2023-05-01",
	} {
		if strings.Contains(path, namespace) && !strings.Contains(path, "/Microsoft.Authorization/") && !strings.Contains(path, "/Microsoft.Consumption/") {
			return version
		}
	}
	switch {
	case strings.Contains(path, "/Microsoft.Authorization/"):
		return "2022-04-01"
	case strings.Contains(path, "/Microsoft.Consumption/"):
		return "2023-05-01"
	}
	return "2022-09-01"
}

func wantError(t *testing.T, err error, status int, code string) *azcore.ResponseError {
	t.Helper()
	var e *azcore.ResponseError
	if !errors.As(err, &e) {
		t.Fatalf("want %d %s, got %v", status, code, err)
	}
	if e.StatusCode != status || e.ErrorCode != code {
		t.Fatalf("want %d %s, got %d %s: %v", status, code, e.StatusCode, e.ErrorCode, err)
	}
	return e
}

func text(o any, keys ...string) string {
	for _, key := range keys {
		members, _ := o.(object)
		o = members[key]
	}
	return fmt.Sprint(o)
}
