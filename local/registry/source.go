package registry

import (
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Sources looks images up by what they were built of, whichever instance built
// them.
type Sources struct{ Store *Store }

// Complete is [Store.Complete]; a reference of 16 hex digits is the beginning of a
// source's hash and means the image of that source that any instance has, the
// instance "default" first and the others by name.
func (s Sources) Complete(repository, reference string) (digest.Digest, bool, error) {
	if d, ok, err := s.Store.Complete(repository, reference); ok || err != nil || len(reference) != 16 {
		return d, ok, err
	}
	tags, err := s.Store.Tags(repository)
	if err != nil {
		return "", false, err
	}
	first := TagOf("default", reference)
	if slices.Contains(tags, first) {
		tags = slices.Insert(tags, 0, first)
	}
	for _, tag := range tags {
		if !strings.HasSuffix(tag, "."+reference) {
			continue
		}
		if d, ok, err := s.Store.Complete(repository, tag); ok || err != nil {
			return d, ok, err
		}
	}
	return "", false, nil
}
