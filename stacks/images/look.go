package images

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// StatusOf is the HTTP status by which a registry refused; 0 for other errors.
func StatusOf(err error) int {
	var told *transport.Error
	if errors.As(err, &told) {
		return told.StatusCode
	}
	return statusOf(err)
}

// Has says whether a registry has a manifest, by its digest.
func Has(ctx context.Context, at Place, digest string) (bool, error) {
	s, err := newSession(ctx, at, defaultPatience(), false)
	if err != nil {
		return false, err
	}
	has, err := s.head(ctx, "manifests/"+digest)
	return has.digest == digest, err
}

// names reads a list of names page by page: the member of each page's object.
func (s *session) names(ctx context.Context, address, member string) ([]string, error) {
	const pages = 1000
	var all []string
	for range pages {
		answer, err := s.do(ctx, request{method: http.MethodGet, url: address, expect: []int{http.StatusOK, http.StatusNotFound}})
		if err != nil {
			return nil, err
		}
		var page map[string]json.RawMessage
		var names []string
		err = json.NewDecoder(io.LimitReader(answer.Body, maxManifest)).Decode(&page)
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusNotFound {
			return all, nil
		}
		if err == nil && page[member] != nil {
			err = json.Unmarshal(page[member], &names)
		}
		if err != nil {
			return nil, fmt.Errorf("%s has no list of %s: %w", redact(address), member, err)
		}
		all = append(all, names...)
		link := nextLink.FindStringSubmatch(answer.Header.Get("Link"))
		if link == nil {
			return all, nil
		}
		next, err := answer.Request.URL.Parse(link[1])
		if err != nil {
			return nil, err
		}
		address = next.String()
	}
	return nil, fmt.Errorf("%s has more than %d pages", redact(address), pages)
}

// Repositories lists all repositories of a registry; that of the place counts
// nothing.
func Repositories(ctx context.Context, at Place) ([]string, error) {
	at.Repository = "catalog" // only for what would be asked for it
	s, err := newSession(ctx, at, defaultPatience(), false)
	if err != nil {
		return nil, err
	}
	return s.names(ctx, "https://"+at.Registry+"/v2/_catalog", "repositories")
}

// RemoveTagged removes every manifest of a repository that a tag leads to, and
// returns how many those were.
func RemoveTagged(ctx context.Context, at Place) (int, error) {
	s, err := newSession(ctx, at, defaultPatience(), true)
	if err != nil {
		return 0, err
	}
	tags, err := s.names(ctx, s.url("tags/list"), "tags")
	if err != nil {
		return 0, err
	}
	var digests []string
	for _, tag := range tags {
		has, err := s.head(ctx, "manifests/"+tag)
		if err != nil {
			return 0, err
		}
		if strings.HasPrefix(has.digest, "sha256:") && !slices.Contains(digests, has.digest) {
			digests = append(digests, has.digest)
		}
	}
	for i, d := range digests {
		answer, err := s.do(ctx, request{
			method: http.MethodDelete, url: s.url("manifests/" + d), expect: []int{http.StatusAccepted, http.StatusOK, http.StatusNotFound},
		})
		if err != nil {
			return i, err
		}
		_ = answer.Body.Close()
	}
	return len(digests), nil
}
