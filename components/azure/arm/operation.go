package arm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// operationLimit is the longest that an operation is waited for, as with Pulumi's
// provider. Making an environment with a network takes up to half an hour.
const operationLimit = 2 * time.Hour

// Without a Retry-After header the wait between two looks begins at Options.Poll
// and doubles up to mostPoll.
const (
	leastPoll = time.Second
	mostPoll  = 10 * time.Second
	// simulatedPoll is leastPoll where a simulator answers, which nobody can overload.
	simulatedPoll = 5 * time.Millisecond
)

// finish follows the operation that an answer began, if it began one, and
// returns the result.
func (c *Client) finish(ctx context.Context, operation string, resp *http.Response, raw []byte) (Object, error) {
	result := Object{}
	if len(bytes.TrimSpace(raw)) > 0 {
		parsed, err := parseObject(raw)
		if err != nil {
			return nil, c.accepted(operation, resp.StatusCode, c.clock.connectionError(operation, err))
		}
		result = parsed
	}
	method := resp.Request.Method
	if !goesOn(method, resp, result) {
		made := method == http.MethodPut || method == http.MethodPatch
		if made && len(result) == 0 && resp.StatusCode != http.StatusNoContent {
			return nil, c.accepted(operation, resp.StatusCode, c.clock.connectionError(operation, errEmpty))
		}
		return result, nil
	}
	if resp.StatusCode == http.StatusAccepted && !hasOperationHeader(resp) && method == http.MethodPost {
		return result, nil // nothing to look at: the answer is all there is
	}
	if resp.StatusCode == http.StatusAccepted && !hasOperationHeader(resp) && method == http.MethodDelete {
		return result, c.untilGone(ctx, operation, resp)
	}
	return c.poll(ctx, operation, resp)
}

// goesOn tells whether an answer leaves an operation under way: a 202, an
// operation's own header, or a body whose provisioningState is not an end. A
// Location alone is not one: identities answer a finished PUT with it.
func goesOn(method string, resp *http.Response, body Object) bool {
	if resp.StatusCode == http.StatusAccepted {
		return true
	}
	if resp.Header.Get("Azure-AsyncOperation") != "" || resp.Header.Get("Operation-Location") != "" {
		return true
	}
	if method != http.MethodPut && method != http.MethodPatch {
		return false
	}
	state := provisioningState(body)
	return state != "" && !strings.EqualFold(state, "Succeeded")
}

