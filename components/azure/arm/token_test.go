package arm_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
)

func TestATokenThatExpiresInTheMiddleIsRenewed(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("PUT", app, a.with(201, `{}`, "Azure-AsyncOperation", "AT/op"))
	a.on("GET", "/op", inTurn(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.refused[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")] = true
		a.mu.Unlock()
		reply(w, 200, `{"status":"InProgress"}`)
	}, always(200, `{"status":"Succeeded"}`)))
	a.on("GET", app, always(200, `{"id":"x"}`))
	c, _ := a.connect(t)
	if _, err := c.Put(t.Context(), app, "v", arm.Object{}); err != nil {
		t.Fatal(err)
	}
	if n := len(a.forms()); n != 2 {
		t.Errorf("asked Entra %d times for a token, want 2", n)
	}
}

func TestATokenThatIsNeverTakenIsAskedForTwiceOnly(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	a.on("GET", app, always(401, `{"error":{"code":"InvalidAuthenticationToken","message":"The received access token is not valid."}}`))
	c, _ := a.connect(t)
	_, err := c.Get(t.Context(), app, "v")
	contains(t, err, "401 InvalidAuthenticationToken", "check that the credential, a client secret (ARM_CLIENT_SECRET), is still valid")
	if n := len(a.forms()); n != 2 {
		t.Errorf("asked Entra %d times for a token, want 2", n)
	}
}

func TestAClockThatIsOffIsSaid(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		off  time.Duration
		want string
	}{
		"behind": {-3 * time.Hour, "this computer's clock is 3h0m"},
		"ahead":  {20 * time.Minute, "ahead of Azure's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on("GET", app, always(401, `{"error":{"code":"InvalidAuthenticationToken","message":"not yet valid"}}`))
			off := func(o *arm.Options) { o.Now = func() time.Time { return time.Now().Add(tt.off) } }
			c, _ := a.connect(t, off)
			_, err := c.Get(t.Context(), app, "v")
			contains(t, err, tt.want, "timedatectl set-ntp true")

			a.entra = func(url.Values) (int, string) {
				return 401, `{"error":"invalid_client","error_description":"AADSTS700024: Client assertion is not within its valid time range.\r\nTrace ID: 1"}`
			}
			c, _ = a.connect(t, off)
			_, err = c.Get(t.Context(), app, "v")
			contains(t, err, tt.want, "AADSTS700024", "timedatectl set-ntp true")
			var credential *arm.CredentialError
			if !errors.As(err, &credential) {
				t.Errorf("got %T", err)
			}
		})
	}
}

func TestTokensOfDataPlanesAreKept(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	c, clock := a.connect(t)
	for range 3 {
		token, err := c.Token(t.Context(), c.Cloud().LogAnalyticsScope())
		if err != nil || token.Token != accessToken(1) {
			t.Fatalf("got %v, %v", token, err)
		}
	}
	if scope := a.forms()[0].Get("scope"); !strings.HasPrefix(scope, "https://api.loganalytics.io/.default") {
		t.Errorf("asked for %q", scope)
	}
	clock.now = clock.now.Add(2 * time.Hour)
	id, err := c.Identity(t.Context())
	if err != nil || id != (arm.Identity{Tenant: tenant, Object: "object-1", Client: client}) {
		t.Errorf("got %+v, %v", id, err)
	}
}

func TestAProviderThatIsNotRegisteredIsRegistered(t *testing.T) {
	t.Parallel()
	const missing = `{"error":{"code":"MissingSubscriptionRegistration","message":"The subscription is not registered to use namespace 'Microsoft.App'."}}`
	register := "/subscriptions/" + subscription + "/providers/Microsoft.App"
	t.Run("it works", func(t *testing.T) {
		t.Parallel()
		a := newAzure(t)
		a.on("PUT", app, inTurn(always(409, missing), always(200, `{"id":"x"}`)))
		a.on("POST", register+"/register", always(200, `{"registrationState":"Registering"}`))
		a.on("GET", register, inTurn(always(200, `{"registrationState":"Registering"}`), always(200, `{"registrationState":"Registered"}`)))
		c, _ := a.connect(t, func(o *arm.Options) { o.Poll = time.Millisecond })
		if got, err := c.Put(t.Context(), app, "v", arm.Object{}); err != nil || got["id"] != "x" {
			t.Errorf("got %v, %v; asked %v", got, err, a.seen())
		}
	})
	t.Run("it is forbidden", func(t *testing.T) {
		t.Parallel()
		a := newAzure(t)
		a.on("PUT", app, always(409, missing))
		a.on("POST", register+"/register", always(403, `{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization to perform action 'Microsoft.App/register/action'."}}`))
		c, _ := a.connect(t)
		_, err := c.Put(t.Context(), app, "v", arm.Object{})
		contains(t, err, "409 MissingSubscriptionRegistration", "envctl asked to register it: 403 AuthorizationFailed",
			"az provider register --wait --subscription "+subscription+" --namespace Microsoft.App")
	})
}

func TestRefusalsSayHowToMend(t *testing.T) {
	t.Parallel()
	for code, tt := range map[string]struct {
		status int
		want   string
	}{
		"SubscriptionNotFound":             {404, "`az account list --output table`"},
		"InvalidSubscriptionId":            {400, "this login does not know the subscription " + subscription},
		"AuthorizationFailed":              {403, "ask for a role that allows it"},
		"InvalidAuthenticationTokenTenant": {401, "the login is for another tenant"},
		"ReadOnlyDisabledSubscription":     {409, "the subscription is disabled"},
		"RequestDisallowedByPolicy":        {403, "a policy of the organisation forbids it"},
		"ScopeLocked":                      {409, "`az lock list`"},
		"ResourceGroupBeingDeleted":        {409, "wait until the group is gone"},
		"InvalidResourceType":              {400, "ARM_ENVIRONMENT is public"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on("PUT", app, always(tt.status, fmt.Sprintf(`{"error":{"code":%q,"message":"because"}}`, code)))
			c, _ := a.connect(t)
			_, err := c.Put(t.Context(), app, "v", arm.Object{})
			contains(t, err, code, "because", tt.want)
		})
	}
}
