//go:build stockcli

package stockcli_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"github.com/envctl/envctl/components/docker/provider"
	"github.com/envctl/envctl/components/random"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker"
)

// attach serves envctl's providers to the stock CLI, which would start Pulumi's
// own plugins instead. They are made anew for each command, as for envctl: one
// that was told to cancel stays cancelled.
func attach(t *testing.T, c *cli) {
	t.Helper()
	engine, err := docker.Connect(context.WithoutCancel(t.Context()), "", os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	dockerServer, err := provider.New(provider.Options{
		Client: engine.Client(), Builder: builder{engine}, Puller: puller{engine}, Ready: local.Ready(engine),
	})
	if err != nil {
		t.Fatal(err)
	}
	randomServer, err := random.New()
	if err != nil {
		t.Fatal(err)
	}
	c.env["PULUMI_DEBUG_PROVIDERS"] = fmt.Sprintf("docker:%d,random:%d", listen(t, dockerServer), listen(t, randomServer))
}

// listen serves a provider on the loopback until the test ends.
func listen(t *testing.T, server pulumirpc.ResourceProviderServer) int {
	t.Helper()
	stop := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(s, server)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(stop); <-handle.Done })
	return handle.Port
}

type (
	builder struct{ engine *docker.Engine }
	puller  struct{ engine *docker.Engine }
)

func (b builder) Build(ctx context.Context, r provider.BuildRequest) error {
	_, err := b.engine.Build(ctx, docker.BuildRequest{
		Tag: r.Tag, Context: r.Context, Dockerfile: r.Dockerfile, Target: r.Target, Args: r.Args,
	}, nil)
	return err
}

func (p puller) Pull(ctx context.Context, reference, _ string) error {
	_, err := p.engine.Pull(ctx, reference, nil)
	return err
}
