package arm_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/envctl/envctl/components/azure/arm"
)

// use connects with an environment and sends one request.
func (a *azure) use(t *testing.T, env map[string]string, change ...func(*arm.Options)) error {
	t.Helper()
	a.on("GET", group, always(200, `{"id":"x"}`))
	clock := newClock()
	o := arm.Options{Getenv: a.environ(env), Now: clock.Now, Sleep: clock.Sleep}
	for _, f := range change {
		f(&o)
	}
	c, err := arm.Connect(t.Context(), o)
	if err != nil {
		return err
	}
	_, err = c.Get(t.Context(), group, "v")
	return err
}

func TestClientSecret(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	if err := a.use(t, map[string]string{"ARM_CLIENT_SECRET": "s3cret"}); err != nil {
		t.Fatal(err)
	}
	form := a.forms()[0]
	if form.Get("client_secret") != "s3cret" || form.Get("client_id") != client || form.Get("grant_type") != "client_credentials" ||
		!strings.HasPrefix(form.Get("scope"), "https://management.core.windows.net//.default") {
		t.Errorf("sent %v", form)
	}
}

func TestEntrasRefusalsInWords(t *testing.T) {
	t.Parallel()
	for code, want := range map[string][]string{
		"AADSTS7000215":  {"the client secret is wrong", "not its ID"},
		"AADSTS7000222":  {"the client secret has expired", "az ad app credential reset"},
		"AADSTS700016":   {"the tenant does not know the application", "correct ARM_CLIENT_ID"},
		"AADSTS90002":    {"there is no such tenant", "correct ARM_TENANT_ID"},
		"AADSTS53003":    {"conditional access"},
		"AADSTS99999999": {"Entra gave no token for a client secret", "check ARM_CLIENT_ID"},
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.entra = func(url.Values) (int, string) {
				return 401, fmt.Sprintf(`{"error":"invalid_client","error_description":"%s: It is so.\r\nTrace ID: abc\r\nTimestamp: now","error_codes":[1]}`, code)
			}
			err := a.use(t, map[string]string{"ARM_CLIENT_SECRET": "s3cret-value"})
			contains(t, err, append(want, code+": It is so")...)
			var e *arm.CredentialError
			if !errors.As(err, &e) || e.Kind != "secret" {
				t.Errorf("got %#v", err)
			}
			for _, never := range []string{"s3cret-value", "Trace ID", "-----"} {
				if strings.Contains(err.Error(), never) {
					t.Errorf("the error has %q: %v", never, err)
				}
			}
			if n := len(a.forms()); n != 1 {
				t.Errorf("asked Entra %d times", n)
			}
		})
	}
}

func TestEntraThatIsNotAvailableIsAskedAgain(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	n := 0
	a.entra = func(url.Values) (int, string) {
		if n++; n < 3 {
			return 429, `{}`
		}
		return 0, ""
	}
	if err := a.use(t, map[string]string{"ARM_CLIENT_SECRET": "s3cret"}); err != nil {
		t.Fatal(err)
	}
	if n != 3 {
		t.Errorf("asked %d times", n)
	}
}

func TestEntraThatIsNotReached(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	err := a.use(t, map[string]string{"ARM_CLIENT_SECRET": "s3cret", "ENVCTL_AZURE_AUTHORITY": "https://127.0.0.1:1"})
	contains(t, err, "the request for a token, https://127.0.0.1:1", "Azure was not reached", "connection refused")
	err = a.use(t, map[string]string{"ARM_CLIENT_SECRET": "s3cret", "ENVCTL_AZURE_CA_FILE": ""})
	contains(t, err, "certificate is not trusted", "ENVCTL_AZURE_CA_FILE")
}

