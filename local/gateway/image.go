package gateway

import (
	"bytes"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/envctl/envctl/carry/image"
	"github.com/envctl/envctl/local/gateway/binary"
)

const (
	// User is the uid and gid that the gateway runs as.
	User = "65532:65532"
	// Path is the program in the image, which holds no other file.
	Path = "/gateway"
	// TrustFolder is where a volume is mounted that the gateway writes its certificate
	// authority into (protocol.Models.Trust) and the workloads read it from.
	TrustFolder = "/run/envctl/trust"

	kindLabel = "dev.envctl.kind"
	// ofLabel makes every owner's image another one, of the same layer. An engine removes
	// an image with its last name in two steps, and takes a name with it that the image
	// was given in between.
	ofLabel = "dev.envctl.gateway-of"
)

// Repository is the name, without a tag, that an owner's gateway image has. Every
// owner (EXPERIMENT.INSTANCE) has its own, with the same content: one experiment can
// then go down while another comes up.
func Repository(owner string) string { return "envctl/" + owner + "/gateway" }

// Ref returns the name of an owner's gateway image for an architecture of Go
// (amd64, arm64), with the start of the program's SHA-256 as tag. An engine that
// has an image of that name needs no [Image].
func Ref(arch, owner string) (string, error) {
	program, err := binary.For(arch)
	if err != nil {
		return "", err
	}
	return Repository(owner) + ":" + program.SHA256[:16], nil
}

// Image returns the image for an architecture of Go as an archive that an engine
// loads (ImageLoad), and its name. Equal programs and owners give equal bytes.
func Image(arch, owner string) (archive io.Reader, ref string, err error) {
	if ref, err = Ref(arch, owner); err != nil {
		return nil, "", err
	}
	built, err := build(arch, owner)
	if err != nil {
		return nil, "", fmt.Errorf("image of the gateway: %w", err)
	}
	tag, err := name.NewTag(ref, name.WithDefaultRegistry(""))
	if err != nil {
		return nil, "", fmt.Errorf("image of the gateway: %w", err)
	}
	var out bytes.Buffer
	if err := tarball.Write(tag, built, &out); err != nil {
		return nil, "", fmt.Errorf("image of the gateway: %w", err)
	}
	return &out, ref, nil
}

func build(arch, owner string) (v1.Image, error) {
	program, err := binary.For(arch)
	if err != nil {
		return nil, err
	}
	content, err := program.Bytes()
	if err != nil {
		return nil, err
	}
	return image.New(image.Spec{
		Program: content, Path: Path, Arch: arch, User: User, Labels: map[string]string{kindLabel: "gateway", ofLabel: owner},
		Folders: []string{"/run", "/run/envctl", TrustFolder},
	})
}
