// Package image makes container images that hold one carried program and nothing
// else. Equal programs give equal images, byte for byte.
package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec is what an image consists of.
type Spec struct {
	Program []byte
	Path    string // of the program in the image, absolute; the entrypoint
	Arch    string // of Go
	User    string // uid:gid that it runs as
	Labels  map[string]string
	// Folders are empty folders of that user, absolute: a volume that is mounted at
	// one has its owner.
	Folders []string
	// OCI says that the manifest is of the OCI's format instead of Docker's.
	OCI bool
}

// New makes the image. Its only file is owned by root, so that the user it runs as
// cannot change it.
func New(s Spec) (v1.Image, error) {
	content, err := layerTar(s)
	if err != nil {
		return nil, err
	}
	// Compressed once: its digest, its size and its content are asked for apart.
	options := []tarball.LayerOption{tarball.WithCompressedCaching}
	if s.OCI {
		options = append(options, tarball.WithMediaType(types.OCILayer))
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, options...)
	if err != nil {
		return nil, err
	}
	return assemble(s, layer)
}

// assemble makes the image of its only layer.
func assemble(s Spec, layer v1.Layer) (v1.Image, error) {
	base := empty.Image
	if s.OCI {
		base = mutate.ConfigMediaType(mutate.MediaType(base, types.OCIManifestSchema1), types.OCIConfigJSON)
	}
	image, err := mutate.AppendLayers(base, plain{layer})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", s.Arch
	file.Created = v1.Time{Time: time.Unix(0, 0).UTC()}
	file.Config = v1.Config{Entrypoint: []string{s.Path}, User: s.User, Labels: s.Labels}
	return mutate.ConfigFile(image, file)
}

// plain is a layer without the empty annotations that its source adds, so that the
// manifest is the same before and after it was written.
type plain struct{ v1.Layer }

// layerTar returns the image's only layer.
func layerTar(s Spec) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.WriteHeader(programHeader(s.Path, int64(len(s.Program)))); err != nil {
		return nil, err
	}
	if _, err := w.Write(s.Program); err != nil {
		return nil, err
	}
	if err := s.writeFolders(w); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func (s Spec) writeFolders(w *tar.Writer) error {
	if len(s.Folders) == 0 {
		return nil
	}
	var uid, gid int
	if _, err := fmt.Sscanf(s.User, "%d:%d", &uid, &gid); err != nil {
		return fmt.Errorf("owner %q of folders in an image, expected UID:GID: %w", s.User, err)
	}
	for _, folder := range s.Folders {
		header := &tar.Header{
			Typeflag: tar.TypeDir, Name: folder[1:] + "/", Mode: 0o755, Uid: uid, Gid: gid,
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
	}
	return nil
}
