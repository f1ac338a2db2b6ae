package arm

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// operationHeaders name where a long-running operation is looked at.
func operationHeaders() []string {
	return []string{"Azure-AsyncOperation", "Operation-Location", "Location"}
}

// operationURLs is the policy that makes the URLs of operations ones that can be
// asked: absolute, with an api-version, and at Resource Manager, as the token
// goes with the request. Managed identities answer with a relative Location.
type operationURLs struct{ endpoint *url.URL }

func (o operationURLs) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil {
		return resp, err
	}
	for _, name := range operationHeaders() {
		value := resp.Header.Get(name)
		if value == "" {
			continue
		}
		fixed, err := o.fix(value, req.Raw().URL)
		if err != nil {
			resp.Header.Del(name) // it is not asked; the answer's status decides
			if resp.StatusCode == http.StatusAccepted {
				return resp, permanent{fmt.Errorf("the header %s of the answer %w", name, err)}
			}
			continue
		}
		resp.Header.Set(name, fixed)
	}
	return resp, nil
}

// fix makes a URL of an answer to the request one that can be asked.
func (o operationURLs) fix(value string, request *url.URL) (string, error) {
	u, err := url.Parse(value)
	if err != nil {
		return "", fmt.Errorf("is %q, which is no URL", value)
	}
	u = request.ResolveReference(u)
	if u.Scheme != "https" || u.User != nil || !o.ours(u) {
		return "", fmt.Errorf("is %q, which is not at Resource Manager (%s): the token is not sent there", value, o.endpoint)
	}
	query := u.Query()
	if version := request.Query().Get("api-version"); query.Get("api-version") == "" && version != "" {
		query.Set("api-version", version)
		u.RawQuery = query.Encode()
	}
	return u.String(), nil
}

// ours tells whether a URL is at Resource Manager: its host, or one beneath it,
// as those of the regions, at the same port. Some providers write the port 443 out.
func (o operationURLs) ours(u *url.URL) bool {
	host, own := strings.ToLower(u.Hostname()), strings.ToLower(o.endpoint.Hostname())
	return port(u) == port(o.endpoint) && (host == own || strings.HasSuffix(host, "."+own))
}

// port is the port of an https URL.
func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return "443"
}
