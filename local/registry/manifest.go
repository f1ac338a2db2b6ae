package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Manifest is a manifest of a repository.
type Manifest struct {
	Digest    digest.Digest
	MediaType string
	Raw       []byte
}

// Resolve returns what a tag or a digest of a repository means.
func (s *Store) Resolve(repository, reference string) (Manifest, error) {
	d, err := s.digestOf(repository, reference)
	if err != nil {
		return Manifest{}, err
	}
	mediaType, err := readSmall(s.linkPath(repository, "_manifests", d), maxManifest)
	var raw []byte
	if err == nil {
		raw, err = readSmall(s.blobPath(d), maxManifest)
	}
	if missing(err) {
		return Manifest{}, unknownManifest(repository, reference)
	}
	if err == nil && d.Algorithm().FromBytes(raw) != d {
		err = refuse(http.StatusInternalServerError, "UNKNOWN", "the manifest %s is damaged on disk; push it again", d)
	}
	return Manifest{Digest: d, MediaType: string(mediaType), Raw: raw}, err
}

// digestOf is what a tag or a digest means.
func (s *Store) digestOf(repository, reference string) (digest.Digest, error) {
	if err := checkName(repository); err != nil {
		return "", err
	}
	if isDigest(reference) {
		return parseDigest(reference)
	}
	if err := checkTag(reference); err != nil {
		return "", err
	}
	raw, err := readSmall(s.tagPath(repository, reference), 256)
	if missing(err) {
		return "", unknownManifest(repository, reference)
	}
	if err != nil {
		return "", err
	}
	return parseDigest(string(raw))
}

// PutManifest takes a manifest, whose blobs the repository has to have. The
// reference is a tag or the manifest's digest.
func (s *Store) PutManifest(ctx context.Context, repository, reference, mediaType string, raw []byte) (digest.Digest, error) {
	return s.putManifest(ctx, repository, reference, mediaType, raw, false)
}

// PinManifest is PutManifest by a tag that must not move: where it means something
// else already, the error is a [*MovedError].
func (s *Store) PinManifest(ctx context.Context, repository, tag, mediaType string, raw []byte) (digest.Digest, error) {
	return s.putManifest(ctx, repository, tag, mediaType, raw, true)
}