// certificate is a key and its certificate, self-signed.
func certificate(t *testing.T) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lab"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func TestClientCertificate(t *testing.T) {
	t.Parallel()
	key, cert := certificate(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var both bytes.Buffer
	pem.Encode(&both, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	pem.Encode(&both, &pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	pfx := func(e *pkcs12.Encoder, password string) []byte {
		data, err := e.Encode(key, cert, nil, password)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, tt := range map[string]struct {
		data     []byte
		password string
		want     []string // of the error; none: it works
	}{
		"PEM":                     {both.Bytes(), "", nil},
		"PFX of old":              {pfx(pkcs12.LegacyRC2, "pässword"), "pässword", nil},
		"PFX as by OpenSSL 3":     {pfx(pkcs12.Modern2023, "password"), "password", nil},
		"PFX without a password":  {pfx(pkcs12.Modern2023, ""), "", nil},
		"wrong password":          {pfx(pkcs12.Modern2023, "password"), "other", []string{"its password is wrong", "correct ARM_CLIENT_CERTIFICATE_PASSWORD"}},
		"no password":             {pfx(pkcs12.Modern2023, "password"), "", []string{"it has a password", "set ARM_CLIENT_CERTIFICATE_PASSWORD"}},
		"PEM without a key":       {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), "", []string{"cannot be used", "private key"}},
		"something else entirely": {[]byte("hello"), "", []string{"cannot be used", "PFX"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			path := filepath.Join(t.TempDir(), "cert")
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			err := a.use(t, map[string]string{"ARM_CLIENT_CERTIFICATE_PATH": path, "ARM_CLIENT_CERTIFICATE_PASSWORD": tt.password,
				"ARM_CLIENT_SECRET": "not used"})
			if tt.want != nil {
				contains(t, err, append(tt.want, path)...)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			verifyAssertion(t, a.forms()[0].Get("client_assertion"), &key.PublicKey)
		})
	}
	a := newAzure(t)
	contains(t, a.use(t, map[string]string{"ARM_CLIENT_CERTIFICATE_PATH": "/no/such"}), "/no/such", "cannot be read")
}

// verifyAssertion holds that a token was signed by the key.
func verifyAssertion(t *testing.T, token string, key *rsa.PublicKey) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no signed token", token)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil &&
		rsa.VerifyPSS(key, crypto.SHA256, sum[:], signature, nil) != nil {
		t.Error("the assertion is not signed by the certificate's key")
	}
}

func TestAKeyThatEntraDoesNotTake(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, cert := certificate(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cert.pem")
	data := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	err = newAzure(t).use(t, map[string]string{"ARM_CLIENT_CERTIFICATE_PATH": path})
	var e *arm.CredentialError
	if !errors.As(err, &e) || e.Kind != "certificate" {
		t.Errorf("got %v", err)
	}
}

func TestFederatedTokens(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		env  map[string]string
		want string // assertion
		err  []string
	}{
		"given":                     {map[string]string{"ARM_OIDC_TOKEN": "given", "ARM_OIDC_TOKEN_FILE_PATH": file}, "given", nil},
		"file":                      {map[string]string{"ARM_OIDC_TOKEN_FILE_PATH": file}, "from-a-file", nil},
		"empty":                     {map[string]string{"ARM_OIDC_TOKEN_FILE_PATH": empty}, "", []string{"ARM_OIDC_TOKEN_FILE_PATH", "is empty"}},
		"no file":                   {map[string]string{"ARM_OIDC_TOKEN_FILE_PATH": "/no/such"}, "", []string{"ARM_OIDC_TOKEN_FILE_PATH", "/no/such"}},
		"nothing":                   {nil, "", []string{"there is no federated token", "id-token: write"}},
		"GitHub":                    {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/github?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gh-bearer"}, "of-github", nil},
		"GitHub by its other names": {map[string]string{"ARM_OIDC_REQUEST_URL": "AT/open/github?x=1", "ARM_OIDC_REQUEST_TOKEN": "gh-bearer"}, "of-github", nil},
		"GitHub, no bearer":         {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/github"}, "", []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set", "id-token: write"}},
		"GitHub, wrong bearer":      {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/github", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong-bearer"}, "", []string{"GitHub gave no federated token", "401", "nope"}},
		"GitHub, no token":          {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "AT/open/none", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "gh-bearer"}, "", []string{"its answer has no token"}},
		"DevOps": {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops", "SYSTEM_ACCESSTOKEN": "ado-bearer",
			"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "connection-1"}, "of-devops", nil},
		"DevOps, no bearer":     {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops"}, "", []string{"SYSTEM_ACCESSTOKEN is not set", "$(System.AccessToken)"}},
		"DevOps, no connection": {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops", "SYSTEM_ACCESSTOKEN": "ado-bearer"}, "", []string{"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID is not set"}},
		"DevOps, wrong connection": {map[string]string{"SYSTEM_OIDCREQUESTURI": "AT/open/devops", "SYSTEM_ACCESSTOKEN": "ado-bearer",
			"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "other"}, "", []string{"Azure DevOps gave no federated token", "service connection"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			a.on("GET", "/open/github", func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer gh-bearer" || r.URL.Query().Get("audience") != "api://AzureADTokenExchange" || r.URL.Query().Get("x") != "1" {
					reply(w, 401, "nope")
					return
				}
				reply(w, 200, `{"value":"of-github"}`)
			})
			a.on("GET", "/open/none", always(200, `{}`))
			a.on("POST", "/open/devops", func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if r.Header.Get("Authorization") != "Bearer ado-bearer" || q.Get("api-version") != "7.1" || q.Get("serviceConnectionId") != "connection-1" {
					reply(w, 404, "no such connection")
					return
				}
				reply(w, 200, `{"oidcToken":"of-devops"}`)
			})
			env := map[string]string{"ARM_USE_OIDC": "true"}
			for k, v := range tt.env {
				env[k] = strings.ReplaceAll(v, "AT", a.URL)
				if !strings.HasPrefix(v, "AT/") {
					env[k] = v
				}
			}
			err := a.use(t, env)
			if tt.err != nil {
				contains(t, err, tt.err...)
				var e *arm.CredentialError
				if !errors.As(err, &e) || e.Kind != "oidc" {
					t.Errorf("got %#v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := a.forms()[0].Get("client_assertion"); got != tt.want {
				t.Errorf("the assertion is %q, want %q", got, tt.want)
			}
		})
	}
}

// metadata is a transport that leads the metadata service's address to a handler.
type metadata struct {
	next   http.RoundTripper
	handle func(*http.Request) *http.Response
}

func (m metadata) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "169.254.169.254" {
		return m.handle(r), nil
	}
	return m.next.RoundTrip(r)
}

func TestManagedIdentity(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	asked := url.Values{}
	answer := func(status int, body string) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			asked = r.URL.Query()
			if r.Header.Get("Metadata") != "true" {
				status = 500
			}
			return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {"application/json"}},
				Body: io.NopCloser(strings.NewReader(body)), Request: r}
		}
	}
	through := func(h func(*http.Request) *http.Response) func(*arm.Options) {
		return func(o *arm.Options) { o.Transport = metadata{a.Client().Transport, h} }
	}
	expires := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	body := asJSON(t, map[string]string{"access_token": accessToken(1), "expires_on": expires, "expires_in": "3600", "token_type": "Bearer", "resource": "x"})
	if err := a.use(t, map[string]string{"ARM_USE_MSI": "true", "ARM_TENANT_ID": ""}, through(answer(200, body))); err != nil {
		t.Fatal(err)
	}
	if asked.Get("client_id") != client || asked.Get("resource") != "https://management.core.windows.net/" {
		t.Errorf("asked for %v", asked)
	}
	// Another identity, as tokens of managed identities are kept for the whole process.
	err := a.use(t, map[string]string{"ARM_USE_MSI": "true", "ARM_CLIENT_ID": tenant}, through(answer(400, `{"error":"invalid_request","error_description":"Identity not found"}`)))
	contains(t, err, "there is no token of a managed identity", "outside of Azure unset ARM_USE_MSI")
}

