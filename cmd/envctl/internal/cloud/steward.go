package cloud

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/azure/steward"
)

// steward gives the image of the steward, which this program carries. With start
// it is served on a loopback address until [Cloud.Close].
func (c *Cloud) steward(ctx context.Context, start bool) (target.ImageSource, error) {
	image, err := steward.Image(steward.Arch)
	if err != nil {
		return target.ImageSource{}, err
	}
	sum, err := image.Digest()
	if err != nil {
		return target.ImageSource{}, err
	}
	digest := sum.String()
	out := target.ImageSource{Source: names.StewardRepository + "@" + digest, Digest: digest, Repository: names.StewardRepository}
	if !start {
		return out, nil
	}
	address, err := c.serveSteward(ctx, image)
	out.Source = address + "/" + out.Source
	return out, err
}

// headerPatience is how long a connection may take to say what it wants.
const headerPatience = 10 * time.Second

func (c *Cloud) serveSteward(ctx context.Context, image v1.Image) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for who copies the steward's image: %w", err)
	}
	server := &http.Server{
		Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), ReadHeaderTimeout: headerPatience,
	}
	go func() { _ = server.Serve(l) }() // ends with Close
	c.closers = append(c.closers, server.Close)
	tag, err := name.NewTag(l.Addr().String()+"/"+names.StewardRepository+":carried", name.Insecure)
	if err != nil {
		return "", err
	}
	return l.Addr().String(), remote.Write(tag, image, remote.WithContext(ctx))
}
