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
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
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