func TestTheEnvironmentMustBeWhole(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"no tenant":         {map[string]string{"ARM_CLIENT_SECRET": "s", "ARM_TENANT_ID": ""}, []string{"ARM_TENANT_ID is not set", "a client secret"}},
		"no client":         {map[string]string{"ARM_CLIENT_SECRET": "s", "ARM_CLIENT_ID": ""}, []string{"ARM_CLIENT_ID is not set"}},
		"no subscription":   {map[string]string{"ARM_USE_MSI": "true", "ARM_SUBSCRIPTION_ID": ""}, []string{"ARM_SUBSCRIPTION_ID is not set", "ARM_USE_MSI"}},
		"odd subscription":  {map[string]string{"ARM_SUBSCRIPTION_ID": "my subscription"}, []string{`ARM_SUBSCRIPTION_ID is "my subscription"`, "az account list"}},
		"odd tenant":        {map[string]string{"ARM_TENANT_ID": "a/b"}, []string{`ARM_TENANT_ID is "a/b"`}},
		"odd flag":          {map[string]string{"ARM_USE_OIDC": "yes please"}, []string{`ARM_USE_OIDC is "yes please"`, "true or false"}},
		"odd cloud":         {map[string]string{"ARM_ENVIRONMENT": "germany"}, []string{`ARM_ENVIRONMENT is "germany"`, "usgovernment"}},
		"http":              {map[string]string{"ENVCTL_AZURE_RESOURCE_MANAGER": "http://127.0.0.1"}, []string{`ENVCTL_AZURE_RESOURCE_MANAGER is "http://127.0.0.1"`, "https"}},
		"odd authority":     {map[string]string{"ENVCTL_AZURE_AUTHORITY": "login"}, []string{`ENVCTL_AZURE_AUTHORITY is "login"`}},
		"no CA file":        {map[string]string{"ENVCTL_AZURE_CA_FILE": "/no/such", "ARM_CLIENT_SECRET": "s"}, []string{"ENVCTL_AZURE_CA_FILE", "/no/such"}},
		"not a certificate": {map[string]string{"ENVCTL_AZURE_CA_FILE": "credentials_test.go", "ARM_CLIENT_SECRET": "s"}, []string{"has no certificate"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			contains(t, a.use(t, tt.env), tt.want...)
			if len(a.seen()) > 0 || len(a.forms()) > 0 {
				t.Error("something was asked before")
			}
		})
	}
}

