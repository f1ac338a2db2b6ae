package main

import (
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/sandbox"
)

// The workload is the same for everybody: n containers from one image that is
// there, on one network without a way out, hardened as the sandbox profile says.
// bareNetwork, bareContainer, composeFile and definition say it in each tool's
// words, and [differences] finds what the engine was nevertheless asked for
// differently.
const (
	image  = "envctl-bench/pause:1"
	user   = 65532
	cpus   = 0.25
	memory = 512 << 20
	tmp    = 64 << 20
)

// appName names the i-th container, from 0.
func appName(i int) string { return fmt.Sprintf("app-%02d", i+1) }

// profile is what envctl's own sandbox gives such a container on the network.
func profile(name, network string) sandbox.Profile {
	w := plan.Workload{Kind: plan.App, Name: name, User: user, CPU: cpus, Memory: memory, Scratch: tmp}
	return sandbox.New(sandbox.App, w, network)
}

// bareNetwork is the network in the engine's words.
func bareNetwork() client.NetworkCreateOptions {
	options := client.NetworkCreateOptions{Labels: map[string]string{bareLabel: "true"}}
	sandbox.InternalNetwork().Apply(&options)
	return options
}

// bareContainer is one container in the engine's words.
func bareContainer(name, net string) client.ContainerCreateOptions {
	config := &container.Config{Image: image, Hostname: name, Labels: map[string]string{bareLabel: "true"}}
	host := &container.HostConfig{}
	profile(name, net).Apply(config, host)
	return client.ContainerCreateOptions{
		Name: bareName + "." + name, Config: config, HostConfig: host,
		NetworkingConfig: &network.NetworkingConfig{
			EndpointsConfig: map[string]*network.EndpointSettings{net: {Aliases: []string{name}}},
		},
	}
}

// composeFile is the workload as a Compose file.
func composeFile(n int) map[string]any {
	services := map[string]any{}
	for i := range n {
		services[appName(i)] = composeService(appName(i))
	}
	net := sandbox.InternalNetwork()
	return map[string]any{
		"services": services,
		"networks": map[string]any{"sandbox": map[string]any{
			"driver": net.Driver, "internal": net.Internal, "driver_opts": net.Options, "enable_ipv6": net.EnableIPv6,
		}},
	}
}

func composeService(name string) map[string]any {
	return service(image, name, profile(name, "sandbox"))
}

// service is a container of an image in Compose's words, on the network sandbox.
func service(image, name string, p sandbox.Profile) map[string]any {
	mounts := []string{}
	for path, options := range p.Tmpfs {
		mounts = append(mounts, path+":"+options)
	}
	ulimits := map[string]any{}
	for _, u := range p.Ulimits {
		ulimits[u.Name] = map[string]int64{"soft": u.Value, "hard": u.Value}
	}
	return map[string]any{
		"image":         image,
		"hostname":      name,
		"user":          p.User,
		"cap_drop":      p.CapDrop,
		"security_opt":  p.SecurityOpts,
		"read_only":     p.ReadOnly,
		"init":          p.Init,
		"tmpfs":         mounts,
		"shm_size":      p.ShmSize,
		"mem_limit":     p.Memory,
		"memswap_limit": p.MemorySwap,
		"pids_limit":    p.PidsLimit,
		"cpu_period":    p.CPUPeriod,
		"cpu_quota":     p.CPUQuota,
		"oom_score_adj": p.OOMScoreAdj,
		"ulimits":       ulimits,
		"ipc":           p.IpcMode,
		"cgroup":        p.CgroupnsMode,
		"dns":           p.DNS,
		"dns_search":    p.DNSSearch,
		"dns_opt":       p.DNSOptions,
		"restart":       fmt.Sprintf("%s:%d", p.Restart, p.MaxRetries),
		"logging":       map[string]any{"driver": p.LogDriver, "options": p.LogOpts},
		"networks":      map[string]any{"sandbox": map[string]any{"aliases": []string{name}}},
	}
}

// definition is the workload as an envctl definition: the hardening is envctl's
// own and has no words in it.
func definition(name string, n int) map[string]any {
	apps := map[string]any{}
	for i := range n {
		apps[appName(i)] = map[string]any{"image": image, "user": user, "cpu": cpus, "memory": "0.5Gi", "scratch": "64Mi"}
	}
	return map[string]any{"name": name, "apps": apps}
}
