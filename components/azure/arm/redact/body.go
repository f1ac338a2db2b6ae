package redact

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/url"
	"strings"
)

// Body returns a body that may be written: JSON as redacted JSON, a form as a
// redacted form, another text after [Redactor.Text]. The result is a string, or
// a json.RawMessage when the body was JSON. "" stays "".
func (r Redactor) Body(contentType string, body []byte) any {
	if len(body) == 0 {
		return ""
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err == nil && !decoder.More() {
		switch value.(type) {
		case map[string]any, []any:
			if raw, err := json.Marshal(r.Value(value)); err == nil {
				return json.RawMessage(raw)
			}
		}
	}
	if media, _, _ := mime.ParseMediaType(contentType); media == "application/x-www-form-urlencoded" {
		return r.form(string(body))
	}
	return r.Text(string(body))
}

func (r Redactor) form(body string) string {
	values, err := url.ParseQuery(body)
	if err != nil {
		return Mark
	}
	for name, list := range values {
		for i := range list {
			if isSecret(name) {
				list[i] = Mark
			} else {
				list[i] = r.Text(list[i])
			}
		}
	}
	return values.Encode()
}

// Value redacts a decoded JSON value in place and returns it.
func (r Redactor) Value(v any) any { return r.value(v, false) }

// value redacts; inside tells that v lies in a list of secrets, where members
// called value are secret too.
func (r Redactor) value(v any, inside bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if text, ok := member.(string); ok && text != "" && (isSecret(name) || inside && strings.EqualFold(name, "value")) {
				v[name] = Mark
				continue
			}
			v[name] = r.value(member, holdsSecrets(name))
		}
		return v
	case []any:
		for i := range v {
			if text, ok := v[i].(string); ok && inside && text != "" {
				v[i] = Mark
				continue
			}
			v[i] = r.value(v[i], inside)
		}
		return v
	case string:
		return r.Text(v)
	}
	return v
}

// holdsSecrets tells whether a member holds a list of names and secret values:
// secrets of an app, passwords of a registry, environment variables.
func holdsSecrets(name string) bool {
	switch strings.ToLower(name) {
	case "secrets", "passwords", "env", "environmentvariables", "keys":
		return true
	}
	return false
}

// isSecret tells whether a member's name says that its text is secret.
func isSecret(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "secretref", "passwordsecretref", "keyvaulturl", "keyvaultkeyidentifier", "keysource", "keyname", "keytype",
		"token_type", "grant_type", "tokentype", "secreturl":
		return false // names and places of secrets, not secrets
	case "key1", "key2", "sas", "pwd", "sig":
		return true
	}
	if strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_supported") {
		return false // Entra's description of itself
	}
	for _, part := range []string{"password", "secret", "token", "assertion", "connectionstring", "credential", "authorization"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return strings.HasSuffix(name, "key")
}
