package arm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Error is Azure's refusal of a request, or the failure of the operation that a
// request began.
type Error struct {
	// StatusCode is the answer's status; 200 when an operation failed that had begun well.
	StatusCode int
	// Code and Message are Azure's; Target is what they are about, often "".
	Code, Message, Target string
	// Details are the causes that Azure lists beneath, often none.
	Details []Error
	// Accepted means that the request was taken and what it made or changed
	// exists in part: the operation failed, or was not waited for, afterwards.
	Accepted bool
	// Operation is what was asked: the method and the path, without the query.
	Operation string
	// Mend is how to mend it, when that is known; else "".
	Mend string
	// RequestID is what Azure's support asks for, "" when Azure gave none.
	RequestID string

	cause error
}

// Error has what failed, Azure's code and message, and the mend where one is known.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Operation != "" {
		b.WriteString(e.Operation + ": ")
	}
	switch {
	case e.Accepted && e.Code != "":
		fmt.Fprintf(&b, "Azure took the request, but its operation failed with %s", e.Code)
	case e.Accepted:
		b.WriteString("Azure took the request, but it did not come to its end")
	case e.Code != "":
		fmt.Fprintf(&b, "Azure answered %d %s", e.StatusCode, e.Code)
	default:
		fmt.Fprintf(&b, "Azure answered %d %s", e.StatusCode, http.StatusText(e.StatusCode))
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	for _, d := range e.Details {
		if text := d.brief(); text != "" && !strings.Contains(e.Message, d.Message) {
			b.WriteString("; " + text)
		}
	}
	if e.Mend != "" {
		b.WriteString("; " + e.Mend)
	}
	if e.RequestID != "" && e.StatusCode >= http.StatusInternalServerError {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap returns what ended the wait for an operation, as a context's error.
func (e *Error) Unwrap() error { return e.cause }

// brief is an error beneath another: code and message.
func (e *Error) brief() string {
	switch {
	case e.Code == "":
		return e.Message
	case e.Message == "":
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// codes are the error's and those beneath it.
func (e *Error) codes() []string {
	out := []string{e.Code}
	for i := range e.Details {
		out = append(out, e.Details[i].codes()...)
	}
	return out
}

// IsNotFound tells whether err is Azure's answer that something does not exist.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.StatusCode == http.StatusNotFound && !e.Accepted
}

// HasCode tells whether err, or a cause that Azure lists beneath it, has one of
// the codes, without regard to case.
func HasCode(err error, codes ...string) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return slices.ContainsFunc(e.codes(), func(have string) bool {
		return slices.ContainsFunc(codes, func(want string) bool { return strings.EqualFold(have, want) })
	})
}

// CodeOf returns Azure's code of err, "" when it has none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
