// Package sas signs and checks shared access signatures of a file share, as
// https://learn.microsoft.com/rest/api/storageservices/create-service-sas says.
package sas

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Version is the version of the services that signatures are made for.
const Version = "2022-11-02"

// layout is how the times of a signature are written.
const layout = "2006-01-02T15:04:05Z"

// Grant is what a signature permits: on a share, and until when.
type Grant struct {
	Account, Share string
	Permissions    string    // letters of r, c, w, d and l, in this order
	Start, Expiry  time.Time // Start may be zero
	HTTPSOnly      bool
}

// Order are the permissions of a share in the order that they are written in.
const Order = "rcwdl"

// Query returns the grant with its signature as a query. key is an account key.
func (g Grant) Query(key string) (string, error) {
	q := url.Values{"sv": {Version}, "sr": {"s"}, "sp": {g.Permissions}, "se": {g.Expiry.UTC().Format(layout)}}
	if !g.Start.IsZero() {
		q.Set("st", g.Start.UTC().Format(layout))
	}
	if g.HTTPSOnly {
		q.Set("spr", "https")
	}
	sig, err := sign(key, g.Account, g.Share, q)
	if err != nil {
		return "", err
	}
	q.Set("sig", sig)
	return q.Encode(), nil
}

// sign makes the signature of a service's version 2015-04-05 and later for files:
// one line for each field, those that are not given empty.
func sign(key, account, share string, q url.Values) (string, error) {
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return "", fmt.Errorf("the account's key is not base64: %w", err)
	}
	text := strings.Join([]string{
		q.Get("sp"), q.Get("st"), q.Get("se"), "/file/" + account + "/" + share, q.Get("si"), q.Get("sip"), q.Get("spr"), q.Get("sv"),
		q.Get("rscc"), q.Get("rscd"), q.Get("rsce"), q.Get("rscl"), q.Get("rsct"),
	}, "\n")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// Refusal is why a signature permits nothing, in the words of the service.
type Refusal struct{ Code, Message string }

func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Check says whether the signature of a query permits one of the permissions on a
// share now; nil: it does. Every field is looked at, also that none is there which
// would be ignored.
func Check(key, account, share string, q url.Values, permissions string, now time.Time) *Refusal {
	failed := func(code, format string, args ...any) *Refusal { return &Refusal{code, fmt.Sprintf(format, args...)} }
	if q.Get("sig") == "" {
		return failed("NoAuthenticationInformation", "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.")
	}
	for _, unknown := range []string{"si", "sip", "ss", "srt"} {
		if q.Has(unknown) {
			return failed("AuthenticationFailed", "The simulator takes no signature with the field %q.", unknown)
		}
	}
	want, err := sign(key, account, share, q)
	if err != nil || !hmac.Equal([]byte(want), []byte(q.Get("sig"))) {
		return failed("AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.")
	}
	if q.Get("sr") != "s" || q.Get("sv") != Version {
		return failed("AuthenticationFailed", "The signature is for sr=%s and sv=%s; expected a share and %s.", q.Get("sr"), q.Get("sv"), Version)
	}
	expiry, err := time.Parse(layout, q.Get("se"))
	if err != nil || !now.Before(expiry) {
		return failed("AuthenticationFailed", "Signature not valid in the specified time frame: it expired %s, and now is %s.", q.Get("se"), now.UTC().Format(layout))
	}
	if st := q.Get("st"); st != "" {
		if start, err := time.Parse(layout, st); err != nil || now.Before(start) {
			return failed("AuthenticationFailed", "Signature not valid in the specified time frame: it starts %s, and now is %s.", st, now.UTC().Format(layout))
		}
	}
	if !strings.ContainsAny(q.Get("sp"), permissions) {
		return failed("AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission: it has sp=%s and needs one of %s.", q.Get("sp"), permissions)
	}
	return nil
}
