package mcpserver

import (
	"context"
	"errors"
	"strings"
)

// failure is an error in three parts.
type failure struct{ what, why, mend string }

func (f *failure) Error() string { return f.what + ": " + f.why }

// Hint says how to mend it.
func (f *failure) Hint() string { return f.mend }

// maxError is the length of an error's text in bytes. Some clients cut longer ones.
const maxError = 4000

// told is an error as a client reads it: what and why, and how to mend it. Parts of
// it may come from inside a box, so it is cleaned as output is.
type told struct{ err error }

func (t told) Unwrap() error { return t.err }

func (t told) Error() string {
	text := t.err.Error()
	if errors.Is(t.err, context.Canceled) {
		text = "the call was cancelled, and what it had started was ended: " + text
	}
	var hint interface{ Hint() string }
	if errors.As(t.err, &hint) && hint.Hint() != "" {
		text += "\nTo mend it: " + hint.Hint()
	}
	text = clean(text)
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	return text
}
