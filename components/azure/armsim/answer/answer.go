// Package answer is what the simulator answers: Resource Manager's error bodies
// and plain results.
package answer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Error is an error as Resource Manager answers it:
// {"error":{"code":…,"message":…}}.
type Error struct {
	Status  int
	Code    string
	Message string
	Target  string
	Details []Error
	Header  http.Header
}

// Errorf makes an Error.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// Body is the value of "error".
func (e *Error) Body() map[string]any {
	out := map[string]any{"code": e.Code, "message": e.Message}
	if e.Target != "" {
		out["target"] = e.Target
	}
	if len(e.Details) > 0 {
		details := make([]any, 0, len(e.Details))
		for _, d := range e.Details {
			details = append(details, d.Body())
		}
		out["details"] = details
	}
	return out
}

// Answer is a whole answer. A nil Body is none.
type Answer struct {
	Status int
	Header http.Header
	Body   any
}

// OK is status 200 with a body.
func OK(body any) *Answer { return &Answer{Status: http.StatusOK, Body: body} }

// New is an answer of that status.
func New(status int, body any) *Answer { return &Answer{Status: status, Body: body} }

// List is the answer of a collection, {"value":[…]}.
func List(items []any) *Answer {
	if items == nil {
		items = []any{}
	}
	return OK(map[string]any{"value": items})
}

// Of turns an error into its answer.
func Of(e *Error) *Answer {
	return &Answer{Status: e.Status, Header: e.Header, Body: map[string]any{"error": e.Body()}}
}

// Set adds a header and returns a.
func (a *Answer) Set(key, value string) *Answer {
	if a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(key, value)
	return a
}

// RetryAfter tells the client when to ask again, in milliseconds too, which the
// clients of Microsoft's SDK prefer.
func (a *Answer) RetryAfter(d time.Duration) *Answer {
	if d < time.Millisecond {
		d = time.Millisecond
	}
	a.Set("Retry-After-Ms", strconv.FormatInt(d.Milliseconds(), 10))
	return a.Set("Retry-After", strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10))
}

// Bytes is the answer's body.
func (a *Answer) Bytes() []byte {
	if a.Body == nil {
		return nil
	}
	raw, err := json.Marshal(a.Body)
	if err != nil {
		panic(err) // decoded JSON and strings
	}
	return raw
}