func (s *Store) putManifest(
	ctx context.Context, repository, reference, mediaType string, raw []byte, pin bool,
) (digest.Digest, error) {
	if err := checkName(repository); err != nil {
		return "", err
	}
	d := digest.FromBytes(raw)
	if isDigest(reference) {
		want, err := parseDigest(reference)
		if err != nil {
			return "", err
		}
		if d = want.Algorithm().FromBytes(raw); d != want {
			return "", refuse(http.StatusBadRequest, "DIGEST_INVALID", "the manifest is %s, not %s", d, want)
		}
	} else if err := checkTag(reference); err != nil {
		return "", err
	}
	content, err := ParseManifest(mediaType, raw)
	if err != nil {
		return "", err
	}
	release, err := s.Hold(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	if err := s.checkParts(repository, content); err != nil {
		return "", err
	}
	if err := s.storeManifest(repository, d, content, raw); err != nil {
		return "", err
	}
	if !isDigest(reference) {
		err = s.setTag(repository, reference, d, pin)
	}
	return d, err
}

// checkParts holds that the repository has what a manifest is made of.
func (s *Store) checkParts(repository string, c *Content) error {
	for _, b := range c.Blobs() {
		size, err := s.StatBlob(repository, b.Digest)
		if IsNotFound(err) {
			return refuse(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN",
				"the manifest has the blob %s, which %q does not have; push it first", b.Digest, repository)
		}
		if err == nil && size != b.Size {
			err = badManifest("%s has %d bytes, and the manifest says %d", b.Digest, size, b.Size)
		}
		if err != nil {
			return err
		}
	}
	for _, m := range c.Manifests {
		there, err := exists(s.linkPath(repository, "_manifests", m.Digest))
		if err != nil {
			return err
		}
		if !there {
			return refuse(http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN",
				"the index has the manifest %s, which %q does not have; push it first", m.Digest, repository)
		}
	}
	return nil
}

func (s *Store) storeManifest(repository string, d digest.Digest, c *Content, raw []byte) error {
	path := s.blobPath(d)
	if there, err := readSmall(path, maxManifest); err != nil || !bytes.Equal(there, raw) {
		if err := s.writeFile(path, raw, false); err != nil {
			return err
		}
	}
	if c.Subject != nil {
		entry, err := json.Marshal(c.descriptor(d, len(raw)))
		if err != nil {
			return err
		}
		if err := s.writeFile(s.referrerPath(repository, c.Subject.Digest, d), entry, false); err != nil {
			return err
		}
	}
	return s.writeFile(s.linkPath(repository, "_manifests", d), []byte(c.MediaType), false)
}

func (s *Store) setTag(repository, tag string, d digest.Digest, pin bool) error {
	path := s.tagPath(repository, tag)
	for {
		err := s.writeFile(path, []byte(d), pin)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		has, err := s.digestOf(repository, tag)
		if IsNotFound(err) {
			continue // deleted meanwhile
		}
		if err == nil && has != d {
			err = &MovedError{Repository: repository, Tag: tag, Has: has, Wants: d}
		}
		return err
	}
}

// Tag gives a manifest of a repository a further tag.
func (s *Store) Tag(ctx context.Context, repository, tag string, d digest.Digest) error {
	return s.tag(ctx, repository, tag, d, false)
}

func (s *Store) tag(ctx context.Context, repository, tag string, d digest.Digest, pin bool) error {
	if err := checkTag(tag); err != nil {
		return err
	}
	release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, err := s.Resolve(repository, d.String()); err != nil {
		return err
	}
	return s.setTag(repository, tag, d, pin)
}

// DeleteTag deletes a tag and leaves what it means.
func (s *Store) DeleteTag(ctx context.Context, repository, tag string) error {
	release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	return s.deleteTag(repository, tag)
}

func (s *Store) deleteTag(repository, tag string) error {
	if _, err := s.digestOf(repository, tag); err != nil {
		return err
	}
	return remove(s.tagPath(repository, tag))
}

// DeleteManifest deletes a manifest with its tags. The content of it goes with the
// next [Store.Collect] if nothing else has it.
func (s *Store) DeleteManifest(ctx context.Context, repository string, d digest.Digest) error {
	release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := checkName(repository); err != nil {
		return err
	}
	if _, err := parseDigest(string(d)); err != nil {
		return err
	}
	return s.deleteManifest(repository, d)
}

func (s *Store) deleteManifest(repository string, d digest.Digest) error {
	link := s.linkPath(repository, "_manifests", d)
	there, err := exists(link)
	if err != nil {
		return err
	}
	if !there {
		return unknownManifest(repository, d.String())
	}
	// The tags go first: killed in between, none means what is not there.
	tags, err := s.Tags(repository)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		if has, err := s.digestOf(repository, tag); err == nil && has == d {
			if err := remove(s.tagPath(repository, tag)); err != nil {
				return err
			}
		}
	}
	if m, err := s.Resolve(repository, d.String()); err == nil {
		if c, err := ParseManifest(m.MediaType, m.Raw); err == nil && c.Subject != nil {
			if err := remove(s.referrerPath(repository, c.Subject.Digest, d)); err != nil {
				return err
			}
		}
	}
	return remove(link)
}

func (s *Store) referrerPath(repository string, subject, referrer digest.Digest) string {
	return s.linkPath(repository, "_referrers", subject) + string(os.PathSeparator) +
		referrer.Algorithm().String() + "-" + referrer.Encoded()
}

// Referrers lists the manifests that refer to a digest, in the order of their
// digests; with an artifact type only those of that type.
func (s *Store) Referrers(repository string, subject digest.Digest, artifactType string) ([]ocispec.Descriptor, error) {
	if err := checkName(repository); err != nil {
		return nil, err
	}
	if _, err := parseDigest(string(subject)); err != nil {
		return nil, err
	}
	dir := s.linkPath(repository, "_referrers", subject)
	names, err := list(dir)
	if err != nil {
		return nil, err
	}
	out := []ocispec.Descriptor{}
	for _, name := range names {
		raw, err := readSmall(dir+string(os.PathSeparator)+name, maxManifest)
		if missing(err) {
			continue
		}
		var d ocispec.Descriptor
		if err == nil {
			err = json.Unmarshal(raw, &d)
		}
		if err != nil {
			return nil, err
		}
		if artifactType == "" || d.ArtifactType == artifactType {
			out = append(out, d)
		}
	}
	return out, nil
}
