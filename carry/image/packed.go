package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Packed is a program as it is carried.
type Packed struct {
	Content []byte // the program, packed by gzip
	Size    int64  // of the program in bytes
	DiffID  string // what [DiffID] says of the program
}

// DiffID is the digest (sha256:…) of the layer that [NewPacked] makes of a program,
// before it is compressed.
func DiffID(program []byte, path string) (string, error) {
	head, tail, err := around(path, int64(len(program)))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, part := range [][]byte{head, program, tail} {
		_, _ = sum.Write(part) // a hash takes everything
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// NewPacked makes the image of s, which has neither Program nor Folders, without
// unpacking the program or packing it again: what is before and after it in the
// layer is packed apart, for a gzip file may have several members (RFC 1952, 2.2).
func NewPacked(s Spec, p Packed) (v1.Image, error) {
	if len(s.Program) > 0 || len(s.Folders) > 0 {
		return nil, errors.New("an image of a packed program has that alone")
	}
	diff, err := v1.NewHash(p.DiffID)
	if err != nil {
		return nil, fmt.Errorf("digest of the layer of a packed program: %w", err)
	}
	head, tail, err := around(s.Path, p.Size)
	if err != nil {
		return nil, err
	}
	layer := &packedLayer{diff: diff, media: types.DockerLayer}
	if s.OCI {
		layer.media = types.OCILayer
	}
	if head, err = pack(head); err != nil {
		return nil, err
	}
	if tail, err = pack(tail); err != nil {
		return nil, err
	}
	layer.content = slices.Concat(head, p.Content, tail)
	sum := sha256.Sum256(layer.content)
	layer.digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	whole, err := partial.CompressedToLayer(layer)
	if err != nil {
		return nil, err
	}
	return assemble(s, whole)
}

// around is what is before and after the program in a tar that has it alone.
func around(path string, size int64) (head, tail []byte, err error) {
	var out bytes.Buffer
	if err := tar.NewWriter(&out).WriteHeader(programHeader(path, size)); err != nil {
		return nil, nil, err
	}
	const block = 512
	padding := (block - size%block) % block
	return out.Bytes(), make([]byte, padding+2*block), nil
}

// programHeader is the program's in a layer.
func programHeader(path string, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: path[1:], Mode: 0o555, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
}

func pack(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(content)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

// packedLayer is a layer that is compressed already, and whose digests are known.
type packedLayer struct {
	content      []byte
	digest, diff v1.Hash
	media        types.MediaType
}

var (
	_ partial.CompressedLayer = (*packedLayer)(nil)
	_ partial.WithDiffID      = (*packedLayer)(nil)
)

// Digest implements [partial.CompressedLayer].
func (l *packedLayer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID implements [partial.WithDiffID].
func (l *packedLayer) DiffID() (v1.Hash, error) { return l.diff, nil }

// Compressed implements [partial.CompressedLayer].
func (l *packedLayer) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.content)), nil
}

// Size implements [partial.CompressedLayer].
func (l *packedLayer) Size() (int64, error) { return int64(len(l.content)), nil }

// MediaType implements [partial.CompressedLayer].
func (l *packedLayer) MediaType() (types.MediaType, error) { return l.media, nil }