func TestClouds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][4]string{
		"":             {"https://management.azure.com", "https://login.microsoftonline.com", "azurecr.io", "https://management.core.windows.net//.default"},
		"public":       {"https://management.azure.com", "https://login.microsoftonline.com", "azurecr.io", "https://management.core.windows.net//.default"},
		"usgovernment": {"https://management.usgovcloudapi.net", "https://login.microsoftonline.us", "azurecr.us", "https://management.core.usgovcloudapi.net//.default"},
		"China":        {"https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn", "azurecr.cn", "https://management.core.chinacloudapi.cn//.default"},
	} {
		c, err := arm.Connect(t.Context(), arm.Options{Subscription: strings.ToUpper(subscription), Tenant: "lab.example", Getenv: func(key string) string {
			return map[string]string{"ARM_ENVIRONMENT": name, "ARM_CLIENT_ID": client, "ARM_CLIENT_SECRET": "s", "ARM_SUBSCRIPTION_ID": tenant}[key]
		}})
		if err != nil {
			t.Fatal(err)
		}
		cloud := c.Cloud()
		got := [4]string{c.Endpoint(), cloud.Authority(), cloud.RegistrySuffix, cloud.ManagementScope()}
		if got != want || c.Subscription() != subscription || c.Tenant() != "lab.example" || c.Simulated() {
			t.Errorf("%q: got %v, %s, %s", name, got, c.Subscription(), c.Tenant())
		}
	}
}

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
