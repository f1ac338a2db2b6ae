package arm_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
)

// TestTheDefaultChain and the tests of the az command change the process's
// environment, as azidentity and az read that.
func TestTheDefaultChain(t *testing.T) {
	a := newAzure(t)
	t.Setenv("AZURE_CLIENT_ID", client)
	t.Setenv("AZURE_TENANT_ID", tenant)
	t.Setenv("AZURE_CLIENT_SECRET", "of the chain")
	if err := a.use(t, map[string]string{"ARM_USE_DEFAULT_AZURE_CREDENTIAL": "true", "ARM_CLIENT_SECRET": "not used"}); err != nil {
		t.Fatal(err)
	}
	if got := a.forms()[0].Get("client_secret"); got != "of the chain" {
		t.Errorf("sent %q", got)
	}
}

// fakeAZ puts an az command on the path.
func fakeAZ(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte("#!/bin/sh\necho \"$*\" >> "+dir+"/log\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/bin:/usr/bin")
	t.Setenv("AZ_LOG", filepath.Join(dir, "log"))
}

func TestTheAZCommand(t *testing.T) {
	expires := time.Now().Add(time.Hour)
	token, err := json.Marshal(map[string]any{"accessToken": accessToken(7), "expires_on": expires.Unix(), "expiresOn": expires.Format("2006-01-02 15:04:05.000000")})
	if err != nil {
		t.Fatal(err)
	}
	login := `case "$2" in
show) echo '{"id":"` + subscription + `","tenantId":"` + tenant + `","user":{"name":"a@b"}}';;
get-access-token) echo '` + string(token) + `';;
esac
`
	none := map[string]string{"ARM_CLIENT_ID": "", "ARM_TENANT_ID": "", "ARM_SUBSCRIPTION_ID": ""}
	t.Run("it is logged in", func(t *testing.T) {
		fakeAZ(t, login)
		a := newAzure(t)
		c, err := arm.Connect(t.Context(), arm.Options{Getenv: a.environ(none)})
		if err != nil || c.Subscription() != subscription || c.Tenant() != tenant {
			t.Fatalf("got %+v, %v", c, err)
		}
		a.on("GET", group, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+accessToken(7) {
				t.Error("not az's token")
			}
			reply(w, 200, `{}`)
		})
		for range 3 {
			if _, err := c.Get(t.Context(), group, "v"); err != nil {
				t.Fatal(err)
			}
		}
		log, err := os.ReadFile(os.Getenv("AZ_LOG"))
		if got := strings.Count(string(log), "get-access-token"); err != nil || got != 1 {
			t.Errorf("az was asked for %d tokens:\n%s", got, log)
		}
	})
	t.Run("the subscription is given", func(t *testing.T) {
		fakeAZ(t, login)
		a := newAzure(t)
		if err := a.use(t, map[string]string{"ARM_CLIENT_ID": "", "ARM_TENANT_ID": ""}); err != nil {
			t.Fatal(err)
		}
		log, _ := os.ReadFile(os.Getenv("AZ_LOG"))
		for _, want := range []string{"account show --output json --subscription " + subscription, "--subscription " + subscription} {
			if !strings.Contains(string(log), want) {
				t.Errorf("az was not asked with %q:\n%s", want, log)
			}
		}
	})
	for name, tt := range map[string]struct {
		script string
		want   []string
	}{
		"it is not logged in":  {"echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1\n", []string{"the az command is not logged in", "run `az login`"}},
		"the login expired":    {"echo 'ERROR: AADSTS70043: The refresh token has expired' >&2; exit 1\n", []string{"the az command is not logged in", "AADSTS70043"}},
		"no such subscription": {"echo \"ERROR: The subscription of 'x' doesn't exist in cloud 'AzureCloud'.\" >&2; exit 1\n", []string{"has no such subscription", "az account list"}},
		"it says nothing":      {"exit 0\n", []string{"named no subscription", "az account set"}},
	} {
		t.Run(name, func(t *testing.T) {
			fakeAZ(t, tt.script)
			err := newAzure(t).use(t, none)
			contains(t, err, tt.want...)
			var e *arm.CredentialError
			if !errors.As(err, &e) || e.Kind != "az" {
				t.Errorf("got %#v", err)
			}
		})
	}
	t.Run("there is none", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		contains(t, newAzure(t).use(t, none), "there is no credential for Azure", "run `az login`, or set ARM_CLIENT_ID")
	})
	t.Run("it is not used where another is configured", func(t *testing.T) {
		fakeAZ(t, login)
		a := newAzure(t)
		a.entra = func(url.Values) (int, string) {
			return 401, `{"error":"invalid_client","error_description":"AADSTS7000215: no"}`
		}
		contains(t, a.use(t, map[string]string{"ARM_CLIENT_SECRET": "wrong"}), "the client secret is wrong")
		if _, err := os.Stat(os.Getenv("AZ_LOG")); err == nil {
			t.Error("az was asked")
		}
	})
}
