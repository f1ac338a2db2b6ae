package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// maxProbeBody is how much of an answer's body a check reads, so that the app
// can finish writing a usual one.
const maxProbeBody = 64 << 10

// checker runs one check of one app.
type checker struct {
	dial *dialer
}

// running implements checks: a container that runs has a name that resolves.
func (c checker) running(ctx context.Context, p protocol.Probe) bool {
	_, err := c.dial.resolve(ctx, p.Host, glanceTimeout)
	return err == nil
}

// check implements checks.
func (c checker) check(ctx context.Context, p protocol.Probe) outcome {
	if p.Path == "" {
		return c.connect(ctx, p)
	}
	return c.get(ctx, p)
}

// connect passes when the app accepts a TCP connection.
func (c checker) connect(ctx context.Context, p protocol.Probe) outcome {
	what := fmt.Sprintf("connect to port %d", p.Port)
	conn, err := c.dial.dial(ctx, p.Host, p.Port)
	if err != nil {
		return failed(what, err)
	}
	_ = conn.Close()
	return outcome{healthy: true, reason: what + ": accepted"}
}

// get passes when the app answers with a status from 200 to 399; a redirect is
// an answer and is not followed. Each check has a connection of its own, so that
// an app that no longer accepts any is noticed.
func (c checker) get(ctx context.Context, p protocol.Probe) outcome {
	what := "GET " + p.Path
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: 64 << 10,
			DialContext:            c.dial.dialAddress,
		},
	}
	target, query, _ := strings.Cut(p.Path, "?")
	request := (&http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Scheme: "http", Host: net.JoinHostPort(p.Host, strconv.Itoa(p.Port)), Path: target, RawQuery: query},
		Header: http.Header{"User-Agent": {"envctl-health"}, "Accept": {"*/*"}},
	}).WithContext(ctx)
	response, err := client.Do(request)
	if err != nil {
		return failed(what, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxProbeBody))
	return outcome{
		healthy: response.StatusCode >= 200 && response.StatusCode <= 399,
		reason:  what + ": " + strconv.Itoa(response.StatusCode),
	}
}

func failed(what string, err error) outcome {
	return outcome{reason: what + ": " + explain(err)}
}
