// Package token makes and reads the tokens of workloads' identities: JSON Web
// Tokens (RFC 7519) signed with HMAC-SHA256, as Microsoft Entra ID shapes them.
//
// A token is good for one audience and one workload, for an hour, and for nobody
// but the gateway that has the key. There is one spelling of each: whatever differs
// from what [Issuer.Issue] writes, by a single byte, is refused.
package token

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// Lifetime is how long a token is good.
	Lifetime = time.Hour
	// skew is how far the clock may have been set back since a token was made, as it
	// happens when a machine wakes: the gateway that reads a token has made it.
	skew = 5 * time.Minute
	// maxToken is the longest token that is looked at, in bytes. One takes about 900.
	maxToken = 4 << 10
)

// The reasons why a token is refused.
var (
	// ErrInvalid says that the text is no token of this gateway.
	ErrInvalid = errors.New("token: not one of this gateway")
	// ErrExpired says that the token was good once.
	ErrExpired = errors.New("token: expired")
	// ErrEarly says that the token is of a time to come.
	ErrEarly = errors.New("token: not good yet")
)

// Claims are what a token says. The names are those of Microsoft Entra ID, so that
// code that looks into its own token finds what it looks for.
type Claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"` // as the next two in Unix seconds
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	ClientID  string `json:"appid"`
	Party     string `json:"azp"` // ClientID again, as version 2 of the format calls it
	Principal string `json:"oid"`
	Subject   string `json:"sub"` // Principal again
	Tenant    string `json:"tid"`
	// Resource is what Azure gives as the identity's resource id; its last segment
	// is the workload.
	Resource string `json:"xms_mirid"`
	Version  string `json:"ver"`
}

// Identity is whom a token is for.
type Identity struct {
	App       string // the workload
	ClientID  string
	Principal string
}

// Issuer makes tokens and reads its own. It is safe for concurrent use.
type Issuer struct {
	key    []byte
	tenant string
}

// resourceRoot begins the resource id of an identity.
const resourceRoot = "/envctl/workloads/"

// ResourceID is what stands for the identity's id of Azure Resource Manager.
func ResourceID(app string) string { return resourceRoot + app }

// App is the workload that a token is for.
func (c Claims) App() string { return strings.TrimPrefix(c.Resource, resourceRoot) }

// New returns the issuer that signs with key. The tenant is a UUID.
func New(key []byte, tenant string) *Issuer { return &Issuer{key: key, tenant: tenant} }

// encoding has one text for each value: it refuses bits that are not used.
var encoding = base64.RawURLEncoding.Strict()

// header is the first segment of every token: {"typ":"JWT","alg":"HS256"}. It is
// compared as text, so that no other algorithm, none included, is ever considered.
const header = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"

// Issue returns a token for audience, good from now on, and when it ends.
func (i *Issuer) Issue(id Identity, audience string, now time.Time) (string, time.Time, error) {
	expires := now.Add(Lifetime)
	payload, err := json.Marshal(Claims{
		Audience: audience, Issuer: "https://sts.windows.net/" + i.tenant + "/",
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: expires.Unix(),
		ClientID: id.ClientID, Party: id.ClientID, Principal: id.Principal, Subject: id.Principal,
		Tenant: i.tenant, Resource: ResourceID(id.App), Version: "1.0",
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("token: %w", err)
	}
	text := header + "." + encoding.EncodeToString(payload)
	if len(text) > maxToken-44 { // "." and 43 characters of signature
		return "", time.Time{}, fmt.Errorf("token: %d bytes, at most %d", len(text), maxToken-44)
	}
	return text + "." + encoding.EncodeToString(i.sign(text)), expires, nil
}

func (i *Issuer) sign(text string) []byte {
	mac := hmac.New(sha256.New, i.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// Verify reads a token. The error is [ErrInvalid], [ErrExpired] or [ErrEarly]. The
// signature is looked at before anything of the content is.
func (i *Issuer) Verify(text string, now time.Time) (Claims, error) {
	end := strings.LastIndexByte(text, '.')
	if len(text) > maxToken || end < 0 {
		return Claims{}, ErrInvalid
	}
	signature, err := encoding.DecodeString(text[end+1:])
	// The decoder skips line ends, which are no spelling of a signature.
	if err != nil || strings.ContainsAny(text[end:], "\r\n") || !hmac.Equal(signature, i.sign(text[:end])) {
		return Claims{}, ErrInvalid
	}
	payload, ok := strings.CutPrefix(text[:end], header+".")
	if !ok {
		return Claims{}, ErrInvalid
	}
	raw, err := encoding.DecodeString(payload)
	if err != nil {
		return Claims{}, ErrInvalid
	}
	var c Claims
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	switch err := decoder.Decode(&c); {
	case err != nil, c.Tenant != i.tenant, !strings.HasPrefix(c.Resource, resourceRoot):
		return Claims{}, ErrInvalid
	case now.Unix() >= c.Expires:
		return Claims{}, ErrExpired
	case now.Add(skew).Unix() < c.NotBefore:
		return Claims{}, ErrEarly
	}
	return c, nil
}
