package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
)

// Complete says whether all of an image is there: its manifests, configs and
// layers, each with its size. It reads manifests only.
func (s *Store) Complete(repository, reference string) (digest.Digest, bool, error) {
	m, err := s.Resolve(repository, reference)
	if err != nil {
		return "", false, ignoreDamage(err)
	}
	ok, err := s.complete(repository, m)
	return m.Digest, ok, err
}

// ignoreDamage makes what is missing or damaged no error: it is not there.
func ignoreDamage(err error) error {
	var refused *Error
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

func (s *Store) complete(repository string, m Manifest) (bool, error) {
	c, err := ParseManifest(m.MediaType, m.Raw)
	if err != nil {
		return false, ignoreDamage(err)
	}
	for _, b := range c.Blobs() {
		size, err := s.StatBlob(repository, b.Digest)
		if err != nil {
			return false, ignoreDamage(err)
		}
		if size != b.Size {
			return false, nil
		}
	}
	for _, child := range c.Manifests {
		m, err := s.Resolve(repository, child.Digest.String())
		if err != nil {
			return false, ignoreDamage(err)
		}
		if ok, err := s.complete(repository, m); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Ref is the name of a manifest on a registry at an address.
func Ref(address, repository string, d digest.Digest) string {
	return fmt.Sprintf("%s/%s@%s", address, repository, d)
}

// CopyTag gives a repository what another one of the store has under a tag, under
// the same tag; false where the other has nothing whole there.
func (s *Store) CopyTag(ctx context.Context, from, to, tag string) (digest.Digest, bool, error) {
	release, err := s.Hold(ctx)
	if err != nil {
		return "", false, err
	}
	defer release()
	d, ok, err := s.Complete(from, tag)
	if !ok || err != nil {
		return "", false, err
	}
	if err := s.copyManifest(ctx, from, to, d); err != nil {
		return "", false, err
	}
	return d, true, s.tag(ctx, to, tag, d, true)
}

func (s *Store) copyManifest(ctx context.Context, from, to string, d digest.Digest) error {
	m, err := s.Resolve(from, d.String())
	if err != nil {
		return err
	}
	c, err := ParseManifest(m.MediaType, m.Raw)
	if err != nil {
		return err
	}
	for _, b := range c.Blobs() {
		if err := s.Mount(ctx, to, from, b.Digest); err != nil {
			return err
		}
	}
	for _, child := range c.Manifests {
		if err := s.copyManifest(ctx, from, to, child.Digest); err != nil {
			return err
		}
	}
	_, err = s.PutManifest(ctx, to, d.String(), m.MediaType, m.Raw)
	return err
}
