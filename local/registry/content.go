package registry

import (
	"encoding/json"
	"mime"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxManifest is the most bytes of a manifest; the specification asks for at least
// 4 MiB.
const maxManifest = 4 << 20

// The media types of Docker's manifests, which mean the same as those of OCI.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Content is what a manifest says, image or index.
type Content struct {
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Subject      *ocispec.Descriptor  `json:"subject"`
	Annotations  map[string]string    `json:"annotations"`
}

// ParseManifest reads a manifest and holds it to the rules of its media type,
// which is what it was sent as; empty: what it says itself.
func ParseManifest(mediaType string, raw []byte) (*Content, error) {
	if len(raw) > maxManifest {
		return nil, badManifest("it has %d bytes, the most is %d", len(raw), maxManifest)
	}
	c := &Content{}
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, badManifest("%v", err)
	}
	if mediaType != "" {
		plain, _, err := mime.ParseMediaType(mediaType)
		if err != nil {
			return nil, badManifest("its media type %s cannot be read: %v", quoted(mediaType), err)
		}
		mediaType = plain
	}
	if mediaType != "" && c.MediaType != "" && mediaType != c.MediaType {
		return nil, badManifest("it was sent as %s and says that it is %s", quoted(mediaType), quoted(c.MediaType))
	}
	if c.MediaType == "" {
		c.MediaType = mediaType
	}
	return c, c.check()
}

func (c *Content) check() error {
	switch {
	case c.MediaType == "":
		return badManifest("it has no media type")
	case c.IsIndex() && (c.Config != nil || len(c.Layers) > 0):
		return badManifest("an index has manifests, no config or layers")
	case !c.IsIndex() && len(c.Manifests) > 0:
		return badManifest("%s has no manifests; an index has", quoted(c.MediaType))
	case c.isImage() && c.Config == nil:
		return badManifest("an image has a config")
	}
	for _, d := range c.all() {
		if _, err := parseDigest(string(d.Digest)); err != nil {
			return badManifest("%v", err)
		}
		if d.Size < 0 {
			return badManifest("%s has the size %d", d.Digest, d.Size)
		}
	}
	return nil
}

// IsIndex says whether the manifest is a list of manifests.
func (c *Content) IsIndex() bool {
	return c.MediaType == ocispec.MediaTypeImageIndex || c.MediaType == dockerList
}

func (c *Content) isImage() bool {
	return c.MediaType == ocispec.MediaTypeImageManifest || c.MediaType == dockerManifest
}

// Blobs are the blobs of an image: its config and its layers, without those that
// are not distributed with it.
func (c *Content) Blobs() []ocispec.Descriptor {
	var out []ocispec.Descriptor
	if c.Config != nil {
		out = append(out, *c.Config)
	}
	for _, layer := range c.Layers {
		if !foreign(layer) {
			out = append(out, layer)
		}
	}
	return out
}

// all are all descriptors, the subject too.
func (c *Content) all() []ocispec.Descriptor {
	out := slices.Concat(c.Layers, c.Manifests)
	for _, d := range []*ocispec.Descriptor{c.Config, c.Subject} {
		if d != nil {
			out = append(out, *d)
		}
	}
	return out
}

// foreign says whether a layer is fetched from elsewhere, by its URLs.
func foreign(d ocispec.Descriptor) bool {
	switch d.MediaType {
	case "application/vnd.oci.image.layer.nondistributable.v1.tar",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
		"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
		return true
	}
	return len(d.URLs) > 0
}

// artifactType is what the referrers of a subject are told apart by.
func (c *Content) artifactType() string {
	if c.ArtifactType == "" && c.Config != nil {
		return c.Config.MediaType
	}
	return c.ArtifactType
}

// descriptor describes the manifest as a referrer.
func (c *Content) descriptor(d digest.Digest, size int) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: c.MediaType, Digest: d, Size: int64(size),
		ArtifactType: c.artifactType(), Annotations: c.Annotations,
	}
}
