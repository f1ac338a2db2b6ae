package redact_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/arm/redact"
)

const token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2ln"

func text(v any) string {
	if raw, ok := v.(json.RawMessage); ok {
		return string(raw)
	}
	return fmt.Sprint(v)
}

func TestBody(t *testing.T) {
	t.Parallel()
	r := redact.New("literal-secret", "tiny")
	for name, tt := range map[string]struct{ contentType, in, want string }{
		"nothing":            {"", "", ""},
		"secrets of an app":  {"application/json", `{"secrets":[{"name":"a","value":"v"}],"value":"kept"}`, `{"secrets":[{"name":"a","value":"REDACTED"}],"value":"kept"}`},
		"environment":        {"application/json", `{"env":[{"name":"A","value":"v"},{"name":"B","secretRef":"b"}]}`, `{"env":[{"name":"A","value":"REDACTED"},{"name":"B","secretRef":"b"}]}`},
		"storage keys":       {"application/json", `{"keys":[{"keyName":"key1","value":"k","permissions":"FULL"}]}`, `{"keys":[{"keyName":"key1","permissions":"FULL","value":"REDACTED"}]}`},
		"a mounted share":    {"application/json", `{"properties":{"azureFile":{"accountKey":"k","accountName":"a"}}}`, `{"properties":{"azureFile":{"accountKey":"REDACTED","accountName":"a"}}}`},
		"a signature":        {"application/json", `{"serviceSasToken":"sv=1&sig=x"}`, `{"serviceSasToken":"REDACTED"}`},
		"keys":               {"application/json", `{"key1":"k","primarySharedKey":"k","sharedKey":"k","customerId":"c"}`, `{"customerId":"c","key1":"REDACTED","primarySharedKey":"REDACTED","sharedKey":"REDACTED"}`},
		"passwords":          {"application/json", `{"passwords":[{"name":"p","value":"v"}],"passwordSecretRef":"ref"}`, `{"passwordSecretRef":"ref","passwords":[{"name":"p","value":"REDACTED"}]}`},
		"Entra's answer":     {"application/json", `{"token_type":"Bearer","access_token":"t","refresh_token":"r","expires_in":3599}`, `{"access_token":"REDACTED","expires_in":3599,"refresh_token":"REDACTED","token_type":"Bearer"}`},
		"Entra's endpoints":  {"application/json", `{"token_endpoint":"https://a/t","authorization_endpoint":"https://a/a"}`, `{"authorization_endpoint":"https://a/a","token_endpoint":"https://a/t"}`},
		"connection strings": {"application/json", `{"connectionString":"Endpoint=x","x":"AccountKey=abc;y"}`, `{"connectionString":"REDACTED","x":"REDACTED;y"}`},
		"not text":           {"application/json", `{"disableLocalAuth":true,"maxTokens":5,"key":null}`, `{"disableLocalAuth":true,"key":null,"maxTokens":5}`},
		"big numbers":        {"application/json", `{"n":12345678901234567890}`, `{"n":12345678901234567890}`},
		"a token anywhere":   {"application/json", `{"message":"sent ` + token + ` to x"}`, `{"message":"sent REDACTED to x"}`},
		"an error":           {"application/json", `{"error":{"code":"X","message":"m"}}`, `{"error":{"code":"X","message":"m"}}`},
		"a literal":          {"text/plain", "it is literal-secret, tiny", "it is REDACTED, tiny"},
		"a form":             {"application/x-www-form-urlencoded", "client_secret=s&grant_type=client_credentials&client_assertion=" + token, "client_assertion=REDACTED&client_secret=REDACTED&grant_type=client_credentials"},
		"a broken form":      {"application/x-www-form-urlencoded", "a=%zz&client_secret=s", "REDACTED"},
		"text":               {"text/plain", "Authorization: Bearer abcdefghijklmnopqrst1234 and ?sig=abc%3D&x", "Authorization: REDACTED and ?REDACTED&x"},
		"a private key":      {"text/plain", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "REDACTED"},
		"an account key":     {"text/plain", "k " + strings.Repeat("A", 86) + "==", "k REDACTED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := text(r.Body(tt.contentType, []byte(tt.in))); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	got := redact.New().Header(http.Header{
		"Authorization": {"Bearer x"}, "X-Ms-Authorization-Auxiliary": {"Bearer y"}, "Set-Cookie": {"a=b"}, "X-Identity-Header": {"z"}, "Metadata": {"true"},
		"Content-Type": {"application/json"}, "X-Ms-Request-Id": {"id"}, "Retry-After": {"5"},
		"Location": {"https://a/op?api-version=v&t=1&s=signature"}, "Www-Authenticate": {`Bearer realm="https://r",error="x" Bearer abcdefghijklmnopqrst1234`},
	})
	want := http.Header{
		"Authorization": {"REDACTED"}, "X-Ms-Authorization-Auxiliary": {"REDACTED"}, "Set-Cookie": {"REDACTED"}, "X-Identity-Header": {"REDACTED"}, "Metadata": {"REDACTED"},
		"Content-Type": {"application/json"}, "X-Ms-Request-Id": {"id"}, "Retry-After": {"5"},
		"Location": {"https://a/op?api-version=v&s=REDACTED&t=REDACTED"}, "Www-Authenticate": {`Bearer realm="https://r",error="x" REDACTED`},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	r := redact.New()
	for in, want := range map[string]string{
		"https://a/x?api-version=v&$filter=n%20eq%201":  "https://a/x?%24filter=n+eq+1&api-version=v",
		"https://u:p@a/x#frag":                          "https://REDACTED@a/x",
		"https://a/b?sig=s%3D&sig=t":                    "https://a/b?sig=REDACTED&sig=REDACTED",
		"https://a/get/" + token + "/x":                 "https://a/get/REDACTED/x",
		"/x?code=1":                                     "/x?code=REDACTED",
		"https://a/x?service=s&scope=repository:a:pull": "https://a/x?scope=repository%3Aa%3Apull&service=s",
		"%zz": "REDACTED",
	} {
		got := r.URL(in)
		if got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
		if again := r.URL(got); again != got {
			t.Errorf("%s: a second time gives %s", got, again)
		}
	}
}

// FuzzBody: no body panics, JSON stays JSON, and no signed token survives.
func FuzzBody(f *testing.F) {
	f.Add("application/json", []byte(`{"secrets":[{"value":"x"}],"a":[1,null,"`+token+`"]}`))
	f.Add("text/plain", []byte(token))
	f.Add("application/x-www-form-urlencoded", []byte("a=b&a=c"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		out := redact.New("0123456789").Body(contentType, body)
		if raw, ok := out.(json.RawMessage); ok && !json.Valid(raw) {
			t.Errorf("%q became %q", body, raw)
		}
		if strings.Contains(text(out), token) {
			t.Errorf("the token survived in %q", out)
		}
	})
}
