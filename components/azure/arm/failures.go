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

// Summary is What; the parts are told apart where there is room.
func (e *CredentialError) Summary() string { return e.What }

// Reason is Why.
func (e *CredentialError) Reason() string { return e.Why }

// Hint is Mend.
func (e *CredentialError) Hint() string { return e.Mend }

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

// Summary is the request and What.
func (e *ConnectionError) Summary() string { return e.Operation + ": " + e.What }

// Reason is Why.
func (e *ConnectionError) Reason() string { return e.Why }

// Hint is Mend.
func (e *ConnectionError) Hint() string { return e.Mend }

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
