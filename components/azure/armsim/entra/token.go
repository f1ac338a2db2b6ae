// Package entra stands in for Microsoft Entra ID: the two endpoints that a
// client-credentials login needs, with its error bodies, and the tokens that the
// rest of the simulator checks.
package entra

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Claims are what a token of the simulator says.
type Claims struct {
	Audience string `json:"aud"`
	Issuer   string `json:"iss"`
	Tenant   string `json:"tid"`
	App      string `json:"appid"` // client id
	Object   string `json:"oid"`   // principal id
	Subject  string `json:"sub"`
	Identity string `json:"xms_mirid,omitempty"` // id of a managed identity
	Scope    string `json:"scope,omitempty"`     // of a registry's token: repository:NAME:pull,push
	Issued   int64  `json:"iat"`                 // seconds since 1970
	NotYet   int64  `json:"nbf"`
	Expires  int64  `json:"exp"`
}

// Signer makes and checks tokens with one key. They have the form of a JWT.
type Signer struct{ Key []byte }

// errors of Verify.
var (
	ErrMalformed = errors.New("the token is not one of this simulator")
	ErrExpired   = errors.New("the token has expired")
)

const header = `{"typ":"JWT","alg":"HS256"}`

var encoding = base64.RawURLEncoding

// Sign makes a token.
func (s Signer) Sign(c Claims) string {
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers
	}
	body := encoding.EncodeToString([]byte(header)) + "." + encoding.EncodeToString(raw)
	return body + "." + encoding.EncodeToString(s.sum(body))
}

func (s Signer) sum(body string) []byte {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(body))
	return mac.Sum(nil)
}

// Verify reads a token. It fails with ErrMalformed or, with the claims, with ErrExpired.
func (s Signer) Verify(token string, now time.Time) (Claims, error) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return Claims{}, ErrMalformed
	}
	sum, err := encoding.DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(sum, s.sum(token[:i])) {
		return Claims{}, ErrMalformed
	}
	c, err := Read(token)
	if err != nil {
		return Claims{}, err
	}
	if now.Unix() >= c.Expires {
		return c, ErrExpired
	}
	return c, nil
}

// Read reads the claims of any JWT without checking its signature.
func Read(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, ErrMalformed
	}
	raw, err := encoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return Claims{}, ErrMalformed
	}
	var c Claims
	if err := json.Unmarshal(raw, &c); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return c, nil
}
