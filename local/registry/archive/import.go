// Package archive takes images into a local registry as a Docker Engine saves them,
// and gives them to an engine as it loads them. Both kinds of engine are known: one
// whose image ID is the digest of a config (the classic store) and one whose image
// ID is the digest of a manifest or an index (the containerd store).
package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

// Request is an image to take in.
type Request struct {
	Store      *registry.Store
	Repository string
	Tag        string
	// ImageID is the engine's; the image of the archive has to be this one.
	ImageID string
	// Archive is what the engine saved: a docker-archive or an OCI layout.
	Archive io.Reader
}

// Import takes an image into a registry and returns the digest of its manifest or
// index. Equal images have equal digests: of an engine that knows images by a
// digest of their manifest that digest, byte for byte; of another one a manifest is
// made, with layers that are compressed always alike. Killed at any instant, it
// leaves nothing under the tag. A tag never moves; see [registry.MovedError].
func Import(ctx context.Context, r Request) (digest.Digest, error) {
	want, err := digest.Parse(r.ImageID)
	if err != nil {
		return "", fmt.Errorf("image ID %q is no digest: %w", r.ImageID, err)
	}
	release, err := r.Store.Hold(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	dir, err := r.Store.Scratch()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	s, err := unpack(contextReader{ctx, r.Archive}, dir)
	if err != nil {
		return "", err
	}
	if top, ok, err := s.layout(want); err != nil {
		return "", err
	} else if ok {
		return r.verbatim(ctx, s, top)
	}
	return r.convert(ctx, s, want)
}

// layout finds the descriptor of an image in an OCI layout.
func (s *spool) layout(want digest.Digest) (ocispec.Descriptor, bool, error) {
	if _, ok := s.files["oci-layout"]; !ok {
		return ocispec.Descriptor{}, false, nil
	}
	raw, err := s.json("index.json")
	if err != nil {
		return ocispec.Descriptor{}, false, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return ocispec.Descriptor{}, false, fmt.Errorf("index.json of the archive: %w", err)
	}
	for _, d := range index.Manifests {
		if d.Digest == want {
			return d, true, nil
		}
	}
	return ocispec.Descriptor{}, false, nil
}

// maxDepth is how deep indexes may lie in each other.
const maxDepth = 4

// verbatim takes a manifest and all that it is made of as they are.
func (r Request) verbatim(ctx context.Context, s *spool, top ocispec.Descriptor) (digest.Digest, error) {
	if err := r.parts(ctx, s, top, 0); err != nil {
		return "", err
	}
	raw, err := s.blob(top.Digest)
	if err != nil {
		return "", err
	}
	return r.Store.PinManifest(ctx, r.Repository, r.Tag, top.MediaType, raw)
}

func (s *spool) blob(d digest.Digest) ([]byte, error) {
	return s.json(blobName(d))
}

func blobName(d digest.Digest) string { return "blobs/" + d.Algorithm().String() + "/" + d.Encoded() }

// parts takes what a manifest is made of, and the manifests of an index.
func (r Request) parts(ctx context.Context, s *spool, at ocispec.Descriptor, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("indexes of the archive lie more than %d deep in each other", maxDepth)
	}
	raw, err := s.blob(at.Digest)
	if err != nil {
		return err
	}
	content, err := registry.ParseManifest(at.MediaType, raw)
	if err != nil {
		return err
	}
	for _, b := range content.Blobs() {
		f, err := s.file(blobName(b.Digest))
		if err == nil {
			err = r.blobFile(ctx, f.path, b.Digest)
		}
		if err != nil {
			return err
		}
	}
	for _, child := range content.Manifests {
		if err := r.parts(ctx, s, child, depth+1); err != nil {
			return err
		}
		raw, err := s.blob(child.Digest)
		if err != nil {
			return err
		}
		if _, err := r.Store.PutManifest(ctx, r.Repository, child.Digest.String(), child.MediaType, raw); err != nil {
			return err
		}
	}
	return nil
}

func (r Request) blobFile(ctx context.Context, path string, d digest.Digest) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, _, err = r.Store.PutBlob(ctx, r.Repository, f, d)
	return err
}

// contextReader ends a stream with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
