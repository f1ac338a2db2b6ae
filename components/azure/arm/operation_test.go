package arm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
)

const app = group + "/providers/Microsoft.App/containerApps/web"

// with answers with headers; AT in them is the server's URL.
func (a *azure) with(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], strings.ReplaceAll(headers[i+1], "AT", a.URL))
		}
		reply(w, status, body)
	}
}

// TestEveryStyleOfLongRunningOperation: each ends with the finished object, and
// asks no more than it needs.
func TestEveryStyleOfLongRunningOperation(t *testing.T) {
	t.Parallel()
	const (
		creating = `{"id":"x","properties":{"provisioningState":"InProgress"}}`
		done     = `{"id":"x","properties":{"provisioningState":"Succeeded"}}`
	)
	for name, tt := range map[string]struct {
		prepare func(a *azure)
		asked   int // requests in all
	}{
		"at once": {
			prepare: func(a *azure) { a.on("PUT", app, always(200, done)) }, asked: 1,
		},
		"without a state": {
			prepare: func(a *azure) { a.on("PUT", app, always(201, `{"id":"x"}`)) }, asked: 1,
		},
		"Azure-AsyncOperation": {
			prepare: func(a *azure) {
				a.on("PUT", app, a.with(201, creating, "Azure-AsyncOperation", "AT/op?api-version=v"))
				a.on("GET", "/op", inTurn(always(200, `{"status":"InProgress"}`), always(200, `{"status":"Succeeded"}`)))
				a.on("GET", app, always(200, done))
			}, asked: 4,
		},
		"Azure-AsyncOperation, relative, without api-version": {
			prepare: func(a *azure) {
				a.on("PUT", app, a.with(202, "", "Azure-AsyncOperation", "/op", "Location", "/where"))
				a.on("GET", "/op", always(200, `{"status":"Succeeded"}`))
				a.on("GET", app, always(200, done))
			}, asked: 3,
		},
		"Location": {
			prepare: func(a *azure) {
				a.on("PUT", app, a.with(202, "", "Location", "AT/where?api-version=v"))
				a.on("GET", "/where", inTurn(a.with(202, "", "Location", "/where2"), always(500, `{}`)))
				a.on("GET", "/where2", inTurn(always(202, ""), always(200, done)))
			}, asked: 4,
		},
		"the body's state": {
			prepare: func(a *azure) {
				a.on("PUT", app, always(201, creating))
				a.on("GET", app, inTurn(always(200, creating), always(200, done)))
			}, asked: 3,
		},
		"202 without a header": {
			prepare: func(a *azure) {
				a.on("PUT", app, always(202, creating))
				a.on("GET", app, always(200, done))
			}, asked: 2,
		},
		"201 with the object's own relative Location, as of identities": {
			prepare: func(a *azure) { a.on("PUT", app, a.with(201, done, "Location", app)) }, asked: 1,
		},
		"the same, not yet done": {
			prepare: func(a *azure) {
				a.on("PUT", app, a.with(201, creating, "Location", app))
				a.on("GET", app, inTurn(always(200, creating), always(200, done)))
			}, asked: 3,
		},
		"201 with a Location elsewhere that is no operation": {
			prepare: func(a *azure) { a.on("PUT", app, a.with(201, done, "Location", "https://elsewhere.example/x")) }, asked: 1,
		},
		"the look at it is throttled": {
			prepare: func(a *azure) {
				a.on("PUT", app, a.with(201, creating, "Azure-AsyncOperation", "AT/op"))
				a.on("GET", "/op", inTurn(always(429, `{}`), always(503, `{}`), always(200, `{"status":"Succeeded"}`)))
				a.on("GET", app, always(200, done))
			}, asked: 5,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			tt.prepare(a)
			c, _ := a.connect(t)
			got, err := c.Put(t.Context(), app, "2024-03-01", arm.Object{"location": "westeurope"})
			if err != nil || got["id"] != "x" {
				t.Errorf("got %v, %v", got, err)
			}
			if seen := a.seen(); len(seen) != tt.asked {
				t.Errorf("asked %d, want %d: %v", len(seen), tt.asked, seen)
			}
		})
	}
}

