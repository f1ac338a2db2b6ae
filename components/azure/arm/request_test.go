package arm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
)

func TestGetReturnsTheObjectWithUnknownMembers(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("GET", group, func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("api-version"); got != "2022-09-01" {
			t.Errorf("api-version is %q", got)
		}
		if got := r.Header.Get("User-Agent"); !strings.HasPrefix(got, "envctl ") {
			t.Errorf("the user agent is %q", got)
		}
		reply(w, 200, `{"id":"x","etag":"e1","properties":{"n":3,"new":[true]}}`)
	})
	c, _ := a.connect(t)
	got, err := c.Get(t.Context(), group, "2022-09-01")
	if err != nil {
		t.Fatal(err)
	}
	if text := asJSON(t, got); text != `{"etag":"e1","id":"x","properties":{"n":3,"new":[true]}}` {
		t.Errorf("got %s", text)
	}
	if c.Subscription() != subscription || c.Tenant() != tenant || c.Endpoint() != a.URL {
		t.Errorf("connected to %s %s %s", c.Subscription(), c.Tenant(), c.Endpoint())
	}
}

func TestARefusalHasCodeMessageDetailsAndRequest(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", group, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-ms-correlation-request-id", "corr-1")
		reply(w, 400, `{"error":{"code":"InvalidTemplate","message":"The template\n is wrong.","target":"properties.x",
			"details":[{"code":"InsufficientQuota","message":"needs 5 more"}]}}`)
	})
	c, _ := a.connect(t)
	_, err := c.Put(t.Context(), group, "2022-09-01", arm.Object{"location": "westeurope"})
	contains(t, err, "PUT "+group, "400", "InvalidTemplate", "The template is wrong.", "InsufficientQuota: needs 5 more")
	var e *arm.Error
	if !errors.As(err, &e) || e.Accepted || e.Target != "properties.x" || e.RequestID != "corr-1" {
		t.Errorf("got %+v", e)
	}
	if !arm.HasCode(err, "insufficientquota") || arm.HasCode(err, "Other") || arm.CodeOf(err) != "InvalidTemplate" {
		t.Error("the codes are not found")
	}
}

func TestListFollowsPagesAndStaysAtResourceManager(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("GET", group+"/resources", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			reply(w, 200, `{"value":[{"n":1},{"n":2}],"nextLink":"`+a.URL+group+`/resources?api-version=v&$skiptoken=b c"}`)
		case "b c":
			reply(w, 200, `{"value":[{"n":3}]}`)
		}
	})
	a.on("GET", group+"/loop", always(200, `{"value":[],"nextLink":"`+a.URL+group+`/loop?page=1"}`))
	a.on("GET", group+"/away", always(200, `{"value":[],"nextLink":"https://evil.example/steal"}`))
	a.on("GET", group+"/odd", always(200, `{"value":[7]}`))
	c, _ := a.connect(t)
	got, err := c.List(t.Context(), group+"/resources?$filter=tagName eq 'x'", "v")
	if err != nil || asJSON(t, got) != `[{"n":1},{"n":2},{"n":3}]` {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = c.List(t.Context(), group+"/loop", "v")
	contains(t, err, "the list does not end")
	_, err = c.List(t.Context(), group+"/away", "v")
	contains(t, err, "evil.example", "the token is not sent there")
	_, err = c.List(t.Context(), group+"/odd", "v")
	contains(t, err, "not a JSON object")
}

func TestWhatIsNotAnAnswerOfAzure(t *testing.T) {
	t.Parallel()
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.WriteHeader(200)
		io.WriteString(w, `{"id":`)
	}
	for name, tt := range map[string]struct {
		h     http.HandlerFunc
		want  []string
		tries int
	}{
		"empty":    {always(200, ""), []string{"the answer is empty", "proxy"}, 3},
		"html":     {always(200, "<html><body>Sign in</body></html>"), []string{"not JSON", "Sign in"}, 3},
		"list":     {always(200, "[1]"), []string{"not a JSON object", "[1]"}, 1},
		"huge":     {always(200, `{"x":"`+strings.Repeat("x", 17<<20)+`"}`), []string{"more than 16 MiB"}, 1},
		"cut":      {cut, []string{"broke off", "unexpected EOF", "run the command again"}, 5},
		"html 403": {always(403, "<html>blocked by firewall</html>"), []string{"403 Forbidden", "blocked by firewall"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on("GET", group, tt.h)
			c, _ := a.connect(t)
			_, err := c.Get(t.Context(), group, "v")
			contains(t, err, append(tt.want, "GET "+group)...)
			if n := len(a.seen()); n != tt.tries {
				t.Errorf("asked %d times, want %d", n, tt.tries)
			}
		})
	}
}