func hasOperationHeader(resp *http.Response) bool {
	for _, name := range operationHeaders() {
		if resp.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

func provisioningState(body Object) string {
	properties, _ := body["properties"].(map[string]any)
	state, _ := properties["provisioningState"].(string)
	return state
}

// poll looks at the operation that resp began until it ends.
func (c *Client) poll(ctx context.Context, operation string, resp *http.Response) (Object, error) {
	poller, err := runtime.NewPoller[map[string]any](resp, c.pipeline, nil)
	if err != nil {
		return nil, c.operationFailed(operation, resp.StatusCode, err)
	}
	begin := c.clock.now()
	looks, unreadable := 0, 0
	for last := resp; !poller.Done(); looks++ {
		if c.clock.now().Sub(begin) > operationLimit {
			return nil, c.accepted(operation, resp.StatusCode, fmt.Errorf("Azure has not ended it within %s; look at it in the portal, then run the command again", operationLimit))
		}
		if err := c.clock.sleep(ctx, c.pause(last, looks)); err != nil {
			return nil, c.accepted(operation, resp.StatusCode, err)
		}
		if last, err = poller.Poll(ctx); err != nil {
			if isUnreadable(err) && unreadable < mostGarbled {
				unreadable++
				continue
			}
			if resp.Request.Method == http.MethodDelete && statusOf(err) == http.StatusNotFound {
				return Object{}, nil // gone, and the operation with it
			}
			return nil, c.operationFailed(operation, resp.StatusCode, err)
		}
	}
	result, err := poller.Result(ctx)
	for ; isUnreadable(err) && unreadable < mostGarbled; unreadable++ {
		result, err = poller.Result(ctx)
	}
	if err != nil {
		if resp.Request.Method == http.MethodDelete && statusOf(err) == http.StatusNotFound {
			return Object{}, nil
		}
		return nil, c.operationFailed(operation, resp.StatusCode, err)
	}
	if result == nil {
		result = Object{}
	}
	return result, nil
}

// isUnreadable tells whether a look at an operation came back, but said nothing:
// azcore's errors of such an answer have no type of their own.
func isUnreadable(err error) bool {
	var refused *azcore.ResponseError
	var final interface{ NonRetriable() }
	var broken net.Error
	var cut *cutError
	switch {
	case err == nil, errors.As(err, &refused), errors.As(err, &final), errors.As(err, &broken), errors.As(err, &cut):
		return false
	}
	return !errors.Is(err, io.EOF) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// pause is the wait before the next look.
func (c *Client) pause(last *http.Response, looks int) time.Duration {
	if asked := retryAfter(last, c.clock.now()); asked > 0 {
		return max(asked, c.poll0())
	}
	return min(c.poll0()<<min(looks, 8), max(mostPoll, c.poll0()))
}

func (c *Client) poll0() time.Duration {
	if c.floor > 0 {
		return c.floor
	}
	return leastPoll
}

// untilGone waits for the end of a deletion that named nothing to look at.
func (c *Client) untilGone(ctx context.Context, operation string, resp *http.Response) error {
	begin := c.clock.now()
	target := resp.Request.URL.String()
	for looks := 0; ; looks++ {
		if c.clock.now().Sub(begin) > operationLimit {
			return c.accepted(operation, resp.StatusCode, fmt.Errorf("it is still there after %s", operationLimit))
		}
		if err := c.clock.sleep(ctx, c.pause(resp, looks)); err != nil {
			return c.accepted(operation, resp.StatusCode, err)
		}
		_, err := c.Get(ctx, target, "")
		if IsNotFound(err) {
			return nil
		}
		if err != nil {
			return c.accepted(operation, resp.StatusCode, err)
		}
	}
}

// accepted is the error of a change that Azure took and whose end is not known.
func (c *Client) accepted(operation string, status int, cause error) error {
	e := &Error{StatusCode: status, Accepted: true, Operation: operation, Message: cause.Error(), cause: cause}
	if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
		e.Message = "it was not waited for (" + cause.Error() + "); Azure goes on with it"
	}
	return e
}

// operationFailed is the error of an operation that Azure says has failed, or
// that cannot be looked at.
func (c *Client) operationFailed(operation string, status int, err error) error {
	var refused *azcore.ResponseError
	if !errors.As(err, &refused) || refused.RawResponse == nil {
		return c.accepted(operation, status, c.failed(operation, nil, err))
	}
	raw, readErr := runtime.Payload(refused.RawResponse)
	if readErr != nil && !errors.Is(readErr, io.EOF) {
		return c.accepted(operation, status, c.clock.connectionError(operation, readErr))
	}
	e := parseError(refused.StatusCode, refused.RawResponse.Header, raw)
	e.Operation, e.Accepted = operation, true
	if e.Code == "" {
		e.Code, e.Message = failedState(raw)
	}
	c.explain(e)
	return e
}

// failedState is the code and message of an object or operation that failed
// without an error of its own.
func failedState(raw []byte) (code, message string) {
	var body struct {
		Status     string
		Properties struct {
			ProvisioningState string
			ProvisioningError json.RawMessage
			StatusMessage     string
			Error             json.RawMessage
		}
	}
	if json.Unmarshal(raw, &body) != nil {
		return "", snippet(raw)
	}
	for _, detail := range []json.RawMessage{body.Properties.Error, body.Properties.ProvisioningError} {
		var e Error
		if readError(&e, detail, 0); e.Code != "" || e.Message != "" {
			return e.Code, e.Message
		}
		var text string
		if json.Unmarshal(detail, &text) == nil && text != "" {
			message = text
		}
	}
	if message == "" {
		message = body.Properties.StatusMessage
	}
	state := body.Status
	if state == "" {
		state = body.Properties.ProvisioningState
	}
	if state == "" {
		return "OperationFailed", snippet(raw)
	}
	if message == "" {
		message = fmt.Sprintf("its state is %s, and Azure does not say why", state)
	}
	return "Operation" + state, message
}

func statusOf(err error) int {
	var refused *azcore.ResponseError
	if errors.As(err, &refused) {
		return refused.StatusCode
	}
	return 0
}