func TestAFailedOperationIsAccepted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(a *azure)
		code    string
		texts   []string
	}{
		"Azure-AsyncOperation": {func(a *azure) {
			a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
			a.on("GET", "/op", always(200, `{"status":"Failed","error":{"code":"ContainerAppOperationError","message":"Failed to provision revision","details":[{"code":"MANIFEST_UNKNOWN","message":"no image"}]}}`))
		}, "ContainerAppOperationError", []string{"Azure took the request, but its operation failed", "Failed to provision revision", "no image"}},
		"no reason": {func(a *azure) {
			a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
			a.on("GET", "/op", always(200, `{"status":"Canceled"}`))
		}, "OperationCanceled", []string{"Azure does not say why"}},
		"the body's state": {func(a *azure) {
			a.on("PUT", app, always(200, `{"properties":{"provisioningState":"Failed","provisioningError":"the subnet is full"}}`))
		}, "OperationFailed", []string{"the subnet is full"}},
		"the look at it is refused": {func(a *azure) {
			a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
			a.on("GET", "/op", always(403, `{"error":{"code":"AuthorizationFailed","message":"may not read"}}`))
		}, "AuthorizationFailed", []string{"may not read"}},
		"the operation is elsewhere": {func(a *azure) {
			a.on("PUT", app, a.with(202, ``, "Azure-AsyncOperation", "https://evil.example/op"))
		}, "", []string{"evil.example", "the token is not sent there"}},
		"the answer to a PUT that was taken is no JSON": {func(a *azure) {
			a.on("PUT", app, always(201, `<html>`))
		}, "", []string{"not JSON"}},
		"the answer to a PUT that was taken is empty": {func(a *azure) {
			a.on("PUT", app, always(200, ``))
		}, "", []string{"the answer is empty"}},
		"the status is no JSON": {func(a *azure) {
			a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
			a.on("GET", "/op", always(200, `<html>`))
		}, "", []string{"PUT " + app}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			tt.prepare(a)
			c, _ := a.connect(t)
			_, err := c.Put(t.Context(), app, "v", arm.Object{})
			contains(t, err, append(tt.texts, "Azure took the request")...)
			var e *arm.Error
			if !errors.As(err, &e) || !e.Accepted || e.Code != tt.code {
				t.Errorf("got %#v", err)
			}
			if arm.IsNotFound(err) {
				t.Error("something that exists is not found")
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(a *azure)
		asked   []string
	}{
		"not there":    {func(*azure) {}, []string{"DELETE " + app}},
		"at once":      {func(a *azure) { a.on("DELETE", app, always(204, "")) }, []string{"DELETE " + app}},
		"200, no body": {func(a *azure) { a.on("DELETE", app, always(200, "")) }, []string{"DELETE " + app}},
		"Location": {func(a *azure) {
			a.on("DELETE", app, a.with(202, "", "Location", "/where"))
			a.on("GET", "/where", inTurn(always(202, ""), always(204, "")))
		}, []string{"DELETE " + app, "GET /where", "GET /where"}},
		"the operation goes with the object": {func(a *azure) {
			a.on("DELETE", app, a.with(202, "", "Location", "/where"))
			a.on("GET", "/where", inTurn(always(202, ""), always(404, `{"error":{"code":"NotFound"}}`)))
		}, []string{"DELETE " + app, "GET /where", "GET /where"}},
		"no header": {func(a *azure) {
			a.on("DELETE", app, always(202, ""))
			a.on("GET", app, inTurn(always(200, `{"properties":{"provisioningState":"Deleting"}}`), always(404, `{}`)))
		}, []string{"DELETE " + app, "GET " + app, "GET " + app}},
		"busy, then gone": {func(a *azure) {
			a.on("DELETE", app, inTurn(always(409, `{"error":{"code":"ManagedEnvironmentOperationInProgress"}}`), always(404, `{}`)))
		}, []string{"DELETE " + app, "DELETE " + app}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			tt.prepare(a)
			c, _ := a.connect(t)
			if err := c.Delete(t.Context(), app, "v"); err != nil {
				t.Error(err)
			}
			if !slices.Equal(a.seen(), tt.asked) {
				t.Errorf("asked %v", a.seen())
			}
		})
	}
	t.Run("it fails", func(t *testing.T) {
		t.Parallel()
		a := newAzure(t)
		a.on("DELETE", app, a.with(202, "", "Azure-AsyncOperation", "/op"))
		a.on("GET", "/op", always(200, `{"status":"Failed","error":{"code":"InUse","message":"in use"}}`))
		c, _ := a.connect(t)
		if err := c.Delete(t.Context(), app, "v"); !arm.HasCode(err, "InUse") {
			t.Errorf("got %v", err)
		}
	})
}

