package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/errgroup"
)

// saved is one image of a docker-archive's manifest.json.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// convert makes a manifest for an image that is known by the digest of its config.
func (r Request) convert(ctx context.Context, s *spool, want digest.Digest) (digest.Digest, error) {
	image, config, err := s.image(want)
	if err != nil {
		return "", err
	}
	diffs, err := diffIDs(config, image)
	if err != nil {
		return "", err
	}
	layers := make([]ocispec.Descriptor, len(diffs))
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, name := range image.Layers {
		group.Go(func() (err error) {
			layers[i], err = r.layer(working, s, name, diffs[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	if _, _, err := r.Store.PutBlob(ctx, r.Repository, bytes.NewReader(config), want); err != nil {
		return "", err
	}
	raw, err := json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: want, Size: int64(len(config))},
		Layers: layers,
	})
	if err != nil {
		return "", err
	}
	return r.Store.PinManifest(ctx, r.Repository, r.Tag, ocispec.MediaTypeImageManifest, raw)
}

// image finds the image whose config has the digest.
func (s *spool) image(want digest.Digest) (saved, []byte, error) {
	raw, err := s.json("manifest.json")
	if err != nil {
		return saved{}, nil, fmt.Errorf("neither a docker-archive nor an OCI layout with %s: %w", want, err)
	}
	var images []saved
	if err := json.Unmarshal(raw, &images); err != nil {
		return saved{}, nil, fmt.Errorf("manifest.json of the archive: %w", err)
	}
	for _, image := range images {
		f, err := s.file(image.Config)
		if err != nil {
			return saved{}, nil, err
		}
		if f.digest != want {
			continue
		}
		if f.size > maxJSON {
			return saved{}, nil, fmt.Errorf("the config of the archive has %d bytes, at most %d were expected", f.size, maxJSON)
		}
		config, err := os.ReadFile(f.path)
		return image, config, err
	}
	return saved{}, nil, fmt.Errorf("the archive has no image %s; was the image built anew meanwhile?", want)
}

func diffIDs(config []byte, image saved) ([]digest.Digest, error) {
	var c ocispec.Image
	if err := json.Unmarshal(config, &c); err != nil {
		return nil, fmt.Errorf("the image's config: %w", err)
	}
	if len(c.RootFS.DiffIDs) != len(image.Layers) {
		return nil, fmt.Errorf("the image's config has %d layers, the archive has %d", len(c.RootFS.DiffIDs), len(image.Layers))
	}
	return c.RootFS.DiffIDs, nil
}

// layer takes one layer, which may be there already from another image.
func (r Request) layer(ctx context.Context, s *spool, name string, diff digest.Digest) (ocispec.Descriptor, error) {
	f, err := s.file(name)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if f.digest != diff {
		return ocispec.Descriptor{}, fmt.Errorf("layer %q of the archive is %s and has to be %s: the engine's copy is damaged", name, f.digest, diff)
	}
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayerGzip}
	compressed, size, err := r.Store.Compressed(ctx, r.Repository, diff)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	if compressed == "" {
		if compressed, size, err = r.compress(ctx, f.path); err != nil {
			return ocispec.Descriptor{}, err
		}
		if err := r.Store.SetCompressed(diff, compressed); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	d.Digest, d.Size = compressed, size
	return d, nil
}

// compress makes always the same of the same content: neither a name nor a time is
// in it, and one writer works on it from the beginning to the end.
func (r Request) compress(ctx context.Context, path string) (digest.Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	out, in := io.Pipe()
	go func() {
		z, err := gzip.NewWriterLevel(in, gzip.BestSpeed)
		if err == nil {
			_, err = io.Copy(z, contextReader{ctx, f})
			err = errors.Join(err, z.Close())
		}
		in.CloseWithError(err)
	}()
	d, size, err := r.Store.PutBlob(ctx, r.Repository, out, "")
	_ = out.CloseWithError(err) // ends the writer where the store has failed
	return d, size, err
}
