package armsim_test

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// refreshToken does the exchange of https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md.
func (c *client) refreshToken(host string) string {
	c.t.Helper()
	token, err := c.cred.GetToken(c.t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := c.http.PostForm("https://"+host+"/oauth2/exchange", url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {token.Token}})
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Token string `json:"refresh_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
		c.t.Fatalf("the exchange answers %s: %v", resp.Status, err)
	}
	return out.Token
}
