// Package redact takes out of an HTTP exchange with Azure what may not be
// written to a file: tokens, keys, passwords, connection strings and the values
// of secrets and of environment variables.
//
// Headers and query parameters are kept by an allow-list, JSON members and form
// fields are taken out by their names, and in every text what looks like a token
// goes. What is taken out becomes [Mark], so that the same exchange redacts to
// the same text and a recording can be matched against new requests. Names and
// IDs, of subscriptions, tenants, resources and people's addresses in alerts,
// are kept.
package redact

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mark stands where something was taken out.
const Mark = "REDACTED"

// Redactor redacts; besides what its rules find it takes out the literal values
// it is told of. The zero value has none. It is not changed by its use.
type Redactor struct {
	literals []string
}

// shortest is the length from which a literal is taken out: shorter ones would
// tear up ordinary text.
const shortest = 8

// New returns a Redactor that also takes out the values given, where they are
// at least 8 bytes long.
func New(literals ...string) Redactor {
	var r Redactor
	for _, l := range literals {
		if len(l) >= shortest {
			r.literals = append(r.literals, l)
		}
	}
	// The longest first: one may contain another.
	slices.SortFunc(r.literals, func(a, b string) int { return len(b) - len(a) })
	return r
}

// tokens are what gives itself away in any text: signed tokens, bearer headers,
// shared access signatures, account keys (64 bytes in base64) and PEM keys.
func tokens() []*regexp.Regexp {
	return []*regexp.Regexp{jwt, bearer, signature, accountKey, pemKey}
}

var (
	jwt        = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.?[A-Za-z0-9_-]*`)
	bearer     = regexp.MustCompile(`(?i)\b(?:bearer|basic) +[A-Za-z0-9._~+/=-]{20,}`)
	signature  = regexp.MustCompile(`(?i)\b(?:sig|sharedaccesskey|accountkey|password|pwd)=[^&;"\s]+`)
	accountKey = regexp.MustCompile(`[A-Za-z0-9+/]{86}==`)
	pemKey     = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----`)
)

// Text takes out of a text what looks like a token, and the literals.
func (r Redactor) Text(s string) string {
	for _, l := range r.literals {
		s = strings.ReplaceAll(s, l, Mark)
	}
	for _, re := range tokens() {
		s = re.ReplaceAllString(s, Mark)
	}
	return s
}

// keptHeaders may be written as they are (after [Redactor.Text]), in lower case.
func keptHeader(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "accept", "cache-control", "connection", "content-encoding", "content-length", "content-range",
		"content-type", "date", "docker-content-digest", "docker-distribution-api-version", "etag", "link",
		"oci-subject", "range", "retry-after", "retry-after-ms", "server", "transfer-encoding", "user-agent",
		"www-authenticate", "x-content-type-options":
		return true
	}
	return isURLHeader(name) || strings.HasPrefix(name, "x-ms-") &&
		!strings.Contains(name, "auth") && !strings.Contains(name, "token") && !strings.Contains(name, "key")
}

// isURLHeader tells whether a header's value is a URL, redacted as one.
func isURLHeader(name string) bool {
	switch strings.ToLower(name) {
	case "location", "azure-asyncoperation", "operation-location":
		return true
	}
	return false
}

// Header returns a redacted copy.
func (r Redactor) Header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, v := range values {
			switch {
			case isURLHeader(name):
				v = r.URL(v)
			case keptHeader(name):
				v = r.Text(v)
			default:
				v = Mark
			}
			out[name] = append(out[name], v)
		}
	}
	return out
}

// keptParameter may stay in a query: what selects, not what grants.
func keptParameter(name string) bool {
	switch strings.ToLower(name) {
	case "api-version", "$filter", "$top", "$skip", "$expand", "$select", "$orderby", "force", "scope", "service",
		"account", "n", "last", "digest", "mount", "from", "artifacttype", "follow", "tailLines", "taillines",
		"timespan", "serviceconnectionid", "audience", "resource", "client_id":
		return true
	}
	return false
}

// URL returns a URL, absolute or not, with the values of the query parameters
// that are not known to be harmless taken out, and the parameters in order.
func (r Redactor) URL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return Mark
	}
	if u.User != nil {
		u.User = url.User(Mark)
	}
	query := u.Query()
	for name, values := range query {
		for i := range values {
			if keptParameter(name) {
				values[i] = r.Text(values[i])
			} else {
				values[i] = Mark
			}
		}
	}
	u.RawQuery = query.Encode()
	u.Fragment = ""
	if path := r.Text(u.Path); path != u.Path {
		u.Path, u.RawPath = path, ""
	}
	return u.String()
}