func TestACutAnswerIsAskedAgainAndAPostIsNot(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	a.on("PUT", group, inTurn(abort, abort, always(200, `{"id":"x"}`)))
	a.on("POST", group+"/start", abort)
	c, _ := a.connect(t)
	if got, err := c.Put(t.Context(), group, "v", arm.Object{"a": 1}); err != nil || got["id"] != "x" {
		t.Errorf("got %v, %v", got, err)
	}
	_, err := c.Post(t.Context(), group+"/start", "v", nil)
	var broken *arm.ConnectionError
	if !errors.As(err, &broken) {
		t.Errorf("got %v", err)
	}
	if want := []string{"PUT " + group, "PUT " + group, "PUT " + group, "POST " + group + "/start"}; !slices.Equal(a.seen(), want) {
		t.Errorf("asked %v", a.seen())
	}
}

// A question that takes a POST is asked again like a read; an answer that was
// garbled on its way is, for whatever may be sent again.
func TestAGarbledAnswerAndACutQuestionAreAskedAgain(t *testing.T) {
	t.Parallel()
	abort := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	ok := always(200, `{"id":"x"}`)
	html, empty := always(200, "<html>"), always(200, "")
	type call = func(context.Context, *arm.Client) (arm.Object, error)
	query := func(ctx context.Context, c *arm.Client) (arm.Object, error) { return c.Query(ctx, app, "v", nil) }
	put := func(ctx context.Context, c *arm.Client) (arm.Object, error) {
		return c.Put(ctx, app, "v", arm.Object{})
	}
	get := func(ctx context.Context, c *arm.Client) (arm.Object, error) { return c.Get(ctx, app, "v") }
	post := func(ctx context.Context, c *arm.Client) (arm.Object, error) { return c.Post(ctx, app, "v", nil) }
	remove := func(ctx context.Context, c *arm.Client) (arm.Object, error) {
		return arm.Object{"id": "x"}, c.Delete(ctx, app, "v")
	}
	for name, tt := range map[string]struct {
		call   call
		method string
		first  http.HandlerFunc
		tries  int // 1: it is not asked again
	}{
		"a question, cut":           {query, "POST", abort, 2},
		"a question, a 500":         {query, "POST", always(500, `{}`), 2},
		"a question, html":          {query, "POST", html, 2},
		"a put, html":               {put, "PUT", html, 2},
		"a put, empty":              {put, "PUT", empty, 2},
		"a read, empty":             {get, "GET", empty, 2},
		"a deletion, html":          {remove, "DELETE", html, 2},
		"a post that changes, html": {post, "POST", html, 1},
		"a post that changes, cut":  {post, "POST", abort, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on(tt.method, app, inTurn(tt.first, ok))
			c, _ := a.connect(t)
			got, err := tt.call(t.Context(), c)
			if (err == nil && got["id"] == "x") != (tt.tries > 1) || len(a.seen()) != tt.tries {
				t.Errorf("got %v, %v after %v", got, err, a.seen())
			}
		})
	}
}

// A look at an operation that says nothing is not the end of the operation.
func TestAnUnreadableLookIsLookedAgain(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
	a.on("GET", "/op", inTurn(always(200, ""), always(200, "<html>"), always(200, `{"status":"Succeeded"}`)))
	a.on("GET", app, always(200, `{"id":"x"}`))
	c, _ := a.connect(t)
	if got, err := c.Put(t.Context(), app, "v", arm.Object{}); err != nil || got["id"] != "x" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestABodyIsSentAgainWhole(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	var bodies []string
	a.on("PUT", group, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		if bodies = append(bodies, string(raw)); len(bodies) < 3 {
			reply(w, 503, `{}`)
			return
		}
		reply(w, 200, `{"id":"x"}`)
	})
	c, clock := a.connect(t)
	if _, err := c.Put(t.Context(), group, "v", arm.Object{"location": "westeurope"}); err != nil {
		t.Fatal(err)
	}
	for _, b := range bodies {
		if b != `{"location":"westeurope"}` {
			t.Errorf("sent %q", b)
		}
	}
	if clock.waited() != 3*time.Second {
		t.Errorf("waited %v, want 1s and 2s", clock.waits)
	}
}

