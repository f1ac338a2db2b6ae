// Package values has what the providers in this process say of a property's value: its
// kind in words, and a text without the secrets among the values.
package values

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// KindOf names a value's kind for a message; the value itself may be a secret, so only a
// number that is none is told.
func KindOf(v property.Value) string {
	switch {
	case v.IsComputed():
		return "not known yet"
	case v.IsNull():
		return "null"
	case v.IsString():
		return "a string"
	case v.IsBool():
		return "a boolean"
	case v.IsNumber() && !v.Secret():
		return fmt.Sprintf("the number %v", v.AsNumber())
	case v.IsNumber():
		return "a number"
	case v.IsArray():
		return "a list"
	case v.IsMap():
		return "an object"
	}
	return "an asset or a reference"
}

// secretMin is the length in bytes from which a secret is looked for in a text: shorter
// ones are in every text.
const secretMin = 4

// Redact takes the secrets among values out of a text, at any depth. part says what of a
// secret string is the secret; nil: all of it.
func Redact(text string, values property.Map, part func(string) string) string {
	var walk func(property.Value, bool)
	walk = func(v property.Value, secret bool) {
		secret = secret || v.Secret()
		switch {
		case v.IsArray():
			for _, e := range v.AsArray().All {
				walk(e, secret)
			}
		case v.IsMap():
			for _, e := range v.AsMap().All {
				walk(e, secret)
			}
		case secret && v.IsString():
			hidden := v.AsString()
			if part != nil {
				hidden = part(hidden)
			}
			if len(hidden) >= secretMin {
				text = strings.ReplaceAll(text, hidden, "[secret]")
			}
		}
	}
	walk(property.New(values), false)
	return text
}
