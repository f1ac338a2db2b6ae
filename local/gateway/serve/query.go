package serve

import (
	"net/url"
	"strings"
	"time"
)

// identityVersion is the oldest version of the protocol, which every SDK speaks:
// https://learn.microsoft.com/azure/container-apps/managed-identity
const identityVersion = "2019-08-01"

// question is a request for a token.
type question struct {
	resource string // audience, as audience returns it
	// Which of its identities a workload means, by one of three names or by none.
	clientID, principalID, resourceID string
}

// badQuestion says what a request for a token lacks, for the one who asks.
type badQuestion string

// Error implements error.
func (b badQuestion) Error() string { return string(b) }

// readQuestion reads the query of a request for a token.
func readQuestion(raw string) (question, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return question{}, badQuestion("The query of the request cannot be read.")
	}
	for name, values := range query {
		if len(values) > 1 {
			return question{}, badQuestion("The parameter " + name + " is given more than once.")
		}
	}
	version := query.Get("api-version")
	if day, err := time.Parse(time.DateOnly, version); err != nil || day.Format(time.DateOnly) < identityVersion {
		return question{}, badQuestion("The parameter api-version is missing or not supported, expected " + identityVersion + ".")
	}
	q := question{
		resource: audience(query.Get("resource")), clientID: query.Get("client_id"), principalID: query.Get("principal_id"),
		resourceID: query.Get("mi_res_id"),
	}
	if object := query.Get("object_id"); object != "" {
		if q.principalID != "" {
			return question{}, badQuestion("The parameters principal_id and object_id mean the same, expected one of them.")
		}
		q.principalID = object
	}
	if q.resource == "" {
		return question{}, badQuestion("The parameter resource is missing.")
	}
	names := 0
	for _, name := range []string{q.clientID, q.principalID, q.resourceID} {
		if name != "" {
			names++
		}
	}
	if names > 1 {
		return question{}, badQuestion("Only one of the parameters client_id, principal_id, object_id and mi_res_id may be given.")
	}
	return q, nil
}

// audience returns a resource as it is compared: without the /.default of a scope
// and without slashes at the end, in lower case. SDKs send each form.
func audience(resource string) string {
	resource = strings.ToLower(strings.TrimSpace(resource))
	resource = strings.TrimSuffix(resource, "/.default")
	return strings.TrimRight(resource, "/")
}