func TestWhatPassesByItselfIsAskedAgainWithinBounds(t *testing.T) {
	t.Parallel()
	refusal := func(code string) string { return `{"error":{"code":"` + code + `","message":"not now"}}` }
	for _, tt := range []struct {
		code   string
		status int
		limit  time.Duration
	}{
		{"PrincipalNotFound", 400, 5 * time.Minute},
		{"RequestConflict", 409, 15 * time.Minute},
		{"AnotherOperationInProgress", 409, 15 * time.Minute},
		{"ContainerAppOperationInProgress", 409, 15 * time.Minute},
		{"ContainerAppLockConflict", 409, 15 * time.Minute},
		{"ManagedEnvironmentOperationInProgress", 409, 30 * time.Minute},
		{"TooManyRequests", 429, 10 * time.Minute},
		{"InternalServerError", 500, 3 * time.Minute},
		{"RoleAssignmentExists", 409, 0},
		{"InsufficientQuota", 400, 0},
		{"FlagMustBeSetForRestore", 409, 0},
	} {
		t.Run(tt.code, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on("PUT", group, always(tt.status, refusal(tt.code)))
			c, clock := a.connect(t)
			_, err := c.Put(t.Context(), group, "v", arm.Object{})
			if !arm.HasCode(err, tt.code) {
				t.Errorf("got %v", err)
			}
			if waited := clock.waited(); waited > tt.limit || waited < tt.limit*3/4 {
				t.Errorf("waited %v, want up to %v", waited, tt.limit)
			}
		})
	}
	t.Run("in the end it works", func(t *testing.T) {
		t.Parallel()
		a := newAzure(t)
		a.on("PUT", group, inTurn(always(400, refusal("PrincipalNotFound")), always(409, refusal("RequestConflict")), always(201, `{"id":"x"}`)))
		var told []string
		c, _ := a.connect(t, func(o *arm.Options) {
			o.Waiting = func(why string, d time.Duration) { told = append(told, why+" "+d.String()) }
		})
		if _, err := c.Put(t.Context(), group, "v", arm.Object{}); err != nil {
			t.Fatal(err)
		}
		if want := []string{"Azure does not know the new identity yet 5s", "another operation on the resource is under way 5s"}; !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	throttle := func(value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			reply(w, 429, `{"error":{"code":"TooManyRequests"}}`)
		}
	}
	a.on("GET", group, inTurn(throttle("17"), always(200, `{}`)))
	a.on("GET", group+"/long", throttle("3600"))
	c, clock := a.connect(t)
	if _, err := c.Get(t.Context(), group, "v"); err != nil {
		t.Fatal(err)
	}
	if clock.waited() != 17*time.Second {
		t.Errorf("waited %v", clock.waits)
	}
	_, err := c.Get(t.Context(), group+"/long", "v")
	contains(t, err, "429", "run the command again in a few minutes")
	if len(clock.waits) != 1 {
		t.Errorf("waited %v though Azure asked for more than is waited", clock.waits)
	}
}

func TestAWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", group, always(409, `{"error":{"code":"RequestConflict","message":"busy"}}`))
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := a.connect(t, func(o *arm.Options) {
		o.Sleep = func(ctx context.Context, _ time.Duration) error { cancel(); <-ctx.Done(); return ctx.Err() }
	})
	_, err := c.Put(ctx, group, "v", arm.Object{})
	if !errors.Is(err, context.Canceled) || len(a.seen()) != 1 {
		t.Errorf("got %v after %v", err, a.seen())
	}
	contains(t, err, "another operation on the resource is under way")
}

func TestStreamPassesTheAnswerOn(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	more := make(chan struct{})
	a.on("GET", group+"/logs", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "line 1\n")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "line 2\n")
	})
	a.on("POST", "/open/query", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		reply(w, 200, r.Header.Get("X-Own")+" "+string(raw))
	})
	c, _ := a.connect(t)
	resp, err := c.Stream(t.Context(), "GET", group+"/logs?api-version=v", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 7)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "line 1\n" {
		t.Fatalf("got %q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "line 2\n" {
		t.Errorf("got %q, %v", rest, err)
	}
	posted, err := c.Stream(t.Context(), "POST", a.URL+"/open/query", http.Header{"X-Own": {"mine"}}, bytes.NewReader([]byte("q")))
	if err != nil {
		t.Fatal(err)
	}
	defer posted.Body.Close()
	if body, _ := io.ReadAll(posted.Body); string(body) != "mine q" {
		t.Errorf("got %q", body)
	}
	_, err = c.Stream(t.Context(), "GET", group+"/none?api-version=v", nil, nil)
	if !arm.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}
