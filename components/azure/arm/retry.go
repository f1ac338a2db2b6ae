package arm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// class is a reason to ask again, and its bounds.
type class struct {
	why   string        // for whoever watches
	limit time.Duration // from the first such answer
	first time.Duration // wait before the first repetition, doubled each time
	most  time.Duration // the longest wait
}

// The classes. The codes and how long they last are from public reports of each
// fault; 429 and 5xx: Microsoft's guidance for Resource Manager.
func throttled() class {
	return class{"Azure asks for fewer requests", 10 * time.Minute, 5 * time.Second, time.Minute}
}

func unavailable() class {
	return class{"Azure is not available for a moment", 3 * time.Minute, time.Second, 20 * time.Second}
}

func unreachable() class {
	return class{"Azure was not reached", 20 * time.Second, time.Second, 8 * time.Second}
}

// unknownPrincipal: a new identity takes minutes to be known everywhere.
func unknownPrincipal() class {
	return class{"Azure does not know the new identity yet", 5 * time.Minute, 5 * time.Second, 20 * time.Second}
}

func busy(limit time.Duration) class {
	return class{"another operation on the resource is under way", limit, 5 * time.Second, 30 * time.Second}
}

// classOfCode is the class of a refusal that passes by itself.
func classOfCode(status int, code string) (class, bool) {
	switch {
	case status == http.StatusBadRequest && code == "principalnotfound":
		return unknownPrincipal(), true
	case status != http.StatusConflict && status != http.StatusBadRequest && status != http.StatusPreconditionFailed:
		return class{}, false
	}
	switch code {
	case "managedenvironmentoperationinprogress":
		return busy(30 * time.Minute), true // an environment takes up to that long to be made or deleted
	case "requestconflict", "anotheroperationinprogress", "containerappoperationinprogress",
		"containerapplockconflict", "operationinprogress":
		return busy(15 * time.Minute), true
	}
	return class{}, false
}

// retry is the policy that asks again. azcore's own is switched off: it waits by
// a timer that tests cannot replace and does not know Azure's codes.
type retry struct {
	clock   clock
	waiting func(string, time.Duration)
}

// Do asks until the answer is one to keep, the bounds of its class are reached
// or the context ends; then the last answer, or the context's error, is returned.
func (r *retry) Do(req *policy.Request) (*http.Response, error) {
	ctx := req.Raw().Context()
	type counter struct {
		since time.Time
		tries int
	}
	counters := map[string]*counter{}
	for {
		if err := req.RewindBody(); err != nil {
			return nil, err
		}
		resp, err := req.Clone(ctx).Next()
		if ctx.Err() != nil {
			return resp, errors.Join(ctx.Err(), err)
		}
		class, again := classify(repeatable(req.Raw()), resp, err)
		if !again {
			return resp, err
		}
		c := counters[class.why]
		if c == nil {
			c = &counter{since: r.clock.now()}
			counters[class.why] = c
		}
		delay := min(class.first<<min(c.tries, 16), class.most)
		if asked := retryAfter(resp, r.clock.now()); asked > 0 {
			delay = asked
		}
		c.tries++
		if r.clock.now().Add(delay).Sub(c.since) > class.limit {
			return resp, err
		}
		runtime.Drain(resp)
		if r.waiting != nil {
			r.waiting(class.why, delay)
		}
		if waited := r.clock.sleep(ctx, delay); waited != nil {
			return nil, fmt.Errorf("%w while waiting because %s", waited, class.why)
		}
	}
}

// readsOnly marks the context of a request that changes nothing whatever its method.
type readsOnly struct{}

// repeatable tells whether a request that may have arrived does no harm when it
// is sent again: any but a POST or PATCH that may have changed something.
func repeatable(req *http.Request) bool {
	if req.Context().Value(readsOnly{}) != nil {
		return true
	}
	return req.Method != http.MethodPost && req.Method != http.MethodPatch
}

// classify tells whether an answer, or that there was none, is to be asked for
// again. What may have had an effect already is repeated only where it is
// repeatable.
func classify(repeatable bool, resp *http.Response, err error) (class, bool) {
	if err != nil {
		var final interface{ NonRetriable() }
		var cut *cutError
		switch {
		case errors.As(err, &final), errors.Is(err, context.Canceled), isPermanent(err):
			return class{}, false
		case errors.As(err, &cut):
			return unreachable(), repeatable
		}
		return unreachable(), repeatable || neverSent(err)
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return throttled(), true
	case http.StatusServiceUnavailable:
		return unavailable(), true
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return unavailable(), repeatable
	case http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed:
		body, err := runtime.Payload(resp)
		if err != nil {
			return class{}, false
		}
		failed := parseError(resp.StatusCode, resp.Header, body)
		for _, code := range failed.codes() {
			if c, ok := classOfCode(resp.StatusCode, strings.ToLower(code)); ok {
				return c, true
			}
		}
	}
	return class{}, false
}

// mostGarbled is how often an answer that cannot be read is asked for again. A
// broken connection of a proxy gives one; a login page gives them for ever.
const mostGarbled = 2

// untilReadable asks again, a second later and then two, while the answer is
// empty or no JSON. What is asked must be repeatable.
func (c *Client) untilReadable(ctx context.Context, ask func() (Object, error)) (Object, error) {
	for tries := 0; ; tries++ {
		object, err := ask()
		if !isGarbled(err) || tries == mostGarbled {
			return object, err
		}
		delay := c.poll0() << tries
		if c.waiting != nil {
			c.waiting("the answer could not be read", delay)
		}
		if waited := c.clock.sleep(ctx, delay); waited != nil {
			return nil, errors.Join(waited, err)
		}
	}
}

func isGarbled(err error) bool { return errors.Is(err, errEmpty) || errors.Is(err, errNotJSON) }

// neverSent tells whether a request failed before any of it was sent.
func neverSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// maxRetryAfter bounds what a header may ask for; more is nonsense.
const maxRetryAfter = 24 * time.Hour

// retryAfter is how long an answer asks to wait, 0 when it does not say.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if resp == nil {
		return 0
	}
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if n, err := strconv.ParseInt(resp.Header.Get(name), 10, 64); err == nil && n > 0 {
			return time.Duration(min(n, maxRetryAfter.Milliseconds())) * time.Millisecond
		}
	}
	value := resp.Header.Get("Retry-After")
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
		return time.Duration(min(n, int64(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}

// bearerOf is the token of a request, "" when it has none.
func bearerOf(h http.Header) string {
	token, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	return token
}

// renew is the policy that gets a new token when Azure no longer takes the one
// it was sent, and asks once more.
type renew struct{ credential *credential }

// staleTokens are the codes of a token that a new one may replace.
func staleTokens() []string {
	return []string{"ExpiredAuthenticationToken", "InvalidAuthenticationToken", "AuthenticationFailed", ""}
}

func (r renew) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return resp, nil //nolint:nilerr // the answer's status is what counts
	}
	if !slices.Contains(staleTokens(), parseError(resp.StatusCode, resp.Header, bytes.TrimSpace(body)).Code) {
		return resp, nil
	}
	used := ""
	if resp.Request != nil {
		used = bearerOf(resp.Request.Header)
	}
	r.credential.forget(used)
	if err := req.RewindBody(); err != nil {
		return resp, err
	}
	return req.Next()
}
