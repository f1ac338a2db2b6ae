package arm

import "fmt"

// CredentialError says that nobody could be authenticated.
type CredentialError struct {
	// Kind is the credential that was used: secret, certificate, oidc,
	// managed identity, az or default.
	Kind string
	// What is wrong, Why, and how to Mend it; Why may be "".
	What, Why, Mend string

	cause error
}

// Error has the three parts.
func (e *CredentialError) Error() string { return threeParts(e.What, e.Why, e.Mend) }

// Unwrap returns the error beneath.
func (e *CredentialError) Unwrap() error { return e.cause }

// ConnectionError says that no whole answer to a request came back.
type ConnectionError struct {
	// Operation is what was asked: the method and the URL, without the query.
	Operation string
	// What is wrong, Why, and how to Mend it; Why may be "".
	What, Why, Mend string

	cause error
}

// Error has the request and the three parts.
func (e *ConnectionError) Error() string {
	return e.Operation + ": " + threeParts(e.What, e.Why, e.Mend)
}

// Unwrap returns the error beneath.
func (e *ConnectionError) Unwrap() error { return e.cause }

func threeParts(what, why, mend string) string {
	if why != "" {
		what = fmt.Sprintf("%s: %s", what, why)
	}
	if mend != "" {
		what = fmt.Sprintf("%s; %s", what, mend)
	}
	return what
}
