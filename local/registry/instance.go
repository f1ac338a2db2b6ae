package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/envctl/envctl/local/flock"
)

// RepositoryOf is where the image of a workload is.
func RepositoryOf(experiment, workload string) string { return experiment + "/" + workload }

// TagOf is the tag of what an instance of an experiment made of a source: the
// instance, a dot, which no instance's name has, and the first 16 hex digits of the
// source's hash (sha256:…). Instances have tags of their own since their names are
// in the labels of their images, which are different images therefore.
func TagOf(instance, source string) string {
	return instance + "." + fmt.Sprintf("%.16s", strings.TrimPrefix(source, "sha256:"))
}

// ImageTagOf is the tag of an image that an instance has of the engine (sha256:…,
// its ID), which no source of envctl's made.
func ImageTagOf(instance, id string) string {
	return instance + ".image-" + fmt.Sprintf("%.16s", strings.TrimPrefix(id, "sha256:"))
}

// RemoveInstance removes what an instance of an experiment has in the store, and
// leaves what another instance uses, too. The content goes with the next
// [Store.Collect].
func (s *Store) RemoveInstance(ctx context.Context, experiment, instance string) error {
	// Alone: to who prunes, a manifest that has no tag yet is one that has none any more.
	release, err := s.hold(ctx, flock.Exclusive, false)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	repositories, err := s.Repositories()
	if err != nil {
		return err
	}
	for _, repository := range repositories {
		if strings.HasPrefix(repository, experiment+"/") {
			err = errors.Join(err, s.removeTags(repository, instance+"."))
		}
	}
	return err
}

// removeTags removes tags of a repository and the manifests that none is left of.
func (s *Store) removeTags(repository, prefix string) error {
	tags, err := s.Tags(repository)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if !strings.HasPrefix(tag, prefix) {
			continue
		}
		if err := s.deleteTag(repository, tag); err != nil && !IsNotFound(err) {
			return err
		}
	}
	return s.prune(repository)
}

// prune removes the manifests of a repository that no tag leads to: neither itself,
// nor as a part of an index, nor by what it refers to.
func (s *Store) prune(repository string) error {
	tags, err := s.Tags(repository)
	if err != nil {
		return err
	}
	needed := map[digest.Digest]bool{}
	for _, tag := range tags {
		d, err := s.digestOf(repository, tag)
		if err != nil {
			return err
		}
		if err := s.reach(repository, d, needed); err != nil {
			return err
		}
	}
	manifests, err := s.Manifests(repository)
	if err != nil {
		return err
	}
	for _, d := range manifests {
		if needed[d] {
			continue
		}
		if err := s.deleteManifest(repository, d); err != nil && !IsNotFound(err) {
			return err
		}
	}
	return nil
}

// reach notes a manifest, its parts and what refers to it.
func (s *Store) reach(repository string, d digest.Digest, needed map[digest.Digest]bool) error {
	if needed[d] {
		return nil
	}
	needed[d] = true
	referrers, err := s.Referrers(repository, d, "")
	if err != nil {
		return err
	}
	next := referrers
	if m, err := s.Resolve(repository, d.String()); err == nil {
		if c, err := ParseManifest(m.MediaType, m.Raw); err == nil {
			next = append(next, c.Manifests...)
		}
	}
	for _, n := range next {
		if err := s.reach(repository, n.Digest, needed); err != nil {
			return err
		}
	}
	return nil
}
