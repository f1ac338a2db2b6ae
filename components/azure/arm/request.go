package arm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// Get reads an object. path begins at the root, as /subscriptions/…, and may
// have a query.
func (c *Client) Get(ctx context.Context, path, apiVersion string) (Object, error) {
	return c.untilReadable(ctx, func() (Object, error) {
		operation, _, body, err := c.do(ctx, http.MethodGet, path, apiVersion, nil)
		if err != nil {
			return nil, err
		}
		object, err := parseObject(body)
		if err != nil {
			return nil, c.clock.connectionError(operation, err)
		}
		return object, nil
	})
}

// Query asks what Azure wants to be asked with a POST, as whether a name is free
// or what the keys are. It changes nothing, so it is asked again like a read;
// else as [Client.Post].
func (c *Client) Query(ctx context.Context, path, apiVersion string, body any) (Object, error) {
	ctx = context.WithValue(ctx, readsOnly{}, true)
	return c.untilReadable(ctx, func() (Object, error) {
		return c.change(ctx, http.MethodPost, path, apiVersion, body)
	})
}

// maxPages bounds a list, which has 20 to 1000 members a page.
const maxPages = 1000

// List reads all the pages of a list, and returns the objects of their "value".
func (c *Client) List(ctx context.Context, path, apiVersion string) ([]Object, error) {
	var out []Object
	seen := map[string]bool{}
	for page := path; page != ""; {
		operation := "GET " + withoutQuery(page)
		if seen[page] || len(seen) == maxPages {
			return nil, c.clock.connectionError(operation, permanent{fmt.Errorf("the list does not end: its page %d names one that was read", len(seen))})
		}
		seen[page] = true
		object, err := c.Get(ctx, page, apiVersion)
		if err != nil {
			return nil, err
		}
		values, ok := object["value"].([]any)
		if !ok && object["value"] != nil {
			return nil, c.clock.connectionError(operation, fmt.Errorf(`%w with a list in "value"`, errNotObject))
		}
		for _, v := range values {
			member, ok := v.(map[string]any)
			if !ok {
				return nil, c.clock.connectionError(operation, fmt.Errorf(`%w in each place of "value"`, errNotObject))
			}
			out = append(out, member)
		}
		page, _ = object["nextLink"].(string)
	}
	return out, nil
}

// Put creates or replaces an object, waits until it is made, and returns it. A
// failure after Azure took the request is an [*Error] that is Accepted.
func (c *Client) Put(ctx context.Context, path, apiVersion string, body any) (Object, error) {
	return c.untilReadable(ctx, func() (Object, error) {
		return c.change(ctx, http.MethodPut, path, apiVersion, body)
	})
}

// Patch changes members of an object, waits, and returns it; else as [Client.Put].
func (c *Client) Patch(ctx context.Context, path, apiVersion string, body any) (Object, error) {
	return c.change(ctx, http.MethodPatch, path, apiVersion, body)
}

// Post asks for an action, waits for its end, and returns its answer: empty when
// it has none. body may be nil.
func (c *Client) Post(ctx context.Context, path, apiVersion string, body any) (Object, error) {
	return c.change(ctx, http.MethodPost, path, apiVersion, body)
}

// Delete deletes an object and waits until it is gone. One that is not there is
// a success.
func (c *Client) Delete(ctx context.Context, path, apiVersion string) error {
	_, err := c.untilReadable(ctx, func() (Object, error) {
		return c.change(ctx, http.MethodDelete, path, apiVersion, nil)
	})
	if IsNotFound(err) {
		return nil
	}
	return err
}

// change sends a request that changes something and follows it to its end.
func (c *Client) change(ctx context.Context, method, path, apiVersion string, body any) (Object, error) {
	operation, resp, raw, err := c.do(ctx, method, path, apiVersion, body)
	if err != nil {
		return nil, err
	}
	return c.finish(ctx, operation, resp, raw)
}

// do sends a request to Resource Manager and returns its whole answer; an error
// when it was refused.
func (c *Client) do(ctx context.Context, method, path, apiVersion string, body any) (operation string, resp *http.Response, raw []byte, err error) {
	operation = method + " " + withoutQuery(path)
	target, err := c.url(path, apiVersion)
	if err != nil {
		return operation, nil, nil, fmt.Errorf("%s: %w", operation, err)
	}
	req, err := runtime.NewRequest(ctx, method, target)
	if err != nil {
		return operation, nil, nil, fmt.Errorf("%s: %w", operation, err)
	}
	req.Raw().Header.Set("Accept", "application/json")
	if body != nil {
		if err := runtime.MarshalAsJSON(req, body); err != nil {
			return operation, nil, nil, fmt.Errorf("%s: the body is no JSON: %w", operation, err)
		}
	}
	resp, raw, err = c.send(operation, req)
	return operation, resp, raw, err
}

// send sends a request through the pipeline and reads the answer.
func (c *Client) send(operation string, req *policy.Request) (*http.Response, []byte, error) {
	resp, err := c.pipeline.Do(req)
	if err != nil {
		return nil, nil, c.failed(operation, resp, err)
	}
	raw, err := runtime.Payload(resp)
	if err != nil {
		return nil, nil, c.clock.connectionError(operation, err)
	}
	return resp, raw, c.refused(operation, resp, raw)
}

// failed makes an error of the project's of one of the pipeline's. A change that
// Azure took, as the status says, is Accepted whatever became of the answer.
func (c *Client) failed(operation string, resp *http.Response, err error) error {
	var credential *CredentialError
	if errors.As(err, &credential) {
		return fmt.Errorf("%s: %w", operation, credential)
	}
	if resp != nil && resp.StatusCode >= 300 {
		return c.unregistered(operation, resp, err)
	}
	err = c.clock.connectionError(operation, err)
	changes := !strings.HasPrefix(operation, http.MethodGet+" ")
	if changes && resp != nil && resp.StatusCode >= 200 {
		return c.accepted(operation, resp.StatusCode, err)
	}
	return err
}

// refused is the error of an answer whose status is one; nil when it is not.
func (c *Client) refused(operation string, resp *http.Response, body []byte) error {
	if resp.StatusCode < 300 {
		return nil
	}
	e := parseError(resp.StatusCode, resp.Header, body)
	e.Operation = operation
	c.explain(e)
	return e
}

// url is the URL of a path, or of a link that Azure gave, with the api-version
// where it has none.
func (c *Client) url(path, apiVersion string) (string, error) {
	if !strings.HasPrefix(path, "https://") {
		if !strings.HasPrefix(path, "/") {
			return "", fmt.Errorf("the path %q does not begin with a slash", path)
		}
		path = c.endpoint + path
	}
	u, err := url.Parse(path)
	if err != nil {
		return "", fmt.Errorf("%q is no URL: %w", path, err)
	}
	endpoint, err := url.Parse(c.endpoint)
	if err != nil {
		return "", err
	}
	if !(operationURLs{endpoint}).ours(u) {
		return "", permanent{fmt.Errorf("%q is not at Resource Manager (%s): the token is not sent there", path, c.endpoint)}
	}
	query := u.Query()
	if query.Get("api-version") == "" {
		query.Set("api-version", apiVersion)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}
