package engine

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/pulumi/pulumi/pkg/v3/engine"
	pkghost "github.com/pulumi/pulumi/pkg/v3/host"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	pkgworkspace "github.com/pulumi/pulumi/pkg/v3/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/env"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
)

// host is Pulumi's plugin host with providers that live in this process. They
// speak gRPC over memory: the engine's own wire format, without a socket.
type host struct {
	plugin.Host
	providers map[string]ProviderFactory

	mu    sync.Mutex
	close []func()
	live  []plugin.Provider
}

func hostFactory(providers map[string]ProviderFactory) engine.HostFactory {
	return func(ctx context.Context, d, statusD diag.Sink, debug plugin.DebugContext) (plugin.Host, error) {
		inner, err := pkghost.New(ctx, d, statusD, debug, pkgworkspace.EnsureLanguageInstalled, nil, nil, nil)
		if err != nil {
			return nil, err
		}
		return &host{Host: inner, providers: providers}, nil
	}
}

// Provider returns a provider of ours, or what Pulumi finds.
func (h *host) Provider(
	ctx *plugin.Context, d workspace.PluginDescriptor, e env.Env,
) (plugin.Provider, error) {
	factory, ok := h.providers[d.Name]
	if !ok {
		return h.Host.Provider(ctx, d, e)
	}
	server, err := factory()
	if err != nil {
		return nil, fmt.Errorf("starting the %s provider: %w", d.Name, err)
	}
	conn, stop, err := serve(server)
	if err != nil {
		return nil, err
	}
	p := plugin.NewProviderWithClient(ctx, pulumirpc.NewResourceProviderClient(conn), false)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.close = append(h.close, stop)
	h.live = append(h.live, p)
	return p, nil
}

// maxMessage bounds one gRPC message, as between Pulumi and a plugin process.
const maxMessage = 400 << 20

func serve(server pulumirpc.ResourceProviderServer) (*grpc.ClientConn, func(), error) {
	listener := bufconn.Listen(256 << 10)
	s := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage))
	pulumirpc.RegisterResourceProviderServer(s, server)
	go func() { _ = s.Serve(listener) }() // ends with Stop
	conn, err := grpc.NewClient("passthrough:memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		s.Stop()
		return nil, nil, err
	}
	return conn, func() { _ = conn.Close(); s.Stop() }, nil
}

// SignalCancellation tells every provider of ours to stop, and the rest.
func (h *host) SignalCancellation() error {
	h.mu.Lock()
	live := h.live
	h.mu.Unlock()
	for _, p := range live {
		_ = p.SignalCancellation(context.Background())
	}
	return h.Host.SignalCancellation()
}

// Close ends the providers of ours, then the rest.
func (h *host) Close() error {
	h.mu.Lock()
	for _, stop := range h.close {
		stop()
	}
	h.close = nil
	h.mu.Unlock()
	return h.Host.Close()
}
