// Package archive makes of an image in a registry's store an archive that a Docker
// Engine loads bit for bit.
//
// The archive is an image layout of OCI, from which an engine with the containerd
// image store takes the very manifest, and so the image has the digest that it has
// in the registry; and it has the manifest.json of `docker save`, from which every
// other engine, 20.10 too, takes the very configuration, whose digest is the
// image's ID there.
package archive

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/envctl/envctl/local/registry"
)

// Image is one image of a store, for one platform.
type Image struct {
	Manifest digest.Digest // of the platform's own manifest: the ID in the containerd image store
	Config   digest.Digest // the ID in the classic image store

	store      *registry.Store
	repository string
	manifest   registry.Manifest
	content    *registry.Content
}

// PlatformError says that an index has no image for an architecture.
type PlatformError struct {
	Digest       string
	Architecture string
	Has          []string // OS/ARCHITECTURE
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("image %s has no manifest for linux/%s, only for %s", e.Digest, e.Architecture, strings.Join(e.Has, ", "))
}

// maxDepth is how deep indexes are followed: an index of an index is the most that
// tools make.
const maxDepth = 3

// Find returns the image of a manifest, or of an index the one for an architecture
// of Go. What the store does not have is an error that [registry.IsNotFound] knows.
func Find(store *registry.Store, repository, reference, architecture string) (*Image, error) {
	at := reference
	for range maxDepth {
		m, err := store.Resolve(repository, at)
		if err != nil {
			return nil, err
		}
		c, err := registry.ParseManifest(m.MediaType, m.Raw)
		if err != nil {
			return nil, err
		}
		if !c.IsIndex() {
			if c.Config == nil {
				return nil, fmt.Errorf("%s of repository %q is a %s, which no engine runs", m.Digest, repository, c.MediaType)
			}
			return &Image{Manifest: m.Digest, Config: c.Config.Digest, store: store, repository: repository, manifest: m, content: c}, nil
		}
		next, err := choose(c.Manifests, reference, architecture)
		if err != nil {
			return nil, err
		}
		at = next.String()
	}
	return nil, fmt.Errorf("image %s of repository %q is an index of indexes, more than %d deep", reference, repository, maxDepth)
}

// choose returns the first manifest for linux on an architecture. One that names
// no platform is for any.
func choose(list []ocispec.Descriptor, reference, architecture string) (digest.Digest, error) {
	var has []string
	for _, d := range list {
		if d.Platform == nil || d.Platform.OS == "linux" && d.Platform.Architecture == architecture {
			return d.Digest, nil
		}
		has = append(has, d.Platform.OS+"/"+d.Platform.Architecture)
	}
	slices.Sort(has)
	return "", &PlatformError{Digest: reference, Architecture: architecture, Has: slices.Compact(has)}
}

// Write writes the archive, in which the image has a name NAME:TAG.
func (i *Image) Write(w io.Writer, tag string) error {
	out := tar.NewWriter(w)
	layout, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	index, err := i.index(tag)
	if err != nil {
		return err
	}
	listing, err := i.listing(tag)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{ocispec.ImageLayoutFile, layout}, {ocispec.ImageIndexFile, index},
		{"manifest.json", listing}, {blobPath(i.Manifest), i.manifest.Raw},
	} {
		if err := writeEntry(out, f.name, int64(len(f.content)), strings.NewReader(string(f.content))); err != nil {
			return err
		}
	}
	written := map[digest.Digest]bool{}
	for _, b := range append([]ocispec.Descriptor{*i.content.Config}, i.content.Layers...) {
		if written[b.Digest] { // the same layer twice
			continue
		}
		written[b.Digest] = true
		if err := i.copyBlob(out, b.Digest); err != nil {
			return err
		}
	}
	return out.Close()
}

func (i *Image) index(tag string) ([]byte, error) {
	name, version, _ := strings.Cut(tag, ":")
	return json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
		Manifests: []ocispec.Descriptor{{
			MediaType: i.content.MediaType, Digest: i.Manifest, Size: int64(len(i.manifest.Raw)),
			Annotations: map[string]string{
				"io.containerd.image.name": "docker.io/" + name + ":" + version,
				ocispec.AnnotationRefName:  version,
			},
		}},
	})
}

// listing is the manifest.json of `docker save`.
func (i *Image) listing(tag string) ([]byte, error) {
	entry := struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{Config: blobPath(i.Config), RepoTags: []string{tag}, Layers: []string{}}
	for _, l := range i.content.Layers {
		entry.Layers = append(entry.Layers, blobPath(l.Digest))
	}
	return json.Marshal([]any{entry})
}

func (i *Image) copyBlob(out *tar.Writer, d digest.Digest) error {
	f, size, err := i.store.OpenBlob(i.repository, d)
	if err != nil {
		return err
	}
	defer f.Close()
	return writeEntry(out, blobPath(d), size, f)
}

func writeEntry(out *tar.Writer, name string, size int64, content io.Reader) error {
	err := out.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: name, Mode: 0o444, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return err
}

func blobPath(d digest.Digest) string {
	return ocispec.ImageBlobsDir + "/" + string(d.Algorithm()) + "/" + d.Encoded()
}