func TestPost(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("POST", app+"/keys", always(200, `{"key1":"k"}`))
	a.on("POST", app+"/stop", always(200, ""))
	a.on("POST", app+"/start", a.with(202, `{"name":"run-1"}`, "Location", "/where"))
	a.on("GET", "/where", inTurn(always(202, ""), always(200, `{"name":"run-1","id":"r"}`)))
	a.on("POST", app+"/plain", always(202, `{"name":"run-2"}`))
	c, _ := a.connect(t)
	for path, want := range map[string]string{
		"/keys": `{"key1":"k"}`, "/stop": `{}`, "/start": `{"id":"r","name":"run-1"}`, "/plain": `{"name":"run-2"}`,
	} {
		got, err := c.Post(t.Context(), app+path, "v", nil)
		if err != nil || asJSON(t, got) != want {
			t.Errorf("%s: got %s, %v", path, asJSON(t, got), err)
		}
	}
}

func TestPollsAtAzuresPaceAndNotFasterThanTheFloor(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op", "Retry-After", "15"))
	a.on("GET", "/op", inTurn(
		a.with(200, `{"status":"InProgress"}`, "Retry-After-Ms", "20"),
		always(200, `{"status":"InProgress"}`), always(200, `{"status":"InProgress"}`), always(200, `{"status":"Succeeded"}`)))
	a.on("GET", app, always(200, `{"id":"x"}`))
	c, clock := a.connect(t, func(o *arm.Options) { o.Poll = 100 * time.Millisecond })
	if _, err := c.Put(t.Context(), app, "v", arm.Object{}); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{15 * time.Second, 100 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond}
	if !slices.Equal(clock.waits, want) {
		t.Errorf("waited %v, want %v", clock.waits, want)
	}
}

func TestAnOperationIsWaitedForWithinBounds(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
	a.on("GET", "/op", a.with(200, `{"status":"InProgress"}`, "Retry-After", "600"))
	c, clock := a.connect(t)
	_, err := c.Put(t.Context(), app, "v", arm.Object{})
	contains(t, err, "not ended it within 2h0m0s")
	if waited := clock.waited(); waited < 2*time.Hour || waited > 2*time.Hour+20*time.Minute {
		t.Errorf("waited %v", waited)
	}
}

func TestACancelledWaitSaysThatAzureGoesOn(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
	a.on("GET", "/op", always(200, `{"status":"InProgress"}`))
	ctx, cancel := context.WithCancelCause(t.Context())
	looks := 0
	c, _ := a.connect(t, func(o *arm.Options) {
		o.Sleep = func(ctx context.Context, _ time.Duration) error {
			if looks++; looks == 3 {
				cancel(fmt.Errorf("enough"))
			}
			return ctx.Err()
		}
	})
	_, err := c.Put(ctx, app, "v", arm.Object{})
	contains(t, err, "Azure goes on with it")
	var e *arm.Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || !e.Accepted {
		t.Errorf("got %#v", err)
	}
}
