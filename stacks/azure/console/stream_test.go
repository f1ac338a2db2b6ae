package console_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/envctl/envctl/stacks/azure/console"
)

const path = "/subscriptions/s/resourceGroups/g/containerApps/api/revisions/r/replicas/x/containers/api"

// serve answers at one path of a TLS server with a token of its own.
func serve(t *testing.T, at string, handler http.HandlerFunc) (*http.Client, console.Address) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		if r.URL.Path != path+at {
			http.NotFound(w, r)
			return
		}
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.Client(), console.Address{Host: server.URL, Path: path, Token: "secret"}
}

func at(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 0, time.UTC) }

const lines = `{"TimeStamp":"2026-01-02T03:04:09.11806","Log":"Connecting to the container 'api'..."}
{"TimeStamp":"2026-01-02T03:04:09.20563","Log":"Successfully Connected to container: 'api' [Revision: 'r', Replica: 'x']"}
{"TimeStamp":"2026-01-02T03:04:05+00:00","Log":"Connecting to the container of the program itself"}

{"TimeStamp":"2026-01-02T03:04:06Z","Log":"quotes \u0022 and \u001B[1m\n"}
{"level":"info","msg":"json of the program"}
plain text
`

func TestStream(t *testing.T) {
	t.Parallel()
	var asked string
	hc, address := serve(t, "/logstream", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RawQuery
		_, _ = io.WriteString(w, lines)
	})
	var got []console.Entry
	collect := func(e console.Entry) error { got = append(got, e); return nil }
	if err := console.Stream(t.Context(), hc, address, console.StreamOptions{Follow: true, Tail: 1000}, collect); err != nil {
		t.Fatal(err)
	}
	want := []console.Entry{
		{Time: at(5), Stream: "stdout", Text: "Connecting to the container of the program itself"},
		{Time: at(6), Stream: "stdout", Text: "quotes \" and \x1b[1m"},
		{Stream: "stdout", Text: `{"level":"info","msg":"json of the program"}`},
		{Stream: "stdout", Text: "plain text"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if asked != "follow=true&output=json&tailLines=300" {
		t.Errorf("asked for %q", asked)
	}
	got = nil
	if err := console.Stream(t.Context(), hc, address, console.StreamOptions{After: at(5)}, collect); err != nil || len(got) != 3 || got[0].Time != at(6) {
		t.Errorf("after: %+v, %v", got, err)
	}
	stop := errors.New("enough")
	if err := console.Stream(t.Context(), hc, address, console.StreamOptions{}, func(console.Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestStreamIsRefused(t *testing.T) {
	t.Parallel()
	hc, address := serve(t, "/logstream", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no room", http.StatusTooManyRequests) })
	for name, c := range map[string]struct {
		address console.Address
		status  int
	}{
		"busy":            {address, 429},
		"wrong token":     {console.Address{Host: address.Host, Path: path, Token: "x"}, 401},
		"replica is gone": {console.Address{Host: address.Host, Path: "/x", Token: "secret"}, 404},
	} {
		err := console.Stream(t.Context(), hc, c.address, console.StreamOptions{}, func(console.Entry) error { return nil })
		var refused *console.Refused
		if !errors.As(err, &refused) || refused.Status != c.status || refused.Hint() == "" || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A connection that breaks in the middle is an error, not the end of the log.
func TestStreamBreaks(t *testing.T) {
	t.Parallel()
	hc, address := serve(t, "/logstream", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "half a line")
	})
	err := console.Stream(t.Context(), hc, address, console.StreamOptions{}, func(console.Entry) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("%v", err)
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	if host, err := console.Host("https://region.azurecontainerapps.dev/subscriptions/s/x"); err != nil || host != "https://region.azurecontainerapps.dev" {
		t.Errorf("%q, %v", host, err)
	}
	for _, bad := range []string{"", "http://region/subscriptions/s", "https://region/x"} {
		if host, err := console.Host(bad); err == nil {
			t.Errorf("%q is %q", bad, host)
		}
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	var asked string
	answer, status := `{"tables":[{"name":"PrimaryResult","columns":[{"name":"TimeGenerated"},{"name":"Stream_s"},{"name":"Log_s"}],
		"rows":[["2026-01-02T03:04:05Z","stderr","first"],["2026-01-02T03:04:06Z","","second\n"]]}]}`, http.StatusOK
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		asked = r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(raw)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	q := console.Query{Endpoint: server.URL + "/", Workspace: "w", Token: "t", Column: "ContainerAppName_s", Name: `a"b\`, Since: at(1), Until: at(9), Tail: 7}
	got, err := console.History(t.Context(), server.Client(), q)
	want := []console.Entry{{Time: at(5), Stream: "stderr", Text: "first"}, {Time: at(6), Stream: "stdout", Text: "second"}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, part := range []string{"POST /v1/workspaces/w/query Bearer t", `where ContainerAppName_s == \"a\\\"b\\\\\"`,
		"where TimeGenerated \\u003e= datetime(2026-01-02T03:04:01Z)", "where TimeGenerated \\u003c datetime(2026-01-02T03:04:09Z)", "top 7 by"} {
		if !strings.Contains(asked, part) {
			t.Errorf("asked %s, without %s", asked, part)
		}
	}
	answer, status = `{"error":{"message":"Failed to resolve table expression named 'ContainerAppConsoleLogs_CL'"}}`, http.StatusBadRequest
	if got, err := console.History(t.Context(), server.Client(), q); got != nil || err != nil {
		t.Errorf("a workspace without lines: %v, %v", got, err)
	}
	answer, status = `no`, http.StatusForbidden
	if _, err := console.History(t.Context(), server.Client(), q); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("%v", err)
	}
	answer, status = `<html>`, http.StatusOK
	if _, err := console.History(t.Context(), server.Client(), q); err == nil || !strings.Contains(err.Error(), "no JSON") {
		t.Errorf("%v", err)
	}
	q.Column, q.Name, q.Since, q.Until, q.Tail = "ContainerGroupName_s", "job-1", time.Time{}, time.Time{}, -1
	_, _ = console.History(t.Context(), server.Client(), q)
	if !strings.Contains(asked, `ContainerGroupName_s startswith`) || strings.Contains(asked, "datetime") || !strings.Contains(asked, fmt.Sprint("top ", 30_000)) {
		t.Errorf("asked %s", asked)
	}
}
