package sas_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/sas"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func key(b string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(b, 64))) }

func TestCheck(t *testing.T) {
	t.Parallel()
	good := sas.Grant{Account: "acc", Share: "outputs", Permissions: "rdl", Start: now.Add(-time.Minute), Expiry: now.Add(time.Hour), HTTPSOnly: true}
	for name, c := range map[string]struct {
		grant  func(*sas.Grant)
		query  func(url.Values)
		key    string
		needs  string
		refuse string
	}{
		"good":             {needs: "r"},
		"one of several":   {needs: "cw d"},
		"no permission":    {needs: "w", refuse: "AuthorizationPermissionMismatch"},
		"expired":          {grant: func(g *sas.Grant) { g.Expiry = now }, needs: "r", refuse: "AuthenticationFailed"},
		"not yet":          {grant: func(g *sas.Grant) { g.Start = now.Add(time.Second) }, needs: "r", refuse: "AuthenticationFailed"},
		"another key":      {key: key("x"), needs: "r", refuse: "AuthenticationFailed"},
		"another share":    {grant: func(g *sas.Grant) { g.Share = "other" }, needs: "r", refuse: "AuthenticationFailed"},
		"another account":  {grant: func(g *sas.Grant) { g.Account = "other" }, needs: "r", refuse: "AuthenticationFailed"},
		"no signature":     {query: func(q url.Values) { q.Del("sig") }, needs: "r", refuse: "NoAuthenticationInformation"},
		"more permissions": {query: func(q url.Values) { q.Set("sp", "rcwdl") }, needs: "r", refuse: "AuthenticationFailed"},
		"longer":           {query: func(q url.Values) { q.Set("se", "2099-01-01T00:00:00Z") }, needs: "r", refuse: "AuthenticationFailed"},
		"of an account":    {query: func(q url.Values) { q.Set("ss", "f") }, needs: "r", refuse: "AuthenticationFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, k := good, key("k")
			if c.grant != nil {
				c.grant(&g)
			}
			if c.key != "" {
				k = c.key
			}
			text, err := g.Query(k)
			if err != nil {
				t.Fatal(err)
			}
			q, err := url.ParseQuery(text)
			if err != nil {
				t.Fatal(err)
			}
			if c.query != nil {
				c.query(q)
			}
			got := sas.Check(key("k"), "acc", "outputs", q, c.needs, now)
			if (got == nil) != (c.refuse == "") || got != nil && (got.Code != c.refuse || !strings.Contains(got.Error(), got.Message)) {
				t.Errorf("%v, expected %q", got, c.refuse)
			}
		})
	}
}

// The signature is that of an independent calculation (openssl dgst -sha256 -hmac).
func TestTheSignatureIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	q, err := sas.Grant{Account: "acc", Share: "outputs", Permissions: "rl", Expiry: now, HTTPSOnly: true}.Query(base64.StdEncoding.EncodeToString([]byte("key")))
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(q)
	if err != nil || values.Get("sig") != "gOAynguP/UN+OKrecOQjm1NNgGtupZYXImqJyQ2T5j4=" {
		t.Errorf("%q, %v", values.Get("sig"), err)
	}
	if _, err := (sas.Grant{}).Query("*"); err == nil {
		t.Error("a key that is not base64 signs")
	}
}
