package arm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// errorBody is the body of an error of Resource Manager and of most providers:
// {"error": {…}}, or the members themselves.
type errorBody struct {
	Code    string          `json:"code"`
	Message string          `json:"message"`
	Target  string          `json:"target"`
	Details json.RawMessage `json:"details"` // a list of the same, or else
	Inner   *errorBody      `json:"innererror"`
	// Error is an object, or in Entra's and the registry's answers a string.
	Error       json.RawMessage `json:"error"`
	Description string          `json:"error_description"`
}

// maxDepth bounds the causes that are read beneath an error.
const maxDepth = 8

// parseError reads Azure's error out of an answer. A body that is none leaves
// Code and Message empty.
func parseError(status int, header http.Header, body []byte) *Error {
	e := &Error{StatusCode: status, RequestID: header.Get("x-ms-correlation-request-id")}
	if e.RequestID == "" {
		e.RequestID = header.Get("x-ms-request-id")
	}
	readError(e, body, 0)
	if e.Code == "" {
		e.Code = header.Get("x-ms-error-code")
	}
	if e.Code == "" && e.Message == "" && len(bytes.TrimSpace(body)) > 0 {
		e.Message = snippet(body)
	}
	return e
}

// readError fills e from a body, as far as it is an error.
func readError(e *Error, body []byte, depth int) {
	var b errorBody
	if depth > maxDepth || json.Unmarshal(body, &b) != nil {
		return
	}
	if len(b.Error) > 0 && b.Error[0] == '{' {
		readError(e, b.Error, depth+1)
		return
	}
	e.Code, e.Message, e.Target = b.Code, oneLine(b.Message), b.Target
	if e.Code == "" {
		_ = json.Unmarshal(b.Error, &e.Code) // a string or nothing; else it stays empty
	}
	if e.Message == "" {
		e.Message = oneLine(b.Description)
	}
	// Some providers put the whole error, as JSON, into the message of another.
	if strings.HasPrefix(e.Message, "{") {
		var within Error
		readError(&within, []byte(b.Message), depth+1)
		if within.Message != "" {
			e.Message = within.Message
			if within.Code != "" && within.Code != e.Code {
				e.Details = append(e.Details, within)
			}
		}
	}
	var details []json.RawMessage
	if json.Unmarshal(b.Details, &details) == nil {
		for _, raw := range details {
			var d Error
			readError(&d, raw, depth+1)
			if d.Code != "" || d.Message != "" {
				e.Details = append(e.Details, d)
			}
		}
	}
}

// entraDescription is the text of Entra's error, "" when the body is none.
func entraDescription(body []byte) string {
	var b errorBody
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	return b.Description
}

// parseObject reads an answer that must be a JSON object.
func parseObject(body []byte) (Object, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, errEmpty
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, fmt.Errorf("%w (%v): %s", errNotJSON, err, snippet(body))
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w but another value: %s", errNotObject, snippet(body))
	}
	return object, nil
}

// snippetLength is how much of an unexpected body is quoted, bytes.
const snippetLength = 160

// snippet quotes the beginning of a body in one line.
func snippet(body []byte) string {
	if len(bytes.TrimSpace(body)) == 0 {
		return "nothing"
	}
	text := body[:min(len(body), 4*snippetLength)]
	line := oneLine(strings.ToValidUTF8(string(text), "?"))
	if len(line) <= snippetLength {
		return fmt.Sprintf("%q", line)
	}
	cut := snippetLength
	for !utf8.RuneStart(line[cut]) {
		cut--
	}
	return fmt.Sprintf("%q…", line[:cut])
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
