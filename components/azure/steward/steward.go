// Package steward has the image of the program that looks after an experiment in
// Azure itself; what it does is in the package duty.
package steward

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/envctl/envctl/carry/image"
	"github.com/envctl/envctl/components/azure/steward/binary"
)

const (
	// User is the uid and gid that the steward runs as.
	User = "65532:65532"
	// Path is the program in the image, which holds nothing else.
	Path = "/steward"
	// Arch is the architecture of Go that Container Apps run.
	Arch = "amd64"

	kindLabel = "dev.envctl.kind"
)

// Tag returns the tag of the image for an architecture of Go: the start of the
// program's SHA-256. A registry that has the tag needs no [Image].
func Tag(arch string) (string, error) {
	program, err := binary.Programs().For(arch)
	if err != nil {
		return "", err
	}
	return program.SHA256[:16], nil
}

// Image returns the image for an architecture of Go. Equal programs give equal
// images, so its digest is known before it is anywhere.
func Image(arch string) (v1.Image, error) {
	program, err := binary.Programs().For(arch)
	if err != nil {
		return nil, err
	}
	content, err := program.Packed()
	if err != nil {
		return nil, err
	}
	built, err := image.NewPacked(image.Spec{
		Path: Path, Arch: arch, User: User, OCI: true, Labels: map[string]string{kindLabel: "steward"},
	}, image.Packed{Content: content, Size: program.Size, DiffID: program.DiffID})
	if err != nil {
		return nil, fmt.Errorf("image of the steward: %w", err)
	}
	return built, nil
}

// Digest returns the digest of the image's manifest (sha256:…).
func Digest(arch string) (string, error) {
	built, err := Image(arch)
	if err != nil {
		return "", err
	}
	digest, err := built.Digest()
	return digest.String(), err
}
