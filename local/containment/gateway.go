package containment

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/install"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	proxyPort = 3128
	// proxyClient is what the gateway knows the hostile program by.
	proxyClient = "probe--replicas"
	// allowed is the only host that the program may reach. It has the canary's address,
	// which is of a reserved range, as a name that was bound anew would have.
	allowed = "allowed.example.com"
	refused = "refused.example.com"
)

// ownerOf is whose image the gateway's of a run is.
func ownerOf(run string) string { return experiment + "." + run }

// makeGateway starts the gateway of an experiment, with one host allowed to the
// program. Its look-ups go to the canary, so that each is seen.
func (w *world) makeGateway(ctx context.Context) error {
	api := w.engine.Client()
	arch, err := w.engine.Arch(ctx)
	if err != nil {
		return err
	}
	ref, err := install.Image(ctx, w.engine, arch, ownerOf(w.run))
	if err != nil {
		return err
	}
	config, err := protocol.Config{Egress: protocol.Egress{Listen: proxyPort, Clients: []protocol.EgressClient{
		{App: "probe", Host: proxyClient, Allow: []string{allowed}},
	}}}.Encode()
	if err != nil {
		return fmt.Errorf("the gateway's configuration: %w", err)
	}
	spec, err := w.gatewaySpec(ctx)
	if err != nil {
		return err
	}
	spec.Config.Image, spec.Config.Env = ref, []string{protocol.EnvConfig + "=" + config}
	id, err := w.engine.Create(ctx, spec)
	if err != nil {
		return err
	}
	if _, err := api.NetworkConnect(ctx, "bridge", client.NetworkConnectOptions{Container: id}); err != nil {
		return err
	}
	if _, err := api.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return err
	}
	got, ok, err := w.engine.Inspect(ctx, id)
	if err != nil || !ok {
		return errors.Join(err, errors.New("the gateway is gone"))
	}
	w.proxy = got.NetworkSettings.Networks[w.inside].IPAddress
	return nil
}

func (w *world) gatewaySpec(ctx context.Context) (docker.RunSpec, error) {
	info, err := w.engine.Info(ctx)
	if err != nil {
		return docker.RunSpec{}, err
	}
	choice, err := isolation.Choose(isolation.Container, isolation.Engine{Runtimes: info.Runtimes, Default: info.DefaultRuntime}, false)
	if err != nil {
		return docker.RunSpec{}, err
	}
	spec := w.bare(w.inside)
	profile := sandbox.New(sandbox.Gateway, plan.Workload{User: user, CPU: 0.5, Memory: gateway.MemoryLimit}, w.inside, "bridge")
	profile.Runtime, profile.Sysctls = choice.Runtime, gateway.Sysctls(false)
	profile.Apply(&spec.Config, &spec.HostConfig)
	spec.HostConfig.ExtraHosts = []string{allowed + ":" + w.outside.address.String()}
	spec.HostConfig.DNS = []netip.Addr{w.outside.address}
	return spec, nil
}
