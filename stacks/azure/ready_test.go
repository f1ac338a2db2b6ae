package azure_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
)

// served is an app behind a loopback address.
func served(t *testing.T, c *client, handler http.HandlerFunc) (text string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p := planOf(t, define())
	up(p, c, registryName(t))
	text = strings.Replace(app(p), "api.example.net", strings.TrimPrefix(server.URL, "http://"), 1)
	c.Has(apps+"/api", text)
	return text
}

func none(stacks.Event) {}

// An app is awaited until it answers its health check, and no longer.
func TestAwait(t *testing.T) {
	t.Parallel()
	target, c, k := newTarget()
	var asked atomic.Int32
	served(t, c, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked %s", r.URL.Path)
		}
		if asked.Add(1) < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	var done []stacks.Event
	if err := target.Await(t.Context(), planOf(t, define()), func(e stacks.Event) { done = append(done, e) }); err != nil || asked.Load() != 4 {
		t.Errorf("%v after %d", err, asked.Load())
	}
	if len(k.waited) != 3 || k.waited[0] >= k.waited[1] || len(done) != 1 || done[0].Resource != "api" || done[0].State != stacks.StateDone {
		t.Errorf("waited %v, %+v", k.waited, done)
	}
}

// A deadline says what it waited for and why last; what no waiting mends ends at once.
func TestAwaitInVain(t *testing.T) {
	t.Parallel()
	revisionPath := apps + "/api/revisions/api--r1"
	for name, c := range map[string]struct {
		change func(c *client, text string)
		status int
		want   string
		at     time.Duration // waited at least; 0: not at all
	}{
		"answers with an error": {func(*client, string) {}, 500, "it answers with status 500", time.Minute},
		"the ingress answers":   {func(*client, string) {}, 404, "the ingress does not know the app yet", time.Minute},
		"no app":                {func(c *client, _ string) { c.Forget(apps + "/api") }, 200, "not there yet", time.Minute},
		"pull is refused": {func(c *client, _ string) {
			c.Has(revisionPath, strings.Replace(revision, `"provisioningState":"Provisioned"`, `"provisioningState":"Failed","provisioningError":"unable to pull image using Managed identity"`, 1))
		}, 200, "no access to the registry", time.Minute},
		"image is missing": {func(c *client, _ string) {
			c.Has(revisionPath, strings.Replace(revision, `"provisioningState":"Provisioned"`, `"provisioningState":"Failed","provisioningError":"MANIFEST_UNKNOWN"`, 1))
		}, 200, "will not come up: the registry has no such image", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, client, k := newTarget()
			target.Deadline = time.Minute
			text := served(t, client, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				if c.status == 404 {
					_, _ = w.Write([]byte("Error 404 - This Container App is stopped or does not exist."))
				}
			})
			c.change(client, text)
			began := k.now()
			err := target.Await(t.Context(), planOf(t, define()), none)
			var notReady *azure.NotReadyError
			if !errors.As(err, &notReady) || !strings.Contains(err.Error(), c.want) || notReady.Hint() == "" {
				t.Fatalf("%v", err)
			}
			if waited := k.now().Sub(began); waited < c.at || c.at == 0 && waited > 0 {
				t.Errorf("waited %s", waited)
			}
		})
	}
}

// What only needs time is tried again, a bounded number of times.
func TestAgain(t *testing.T) {
	t.Parallel()
	text := func(s string) error { return errors.New("update failed: error: " + s) }
	for name, c := range map[string]struct {
		err   error
		tries int
		want  bool
	}{
		"pull":                   {text(`Code="ContainerAppOperationError" Message="unable to pull image using Managed identity"`), 1, true},
		"pull, too often":        {text("unable to pull image using Managed identity"), 7, false},
		"identity":               {&arm.Error{StatusCode: 400, Code: "PrincipalNotFound"}, 1, true},
		"busy":                   {&arm.Error{StatusCode: 409, Code: "RequestConflict", Message: "Another operation is being performed"}, 2, true},
		"quota":                  {&arm.Error{StatusCode: 400, Code: "InsufficientQuota"}, 1, false},
		"image is missing":       {text("MANIFEST_UNKNOWN"), 1, false},
		"Azure's fault":          {text("PUT x: Azure took the request, but its operation failed with InternalServerError: The operation failed. Please try again."), 3, true},
		"Azure's fault, lasting": {&arm.Error{StatusCode: 200, Accepted: true, Code: "InternalServerError"}, 4, false},
		"anything":               {text("something else"), 1, false},
		"soft-deleted, not ours": {&arm.Error{StatusCode: 409, Code: "FlagMustBeSetForRestore"}, 1, false},
	} {
		target, _, k := newTarget()
		var said []stacks.Event
		got := target.Again(t.Context(), planOf(t, define()), c.err, c.tries, func(e stacks.Event) { said = append(said, e) })
		if got != c.want || got != (len(said) == 1) || got != (len(k.waited) == 1) {
			t.Errorf("%s: %v, %+v, %v", name, got, said, k.waited)
		}
	}
	target, c, _ := newTarget()
	leftBehind(c)
	if !target.Again(t.Context(), planOf(t, define()), text("FlagMustBeSetForRestore"), 1, none) || len(c.Calls("DELETE")) != 2 {
		t.Errorf("purged %q", c.Calls("DELETE"))
	}
}
