package archive

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

// Export writes an image of a registry so that an engine of either kind can load
// it: an OCI layout that is a docker-archive, too. Of an index a classic engine
// takes the image for linux and the architecture given, as in "amd64". With a name
// (NAME:TAG) the engine gives it to the image; empty: none.
func Export(ctx context.Context, store *registry.Store, repository string, d digest.Digest, architecture, name string, w io.Writer) error {
	release, err := store.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	e := &export{store: store, repository: repository, tar: tar.NewWriter(w), ctx: ctx, done: map[digest.Digest]bool{}}
	top, err := store.Resolve(repository, d.String())
	if err != nil {
		return err
	}
	if err := e.manifest(top, 0); err != nil {
		return err
	}
	if err := e.index(top, name); err != nil {
		return err
	}
	if err := e.classic(top, architecture, name); err != nil {
		return err
	}
	return e.tar.Close()
}

type export struct {
	ctx        context.Context
	store      *registry.Store
	repository string
	tar        *tar.Writer
	done       map[digest.Digest]bool
}

func (e *export) bytes(name string, raw []byte) error {
	err := e.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(raw))})
	if err == nil {
		_, err = e.tar.Write(raw)
	}
	return err
}

// manifest writes a manifest after all that it is made of.
func (e *export) manifest(m registry.Manifest, depth int) error {
	if e.done[m.Digest] {
		return nil
	}
	if depth > maxDepth {
		return fmt.Errorf("indexes lie more than %d deep in each other", maxDepth)
	}
	e.done[m.Digest] = true
	content, err := registry.ParseManifest(m.MediaType, m.Raw)
	if err != nil {
		return err
	}
	for _, b := range content.Blobs() {
		if err := e.blob(b.Digest); err != nil {
			return err
		}
	}
	for _, child := range content.Manifests {
		m, err := e.store.Resolve(e.repository, child.Digest.String())
		if err != nil {
			return err
		}
		if err := e.manifest(m, depth+1); err != nil {
			return err
		}
	}
	return e.bytes(blobName(m.Digest), m.Raw)
}

func (e *export) blob(d digest.Digest) error {
	if e.done[d] {
		return nil
	}
	e.done[d] = true
	f, size, err := e.store.OpenBlob(e.repository, d)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := e.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: blobName(d), Mode: 0o644, Size: size}); err != nil {
		return err
	}
	_, err = io.Copy(e.tar, contextReader{e.ctx, f})
	return err
}

// index writes what makes an OCI layout of the archive.
func (e *export) index(top registry.Manifest, name string) error {
	d := ocispec.Descriptor{MediaType: top.MediaType, Digest: top.Digest, Size: int64(len(top.Raw))}
	if name != "" {
		// containerd takes the name as it is, and the engine looks for the long one.
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			return fmt.Errorf("%q names no image: %w", name, err)
		}
		d.Annotations = map[string]string{"io.containerd.image.name": named.String()}
	}
	raw, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{d},
	})
	if err != nil {
		return err
	}
	return errors.Join(e.bytes("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)), e.bytes("index.json", raw))
}

// classic writes what makes a docker-archive of the archive.
func (e *export) classic(top registry.Manifest, architecture, name string) error {
	m, err := e.platform(top, architecture)
	if err != nil {
		return err
	}
	content, err := registry.ParseManifest(m.MediaType, m.Raw)
	if err != nil {
		return err
	}
	if content.Config == nil {
		return fmt.Errorf("%s is no image: it has no config", m.Digest)
	}
	image := saved{Config: blobName(content.Config.Digest)}
	for _, layer := range content.Layers {
		image.Layers = append(image.Layers, blobName(layer.Digest))
	}
	if name != "" {
		image.RepoTags = []string{name}
	}
	raw, err := json.Marshal([]saved{image})
	if err != nil {
		return err
	}
	return e.bytes("manifest.json", raw)
}

// platform is the image for an architecture.
func (e *export) platform(m registry.Manifest, architecture string) (registry.Manifest, error) {
	for range maxDepth {
		content, err := registry.ParseManifest(m.MediaType, m.Raw)
		if err != nil || !content.IsIndex() {
			return m, err
		}
		next := digest.Digest("")
		for _, child := range content.Manifests {
			if p := child.Platform; next == "" && (p == nil || p.OS == "linux" && p.Architecture == architecture) {
				next = child.Digest
			}
		}
		if next == "" {
			return m, fmt.Errorf("the index %s has no image for linux/%s", m.Digest, architecture)
		}
		if m, err = e.store.Resolve(e.repository, next.String()); err != nil {
			return m, err
		}
	}
	return m, fmt.Errorf("indexes lie more than %d deep in each other", maxDepth)
}

// Config is the digest of the config of an image, which a classic engine knows it
// by; empty for an index.
func Config(store *registry.Store, repository string, d digest.Digest) (digest.Digest, error) {
	m, err := store.Resolve(repository, d.String())
	if err != nil {
		return "", err
	}
	content, err := registry.ParseManifest(m.MediaType, m.Raw)
	if err != nil || content.Config == nil {
		return "", err
	}
	return content.Config.Digest, nil
}
