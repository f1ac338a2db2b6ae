package containment

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/envctl/envctl/local/containment/attempt"
	"github.com/envctl/envctl/local/containment/binary"
)

// program is the probe's path in its image.
const program = "/probe"

// load gives the engine the probe's image. It has what an image may have against
// its host: a set-user-ID program of root's, a folder that all may write to, and tools
// that an engine could take for those that unpack archives.
func (w *world) load(ctx context.Context) error {
	arch, err := w.engine.Arch(ctx)
	if err != nil {
		return err
	}
	carried, err := binary.Programs().For(arch)
	if err != nil {
		return err
	}
	content, err := carried.Bytes()
	if err != nil {
		return err
	}
	built, err := w.build(content, arch)
	if err != nil {
		return fmt.Errorf("image of the probe: %w", err)
	}
	tag, err := name.NewTag(w.image, name.WithDefaultRegistry(""))
	if err != nil {
		return fmt.Errorf("image of the probe: %w", err)
	}
	var archive bytes.Buffer
	if err := tarball.Write(tag, built, &archive); err != nil {
		return fmt.Errorf("image of the probe: %w", err)
	}
	_, err = w.engine.LoadImage(ctx, &archive)
	return err
}

func (w *world) build(content []byte, arch string) (v1.Image, error) {
	layer, err := layer(content)
	if err != nil {
		return nil, err
	}
	built, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	file, err := built.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	file.Config = v1.Config{Entrypoint: []string{program}, Labels: w.labels}
	return mutate.ConfigFile(built, file)
}

func layer(content []byte) (v1.Layer, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	size := int64(len(content))
	headers := []*tar.Header{
		{Name: "tmp/", Mode: 0o1777, Typeflag: tar.TypeDir}, {Name: "home/", Mode: 0o777, Typeflag: tar.TypeDir},
		{Name: program[1:], Mode: 0o777, Size: size, Typeflag: tar.TypeReg},
		{Name: attempt.SetUIDProgram[1:], Mode: 0o4755, Size: size, Typeflag: tar.TypeReg},
	}
	for _, name := range attempt.Tools {
		headers = append(headers, &tar.Header{Name: "usr/bin/" + name, Typeflag: tar.TypeLink, Linkname: program[1:], Mode: 0o777})
	}
	for _, h := range headers {
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if _, err := w.Write(content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(out.Bytes())), nil })
}
