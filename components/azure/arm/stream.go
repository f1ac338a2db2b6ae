package arm

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// Stream sends a request whose answer is passed on as it comes, as logs; the
// caller closes the body. A target that is a path, or at Resource Manager, gets
// the client's token; for another, a data plane, header has the authorization.
// A status of 300 and above is an [*Error]. What failed before the answer began
// is asked again within the bounds of all requests. body may be nil.
func (c *Client) Stream(ctx context.Context, method, target string, header http.Header, body io.ReadSeeker) (*http.Response, error) {
	operation := method + " " + withoutQuery(target)
	pipeline := c.data
	if strings.HasPrefix(target, "/") {
		target = c.endpoint + target
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%s: %q is neither a path of Resource Manager nor a URL", operation, target)
	}
	endpoint, err := url.Parse(c.endpoint)
	if err != nil {
		return nil, err
	}
	if (operationURLs{endpoint}).ours(u) {
		pipeline = c.streams
	}
	req, err := runtime.NewRequest(ctx, method, target)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", operation, err)
	}
	runtime.SkipBodyDownload(req)
	if body != nil {
		if err := req.SetBody(nopCloser{body}, header.Get("Content-Type")); err != nil {
			return nil, fmt.Errorf("%s: %w", operation, err)
		}
	}
	for name, values := range header {
		req.Raw().Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := pipeline.Do(req)
	if err != nil {
		return nil, c.failed(operation, resp, err)
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	raw, err := runtime.Payload(resp)
	if err != nil {
		return nil, c.clock.connectionError(operation, err)
	}
	return nil, c.refused(operation, resp, raw)
}

// nopCloser is a body whose owner is the caller.
type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

var _ policy.Transporter = sender{}
