package dockerrun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/install"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/oneshot"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	outside     = "bridge" // the engine's own network, which has a way out
	gatewayUser = 65532
	gatewayCPU  = 0.5

	gatewayName = "gateway" // that programs call it by
	buildName   = "build"   // that it calls a build step by
	runName     = "run"     // that it calls a program by
	indexName   = "index"   // of an index behind the gateway's ingress
	ingressPort = 80
	egressPort  = 3128

	// groundTimeout bounds what must be removed even when the context has ended.
	groundTimeout = 30 * time.Second
)

// ground makes what a program with a way out stands on: a network without one, and
// a gateway that leads to its index or its hosts and nowhere else. place.remove
// removes both.
func (r *Runner) ground(ctx context.Context, engine *docker.Engine, p oneshot.Program, labels map[string]string) (place, error) {
	config, where, err := wayOut(ctx, p)
	if err != nil {
		return place{}, err
	}
	where.remove = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), groundTimeout)
		defer cancel()
		_, err := engine.Sweep(ctx, maps.Clone(labels), docker.SweepOptions{KeepImages: true})
		return err
	}
	id, address, err := makeGround(ctx, engine, where.network, config, labels, r.Hosts)
	if err == nil && len(p.Egress) > 0 {
		where.gateway = id
		err = listening(ctx, engine, id)
	}
	if err != nil {
		return place{}, errors.Join(err, where.remove())
	}
	// Isolation with a network stack of its own has no resolver of the engine's.
	where.hosts = []string{gatewayName + ":" + address.String(), indexName + ":" + address.String()}
	return where, nil
}

// wayOut is the gateway's configuration for a program, and what the program finds.
func wayOut(ctx context.Context, p oneshot.Program) (config protocol.Config, where place, err error) {
	where = place{network: "envctl-run." + p.ID, client: buildName}
	direct := "localhost,127.0.0.1"
	if p.Index == nil {
		where.client, direct = runName, direct+","+gatewayName
		config.Egress = protocol.Egress{
			Listen: egressPort, Clients: []protocol.EgressClient{{App: runName, Host: runName, Allow: p.Egress}},
		}
	} else {
		var seen string
		if config, seen, err = reach(ctx, *p.Index); err != nil {
			return config, where, err
		}
		where.env = p.Index.Env(seen)
	}
	if len(config.Egress.Clients) > 0 {
		proxy := fmt.Sprintf("http://%s:%d", gatewayName, egressPort)
		where.env = append(where.env, "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy, "http_proxy="+proxy, "https_proxy="+proxy,
			"NO_PROXY="+direct, "no_proxy="+direct)
	}
	return config, where, nil
}

// makeGround makes the network and the gateway on it, and returns its ID and
// address.
func makeGround(
	ctx context.Context, engine *docker.Engine, name string, config protocol.Config, labels map[string]string, names []string,
) (string, netip.Addr, error) {
	inner := client.NetworkCreateOptions{Labels: labels}
	sandbox.InternalNetwork().Apply(&inner)
	if _, err := engine.Client().NetworkCreate(ctx, name, inner); err != nil {
		return "", netip.Addr{}, fmt.Errorf("make the network of the run: %w", err)
	}
	options, err := gatewayOptions(ctx, engine, name, config, labels, names)
	if err != nil {
		return "", netip.Addr{}, err
	}
	made, err := engine.Client().ContainerCreate(ctx, options)
	if err != nil {
		return "", netip.Addr{}, fmt.Errorf("make the gateway of the run: %w", err)
	}
	if _, err := engine.Client().NetworkConnect(ctx, outside, client.NetworkConnectOptions{Container: made.ID}); err != nil {
		return "", netip.Addr{}, fmt.Errorf("connect the gateway of the run: %w", err)
	}
	if _, err := engine.Client().ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return "", netip.Addr{}, fmt.Errorf("start the gateway of the run: %w", err)
	}
	found, ok, err := engine.Inspect(ctx, made.ID)
	if err != nil {
		return "", netip.Addr{}, err
	}
	if !ok || found.NetworkSettings == nil || found.NetworkSettings.Networks[name] == nil || !found.NetworkSettings.Networks[name].IPAddress.IsValid() {
		return "", netip.Addr{}, errors.New("the gateway of the run has ended: " + logs(ctx, engine, made.ID))
	}
	return made.ID, found.NetworkSettings.Networks[name].IPAddress, nil
}

