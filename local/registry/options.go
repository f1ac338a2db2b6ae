package registry

import "net/http"

// Options tune a [Store.Handler].
type Options struct {
	// ImmutableTags refuses to move a tag: a push of another manifest under it
	// answers 409.
	ImmutableTags bool
	// Authorize decides about each request; nil allows all. The repository is empty
	// for /v2/ and the catalogue; push is true for every method that changes
	// something. An [*Error] is answered as it is, with its Challenge where it has
	// one; any other error is 403.
	Authorize func(r *http.Request, repository string, push bool) error
}
