package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Error is a refusal in the terms of the distribution specification.
type Error struct {
	Status  int    // of HTTP
	Code    string // of the specification, such as MANIFEST_UNKNOWN
	Message string
	// Challenge is what WWW-Authenticate says, with status 401.
	Challenge string
}

func (e *Error) Error() string { return e.Message }

// IsNotFound says whether an error means that the store has no such thing.
func IsNotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

func refuse(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalidName(name string) error {
	return refuse(http.StatusBadRequest, "NAME_INVALID",
		"%s is no name of a repository: parts of a-z, 0-9 and single . _ - between them, joined by /, at most %d bytes", quoted(name), maxName)
}

func unknownBlob(repository string, d digest.Digest) error {
	return refuse(http.StatusNotFound, "BLOB_UNKNOWN", "repository %q has no blob %s", repository, d)
}

func unknownManifest(repository, reference string) error {
	return refuse(http.StatusNotFound, "MANIFEST_UNKNOWN", "repository %q has no manifest %q", repository, reference)
}

func badManifest(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "MANIFEST_INVALID", "the manifest cannot be taken: "+format, args...)
}

// MovedError is a tag that is to mean something else than it does.
type MovedError struct {
	Repository, Tag string
	Has, Wants      digest.Digest
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("tag %q of %q means %s and would move to %s; a tag of this registry never moves",
		e.Tag, e.Repository, e.Has, e.Wants)
}

// quoted quotes what came from outside, cut to a length that can be read.
func quoted(s string) string {
	const most = 80
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
