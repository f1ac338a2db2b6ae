package arm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// exchangeAudience is the audience of the tokens that Entra exchanges.
const exchangeAudience = "api://AzureADTokenExchange"

// assertion finds where the federated token comes from. Each time Entra's token
// has to be renewed it is asked again, as it lives for minutes only.
func (id identity) assertion() (func(context.Context) (string, error), error) {
	if token, _ := id.env.first("ARM_OIDC_TOKEN"); token != "" {
		return func(context.Context) (string, error) { return token, nil }, nil
	}
	if path, _ := id.env.first("ARM_OIDC_TOKEN_FILE_PATH"); path != "" {
		return func(context.Context) (string, error) { return tokenFile(path) }, nil
	}
	if ask, _ := id.env.first("ACTIONS_ID_TOKEN_REQUEST_URL", "ARM_OIDC_REQUEST_URL"); ask != "" {
		return id.github(ask)
	}
	if ask, _ := id.env.first("SYSTEM_OIDCREQUESTURI"); ask != "" {
		return id.devops(ask)
	}
	return nil, &CredentialError{
		Kind: kindOIDC, What: "ARM_USE_OIDC is set, but there is no federated token",
		Why: "none of ARM_OIDC_TOKEN, ARM_OIDC_TOKEN_FILE_PATH, ACTIONS_ID_TOKEN_REQUEST_URL (GitHub) and SYSTEM_OIDCREQUESTURI (Azure DevOps) is set",
		Mend: "in a GitHub workflow give the job `permissions: id-token: write`; " +
			"in Azure DevOps pass SYSTEM_ACCESSTOKEN: $(System.AccessToken) to the step; elsewhere set one of them",
	}
}

func tokenFile(path string) (string, error) {
	data, err := os.ReadFile(path)
	token := strings.TrimSpace(string(data))
	if err == nil && token == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	if err != nil {
		return "", &CredentialError{
			Kind: kindOIDC, What: fmt.Sprintf("the federated token of ARM_OIDC_TOKEN_FILE_PATH cannot be read (%v)", err),
			Mend: "name the file that the token is in", cause: err,
		}
	}
	return token, nil
}

// github asks GitHub Actions' token service: GET, answered with {"value": …}.
func (id identity) github(ask string) (func(context.Context) (string, error), error) {
	bearer, _ := id.env.first("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ARM_OIDC_REQUEST_TOKEN")
	if bearer == "" {
		return nil, &CredentialError{
			Kind: kindOIDC, What: "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set, but ACTIONS_ID_TOKEN_REQUEST_URL is",
			Mend: "give the workflow's job `permissions: id-token: write`, and pass both variables on to where envctl runs",
		}
	}
	return func(ctx context.Context) (string, error) {
		return id.ask(ctx, http.MethodGet, ask, url.Values{"audience": {exchangeAudience}}, bearer,
			"GitHub", "give the workflow's job `permissions: id-token: write`")
	}, nil
}

// devops asks Azure DevOps as azidentity's AzurePipelinesCredential does: POST
// with the service connection's ID, answered with {"oidcToken": …}.
func (id identity) devops(ask string) (func(context.Context) (string, error), error) {
	bearer, _ := id.env.first("SYSTEM_ACCESSTOKEN")
	connection, _ := id.env.first("ARM_OIDC_AZURE_SERVICE_CONNECTION_ID", "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID")
	switch {
	case bearer == "":
		return nil, &CredentialError{
			Kind: kindOIDC, What: "SYSTEM_ACCESSTOKEN is not set, but SYSTEM_OIDCREQUESTURI is",
			Why:  "Azure DevOps gives its token to no step that does not ask for it",
			Mend: "add `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)` to the step",
		}
	case connection == "":
		return nil, &CredentialError{
			Kind: kindOIDC, What: "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID is not set",
			Why:  "Azure DevOps gives a token for one service connection only",
			Mend: "set it to the ID of the service connection, which is in its page's address (resourceId)",
		}
	}
	return func(ctx context.Context) (string, error) {
		return id.ask(ctx, http.MethodPost, ask, url.Values{"api-version": {"7.1"}, "serviceConnectionId": {connection}}, bearer,
			"Azure DevOps", "check that the service connection exists, uses workload identity federation, and that this pipeline may use it")
	}, nil
}

// maxToken bounds the answer of a token service.
const maxToken = 1 << 20

// ask gets a federated token from a CI system.
func (id identity) ask(ctx context.Context, method, target string, query url.Values, bearer, who, mend string) (string, error) {
	fail := func(why string, cause error) error {
		return &CredentialError{Kind: kindOIDC, What: who + " gave no federated token", Why: why, Mend: mend, cause: cause}
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", fail(fmt.Sprintf("%q is no URL", target), err)
	}
	all := u.Query()
	for name, values := range query {
		all[name] = values
	}
	u.RawQuery = all.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return "", fail("", err)
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-TFS-FedAuthRedirect", "Suppress") // Azure DevOps: 401 instead of a login page
	resp, err := id.http.Do(req)
	if err != nil {
		return "", fail(err.Error(), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil {
		return "", fail("its answer broke off", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fail(fmt.Sprintf("it answered %s: %s", resp.Status, snippet(body)), nil)
	}
	var answer struct {
		Value     string `json:"value"`
		OIDCToken string `json:"oidcToken"`
	}
	err = json.Unmarshal(body, &answer)
	if token := answer.Value + answer.OIDCToken; err == nil && token != "" {
		return token, nil
	}
	return "", fail("its answer has no token", err) // the body may have secrets and is not quoted
}
