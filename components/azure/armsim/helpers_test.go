package armsim_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/envctl/envctl/components/azure/armsim/fault"
)

func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	raw, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		t.Fatalf("%s has no certificate", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

const (
	registryPath  = group + "/providers/Microsoft.ContainerRegistry/registries/simreg1"
	workspacePath = group + "/providers/Microsoft.OperationalInsights/workspaces/logs"
	envPath       = group + "/providers/Microsoft.App/managedEnvironments/env"
	appPath       = group + "/providers/Microsoft.App/containerApps/web"
	jobPath       = group + "/providers/Microsoft.App/jobs/load"
	identityPath  = group + "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/web"
	accountPath   = group + "/providers/Microsoft.CognitiveServices/accounts/ai"
	acrPull       = sub + "/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d"
)

func (c *client) group() { c.put(group, object{"location": "swedencentral"}) }

func (c *client) logs() object {
	return c.put(workspacePath, object{"location": "swedencentral", "properties": object{"sku": object{"name": "PerGB2018"}, "retentionInDays": 30}})
}

func (c *client) environment() {
	w := c.logs()
	keys := c.postVersion(workspacePath+"/sharedKeys", "2020-08-01")
	c.put(envPath, object{"location": "swedencentral", "properties": object{
		"appLogsConfiguration": object{"destination": "log-analytics", "logAnalyticsConfiguration": object{
			"customerId": text(w, "properties", "customerId"), "sharedKey": text(keys, "primarySharedKey"),
		}},
		"workloadProfiles": []any{object{"name": "Consumption", "workloadProfileType": "Consumption"}},
	}})
}

func (c *client) postVersion(path, version string) object {
	c.t.Helper()
	out, err := c.poll(http.MethodPost, path, version, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// ground makes what an app of the registry needs, and returns the login server and
// the identity's principal.
func (c *client) ground() (host, principal string) {
	c.group()
	c.environment()
	reg := c.put(registryPath, object{"location": "swedencentral", "sku": object{"name": "Basic"}, "properties": object{"adminUserEnabled": false}})
	id := c.put(identityPath, object{"location": "swedencentral"})
	return text(reg, "properties", "loginServer"), text(id, "properties", "principalId")
}

func (c *client) assign(scope, name, principal, role string) error {
	_, err := c.poll(http.MethodPut, scope+"/providers/Microsoft.Authorization/roleAssignments/"+name, "2022-04-01", object{
		"properties": object{"principalId": principal, "principalType": "ServicePrincipal", "roleDefinitionId": role},
	})
	return err
}

func appBody(image, host string) object {
	return object{
		"location": "swedencentral", "tags": object{"dev.envctl.experiment": "x"},
		"identity": object{"type": "UserAssigned", "userAssignedIdentities": object{identityPath: object{}}},
		"properties": object{
			"environmentId": envPath, "workloadProfileName": "Consumption",
			"configuration": object{
				"activeRevisionsMode": "Single", "ingress": object{"external": true, "targetPort": 8080},
				"registries": []any{object{"server": host, "identity": identityPath}},
				"secrets":    []any{object{"name": "key", "value": "s3cret"}},
			},
			"template": object{
				"containers": []any{object{
					"name": "web", "image": image, "resources": object{"cpu": 0.25, "memory": "0.5Gi"},
					"env": []any{object{"name": "KEY", "secretRef": "key"}},
				}},
				"scale": object{"minReplicas": 1, "maxReplicas": 1},
			},
		},
	}
}

const guid1, guid2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

func faultWire(s string) fault.Wire { return fault.Wire(s) }

// raw sends one GET without retries.
func (c *client) raw(path, version string) (*http.Response, error) {
	c.t.Helper()
	token, err := c.cred.GetToken(c.t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.at.ResourceManager+path+"?api-version="+version, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	return c.http.Do(req)
}
