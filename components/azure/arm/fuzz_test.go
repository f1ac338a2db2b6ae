package arm

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzOperationURL: whatever a header has, the token goes to Resource Manager
// only, over https, with an api-version.
func FuzzOperationURL(f *testing.F) {
	for _, seed := range []string{
		"https://management.azure.com/subscriptions/x/operations/1?api-version=2024-03-01", "/subscriptions/x", "op", "?a=b", "",
		"//evil.example/x", "https://evil.example/", "https://management.azure.com@evil.example/", "http://management.azure.com/",
		"https://westeurope.management.azure.com/x", "https://management.azure.com.evil.example/", "https://evilmanagement.azure.com/",
		"https://user:pw@management.azure.com/", "HTTPS://MANAGEMENT.AZURE.COM/X", "https://management.azure.com:444/x", "https://management.azure.com:443/x", "\x00", "%zz", "https://[::1",
	} {
		f.Add(seed)
	}
	endpoint, err := url.Parse("https://management.azure.com")
	if err != nil {
		f.Fatal(err)
	}
	request, err := url.Parse("https://management.azure.com/subscriptions/s/x?api-version=2020-01-01")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		fixed, err := operationURLs{endpoint}.fix(header, request)
		if err != nil {
			return
		}
		u, err := url.Parse(fixed)
		if err != nil {
			t.Fatalf("%q became %q, which is no URL", header, fixed)
		}
		host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ":")
		if u.Scheme != "https" || u.User != nil || host != "management.azure.com" && !strings.HasSuffix(host, ".management.azure.com") {
			t.Errorf("%q became %q", header, fixed)
		}
		if u.Query().Get("api-version") == "" {
			t.Errorf("%q became %q, without an api-version", header, fixed)
		}
	})
}

func TestOperationURLs(t *testing.T) {
	t.Parallel()
	endpoint, request := &url.URL{Scheme: "https", Host: "management.azure.com"}, &url.URL{Scheme: "https", Host: "management.azure.com", Path: "/s/x", RawQuery: "api-version=v1"}
	for header, want := range map[string]string{
		"https://management.azure.com:443/op?api-version=v2&t=1": "https://management.azure.com:443/op?api-version=v2&t=1",
		"https://westeurope.management.azure.com/op":             "https://westeurope.management.azure.com/op?api-version=v1",
		"/op":                                  "https://management.azure.com/op?api-version=v1",
		"y":                                    "https://management.azure.com/s/y?api-version=v1",
		"https://management.azure.com:444/op":  "",
		"https://evilmanagement.azure.com/op":  "",
		"http://management.azure.com/op":       "",
		"//evil.example/op":                    "",
		"https://a:b@management.azure.com/op":  "",
		"https://management.azure.com.evil/op": "",
	} {
		got, err := operationURLs{endpoint}.fix(header, request)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", header, got, err)
		}
	}
}

// FuzzAnswers: no body of an answer panics, makes an endless error, or fails
// silently: a refusal always has a text, and no line of it is broken.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"error":{"code":"A","message":"b","details":[{"code":"C"}],"target":"t"}}`, `{"code":"A","message":"b"}`, `{"error":"invalid","error_description":"AADSTS1: x"}`,
		`{"error":{"error":{"error":{"error":{}}}}}`, `{"error":{"code":1}}`, `{"error":[]}`, `[]`, `null`, ``, `<html>`, "\xff\xfe", `{"status":"Failed"}`,
		`{"properties":{"provisioningState":"Failed","provisioningError":{"code":"X","message":"{\"error\":{\"code\":\"Y\",\"message\":\"z\"}}"}}}`,
		`{"error":{"code":"A","message":"{\"error\":{\"code\":\"B\",\"message\":\"inner\"}}"}}`,
	} {
		f.Add(400, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := parseError(status, http.Header{}, body)
		if e.Error() == "" || strings.ContainsAny(e.Error(), "\r") || len(e.Error()) > 20*len(body)+1000 {
			t.Errorf("%q became %q", body, e.Error())
		}
		failedState(body)
		entraDescription(body)
		if text := snippet(body); strings.Contains(text, "\n") || len(text) > 5*snippetLength {
			t.Errorf("the snippet is %q", text)
		}
		if object, err := parseObject(body); err == nil && object == nil {
			t.Errorf("%q is an object that is nil", body)
		}
		if len(bytes.TrimSpace(body)) == 0 {
			if _, err := parseObject(body); err != errEmpty {
				t.Errorf("an empty body is %v", err)
			}
		}
	})
}

// FuzzRetryAfter: a wait that Azure asks for is never negative nor longer than a day.
func FuzzRetryAfter(f *testing.F) {
	f.Add("17", "")
	f.Add("", "20")
	f.Add("Wed, 21 Oct 2015 07:28:00 GMT", "")
	f.Add("Fri, 31 Dec 9999 23:59:59 GMT", "")
	f.Add("99999999999999999", "9223372036854775807")
	f.Add("-5", "-1")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, seconds, millis string) {
		h := http.Header{}
		h["Retry-After"], h["Retry-After-Ms"] = []string{seconds}, []string{millis}
		if d := retryAfter(&http.Response{Header: h}, now); d < 0 || d > maxRetryAfter {
			t.Errorf("%q, %q: %v", seconds, millis, d)
		}
	})
}
