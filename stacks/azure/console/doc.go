// Package console speaks with the consoles of containers on Azure: the log
// stream and the websocket of Container Apps, and the history in Log Analytics.
//
// The protocols are those of the az command (containerapp logs show,
// containerapp exec), which is the only public description of them. The bearer
// token is the one that getAuthtoken gives for an app or a job.
package console

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Entry is one line that a container wrote.
type Entry struct {
	Time   time.Time // zero where the stream did not say
	Stream string    // stdout or stderr; the log stream does not tell them apart
	Text   string
}

// Address is where the console of one container is.
type Address struct {
	Host  string // https://HOST of the region's proxy
	Path  string // /subscriptions/…/containers/NAME
	Token string
}

// Host is the scheme and host of an endpoint that Resource Manager gave: the part
// before /subscriptions/. The path of the endpoint is of another container.
func Host(endpoint string) (string, error) {
	i := strings.Index(endpoint, "/subscriptions/")
	if i < 0 || !strings.HasPrefix(endpoint, "https://") {
		return "", fmt.Errorf("the log stream's endpoint is %q, expected https://HOST/subscriptions/…: the app is not ready, try again in a minute", endpoint)
	}
	return endpoint[:i], nil
}

// Refused is a data plane that did not take a request.
type Refused struct {
	What   string // was asked for
	Status int
	Reason string
}

func (e *Refused) Error() string {
	return fmt.Sprintf("%s was refused with status %d %s: %s", e.What, e.Status, http.StatusText(e.Status), e.Reason)
}

// Hint says how to mend it.
func (e *Refused) Hint() string {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "ask for the role Contributor (or Container Apps Contributor) on the resource group, and Log Analytics Reader for the history"
	case http.StatusNotFound:
		return "the replica is gone: `envctl status -t azure` has those that are there"
	case http.StatusTooManyRequests:
		return "Container Apps allows about ten sessions in a short time: wait a minute"
	}
	return "try again; `envctl status -t azure` says how the app is"
}

// maxReason bounds what of a refusal's body is shown, in bytes.
const maxReason = 1 << 10

// refused reads why a request was not taken.
func refused(what string, resp *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxReason))
	reason := strings.Join(strings.Fields(string(raw)), " ")
	if reason == "" {
		reason = "it gave no reason"
	}
	return &Refused{What: what, Status: resp.StatusCode, Reason: reason}
}

// get asks a data plane with a bearer token.
func get(ctx context.Context, hc *http.Client, what, url, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := hc.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		return nil, refused(what, resp)
	}
	return resp, nil
}