func gatewayOptions(
	ctx context.Context, engine *docker.Engine, name string, config protocol.Config, labels map[string]string, names []string,
) (client.ContainerCreateOptions, error) {
	encoded, err := config.Encode()
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	arch, err := engine.Arch(ctx)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	image, err := install.Image(ctx, engine, arch, gatewayOwner)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	out := client.ContainerCreateOptions{
		Name: name + ".gateway",
		Config: &container.Config{
			Image: image, Hostname: gatewayName, Env: []string{protocol.EnvConfig + "=" + encoded}, Labels: labels,
		},
		HostConfig: &container.HostConfig{},
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			name: {Aliases: []string{gatewayName, indexName}},
		}},
	}
	w := plan.Workload{User: gatewayUser, CPU: gatewayCPU, Memory: gateway.MemoryLimit}
	profile := sandbox.New(sandbox.Gateway, w, name, outside)
	profile.Sysctls = gateway.Sysctls(false)
	if len(config.Egress.Clients) > 0 {
		profile.DNS = nil // it resolves the index as this machine does, which its clients cannot
	}
	profile.Apply(out.Config, out.HostConfig)
	out.HostConfig.ExtraHosts = names
	return out, nil
}

// gatewayOwner is who the gateway's image of one-shot runs belongs to.
const gatewayOwner = "run"

// reach is the gateway's configuration for an index, and the address that the
// index has from inside.
//
// An index of the internet is reached through the proxy, which leads to public
// addresses only. One that the user runs on a private address is reached through
// the gateway's ingress, which leads to that address and port and to no other. Either
// way packages are read and nothing is sent.
func reach(ctx context.Context, index oneshot.Index) (protocol.Config, string, error) {
	u, err := url.Parse(index.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return protocol.Config{}, "", &oneshot.Error{What: fmt.Sprintf("package index %q is no address", withoutPassword(index.URL)), Kind: "index", Exit: 2,
			Why: "expected http:// or https:// with a host and no password", Mend: "correct the variable that names it"}
	}
	addr, private, err := privateAddress(ctx, u.Hostname())
	if err != nil {
		return protocol.Config{}, "", err
	}
	if !private {
		host := u.Host
		if u.Port() == "" && u.Scheme == "http" {
			host += ":80"
		}
		allow := append([]string{host}, index.Hosts...)
		return protocol.Config{Egress: protocol.Egress{
			Listen: egressPort, Clients: []protocol.EgressClient{{App: buildName, Host: buildName, Allow: allow, ReadOnly: true}},
		}}, index.URL, nil
	}
	if u.Scheme == "https" || addr.IsLoopback() {
		return protocol.Config{}, "", &oneshot.Error{What: fmt.Sprintf("package index %q cannot be reached from a container", index.URL), Kind: "index", Exit: 2,
			Why:  "an index on a private address has to speak http and be at an address of the network, not at the loopback",
			Mend: "let it listen at an address of this machine's network, as in http://192.168.1.5:3141/simple"}
	}
	port := 80
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return protocol.Config{}, "", fmt.Errorf("port of the package index: %w", err)
		}
	}
	u.Host = indexName
	return protocol.Config{Ingress: protocol.Ingress{HostOnly: true, Inside: protocol.Inside{
		Listen: ingressPort, Routes: []protocol.InsideRoute{{App: indexName, Host: addr.String(), Port: port, ReadOnly: true}},
	}}}, u.String(), nil
}

// withoutPassword is an address fit for a message, also where it is none.
func withoutPassword(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	scheme, _, found := strings.Cut(address[:at], "://")
	if !found {
		return "…" + address[at:]
	}
	return scheme + "://…" + address[at:]
}

// privateAddress resolves a host here, where the user's own names are known.
func privateAddress(ctx context.Context, host string) (netip.Addr, bool, error) {
	var resolver net.Resolver
	all, err := resolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		if ctx.Err() != nil {
			return netip.Addr{}, false, context.Cause(ctx)
		}
		return netip.Addr{}, false, nil // the gateway may know better
	}
	for _, addr := range all {
		if addr = addr.Unmap(); !addr.IsPrivate() && !addr.IsLoopback() {
			return netip.Addr{}, false, nil
		}
	}
	if len(all) == 0 {
		return netip.Addr{}, false, nil
	}
	return all[0].Unmap(), true, nil
}

// logs is the end of what a container said.
func logs(ctx context.Context, engine *docker.Engine, id string) string {
	answer, err := engine.Client().ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return err.Error()
	}
	defer func() { _ = answer.Close() }()
	text := make([]byte, 2048)
	n, _ := answer.Read(text)
	return string(text[:n])
}
