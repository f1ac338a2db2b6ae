package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/middleware/cancel"
	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Version is the version of the official plugin whose types these are.
const Version = "4.10.0"

// Options are what a server works with. Client is required; the others are
// needed by resources that use them, which say so when they are missing.
type Options struct {
	// Client talks to the engine.
	Client *client.Client
	// Builder builds the images of docker.Image.
	Builder Builder
	// Puller gets the images of docker.RemoteImage that the engine has not.
	Puller Puller
	// Ready returns once what runs in the container answers, or an error that
	// says why it never will. It is called for a container with `wait` and the
	// label [LabelReady]; ctx ends after `waitTimeout` or when the container exits.
	Ready func(ctx context.Context, c ContainerInfo) error
	// Ahead knows of networks that are on their way already; nil: none is.
	Ahead *Ahead
	// Parallel bounds how many containers are made, started or removed at once;
	// 0 is no bound.
	Parallel int
}

// ContainerInfo names a container that has been started.
type ContainerInfo struct {
	ID, Name string
	Labels   map[string]string
}

// New returns a provider server. It makes no call to the engine and holds
// nothing that needs closing; Cancel ends every call in flight and the server.
func New(opts Options) (pulumirpc.ResourceProviderServer, error) {
	if opts.Client == nil {
		return nil, fmt.Errorf("docker provider: Options.Client is nil")
	}
	return p.RawServer("docker", Version, cancel.Wrap(newKinds(opts).provider()))(nil)
}

// handler is one resource type at the engine.
type handler interface {
	create(context.Context, p.CreateRequest) (p.CreateResponse, error)
	read(context.Context, p.ReadRequest) (p.ReadResponse, error)
	update(context.Context, p.UpdateRequest) (p.UpdateResponse, error)
	delete(context.Context, p.DeleteRequest) error
}

type kind struct {
	schema
	handler
}

type kinds map[string]kind

func newKinds(opts Options) kinds {
	api, host := opts.Client, opts.Client.DaemonHost()
	var making containerAPI = api
	if opts.Parallel > 0 {
		making = limited{api, make(chan struct{}, opts.Parallel)}
	}
	return kinds{
		"docker:index/network:Network":         {networkSchema(), networks{api, api, opts.Ahead, host}},
		"docker:index/volume:Volume":           {volumeSchema(), volumes{api, host}},
		"docker:index/remoteImage:RemoteImage": {remoteImageSchema(), remoteImages{api, opts.Puller, host}},
		"docker:index/image:Image":             {imageSchema(), images{api, opts.Builder, host}},
		"docker:index/container:Container": {containerSchema(), containers{
			api: making, state: api, images: api, ready: opts.Ready, failed: &failures{}, host: host}},
	}
}

func (ks kinds) find(urn presource.URN) (kind, error) {
	k, ok := ks[string(urn.Type())]
	if !ok {
		names := make([]string, 0, len(ks))
		for t := range ks {
			names = append(names, t[strings.LastIndex(t, ":")+1:])
		}
		slices.Sort(names)
		return kind{}, fmt.Errorf("resource type %q is not implemented by envctl's docker provider, which has %s: "+
			"set ENVCTL_PROVIDERS=official to use Pulumi's own docker plugin", urn.Type(), strings.Join(names, ", "))
	}
	return k, nil
}

func (ks kinds) provider() p.Provider {
	return p.Provider{
		Configure: configure,
		Invoke: func(_ context.Context, req p.InvokeRequest) (p.InvokeResponse, error) {
			return p.InvokeResponse{}, fmt.Errorf("function %q is not implemented by envctl's docker provider: "+
				"set ENVCTL_PROVIDERS=official to use Pulumi's own docker plugin", req.Token)
		},
		Check: func(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
			k, err := ks.find(req.Urn)
			if err != nil {
				return p.CheckResponse{}, err
			}
			return k.check(req), nil
		},
		Diff: func(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
			k, err := ks.find(req.Urn)
			if err != nil {
				return p.DiffResponse{}, err
			}
			return k.diff(req), nil
		},
		Create: func(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
			k, err := ks.find(req.Urn)
			if err != nil {
				return p.CreateResponse{}, err
			}
			return k.create(ctx, req)
		},
		Read: func(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
			k, err := ks.find(req.Urn)
			if err != nil {
				return p.ReadResponse{}, err
			}
			return k.read(ctx, req)
		},
		Update: func(ctx context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
			k, err := ks.find(req.Urn)
			if err != nil {
				return p.UpdateResponse{}, err
			}
			return k.update(ctx, req)
		},
		Delete: func(ctx context.Context, req p.DeleteRequest) error {
			k, err := ks.find(req.Urn)
			if err != nil {
				return err
			}
			return k.delete(ctx, req)
		},
	}
}

// configure refuses provider configuration: which engine is used is settled by
// the process, and a setting that is ignored would mislead.
func configure(_ context.Context, req p.ConfigureRequest) error {
	for name := range req.Args.AllStable {
		if name != "version" && name != "pluginDownloadURL" && !strings.HasPrefix(name, "__") {
			return fmt.Errorf("provider setting \"docker:%s\" is not implemented by envctl's docker provider: "+
				"the engine is the one that DOCKER_HOST or the docker context names; %s", name, wayOut)
		}
	}
	return nil
}
