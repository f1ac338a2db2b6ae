package docker

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/local/sandbox"
)

// Labels that stand for limits which the docker provider's schema has no
// property for; the provider in this process turns them into the engine's.
const (
	labelPids        = "dev.envctl.pids"
	labelOOMScoreAdj = "dev.envctl.oom-score-adj"
)

const mib = 1 << 20

// hardened writes a profile in the docker provider's terms; its sizes are MiB.
func hardened(p sandbox.Profile) *sdk.ContainerArgs {
	args := &sdk.ContainerArgs{
		User:          pulumi.String(p.User),
		Capabilities:  &sdk.ContainerCapabilitiesArgs{Drops: pulumi.ToStringArray(p.CapDrop)},
		SecurityOpts:  pulumi.ToStringArray(p.SecurityOpts),
		ReadOnly:      pulumi.Bool(p.ReadOnly),
		Init:          pulumi.Bool(p.Init),
		ShmSize:       pulumi.Int(p.ShmSize / mib),
		Memory:        pulumi.Int(p.Memory / mib),
		MemorySwap:    pulumi.Int(p.MemorySwap / mib),
		CpuPeriod:     pulumi.Int(p.CPUPeriod),
		CpuQuota:      pulumi.Int(p.CPUQuota),
		IpcMode:       pulumi.String(p.IpcMode),
		CgroupnsMode:  pulumi.String(p.CgroupnsMode),
		Dns:           pulumi.ToStringArray(p.DNS),
		DnsSearches:   pulumi.ToStringArray(p.DNSSearch),
		DnsOpts:       pulumi.ToStringArray(p.DNSOptions),
		Restart:       pulumi.String(p.Restart),
		MaxRetryCount: pulumi.Int(p.MaxRetries),
		LogDriver:     pulumi.String(p.LogDriver),
		LogOpts:       pulumi.ToStringMap(p.LogOpts),
		MustRun:       pulumi.Bool(true),
		// What is destroyed gets this long to end by itself; experiments are
		// ephemeral, so it is short.
		DestroyGraceSeconds: pulumi.Int(destroyGrace),
	}
	if p.Runtime != "" {
		args.Runtime = pulumi.String(p.Runtime)
	}
	var hosts sdk.ContainerHostArray
	var mounts sdk.ContainerMountArray
	if len(p.Sysctls) > 0 {
		args.Sysctls = pulumi.ToStringMap(p.Sysctls)
	}
	for _, h := range p.Hosts {
		name, address, _ := strings.Cut(h, ":")
		hosts = append(hosts, sdk.ContainerHostArgs{Host: pulumi.String(name), Ip: pulumi.String(address)})
	}
	args.Hosts = hosts
	for _, v := range p.Volumes {
		mounts = append(mounts, sdk.ContainerMountArgs{
			Type: pulumi.String("volume"), Source: pulumi.String(v.Name), Target: pulumi.String(v.Path), ReadOnly: pulumi.Bool(v.ReadOnly),
			VolumeOptions: sdk.ContainerMountVolumeOptionsArgs{NoCopy: pulumi.Bool(v.ReadOnly)},
		})
	}
	args.Mounts = mounts
	if len(p.Tmpfs) > 0 {
		args.Tmpfs = pulumi.ToStringMap(p.Tmpfs)
	}
	var ulimits sdk.ContainerUlimitArray
	for _, u := range p.Ulimits {
		ulimits = append(ulimits, sdk.ContainerUlimitArgs{
			Name: pulumi.String(u.Name), Soft: pulumi.Int(u.Value), Hard: pulumi.Int(u.Value),
		})
	}
	args.Ulimits = ulimits
	addLabels(args, map[string]string{
		labelPids:        strconv.FormatInt(p.PidsLimit, 10),
		labelOOMScoreAdj: strconv.Itoa(p.OOMScoreAdj),
	})
	return args
}

// destroyGrace is in seconds, between SIGTERM and SIGKILL.
const destroyGrace = 2

func label(args *sdk.ContainerArgs, name, value string) {
	addLabels(args, map[string]string{name: value})
}

func addLabels(args *sdk.ContainerArgs, labels map[string]string) {
	list, _ := args.Labels.(sdk.ContainerLabelArray)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, sdk.ContainerLabelArgs{Label: pulumi.String(name), Value: pulumi.String(labels[name])})
	}
	args.Labels = list
}

func volumeLabels(labels map[string]string) sdk.VolumeLabelArray {
	var list sdk.VolumeLabelArray
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, sdk.VolumeLabelArgs{Label: pulumi.String(name), Value: pulumi.String(labels[name])})
	}
	return list
}

func networkLabels(labels map[string]string) sdk.NetworkLabelArray {
	var list sdk.NetworkLabelArray
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, sdk.NetworkLabelArgs{Label: pulumi.String(name), Value: pulumi.String(labels[name])})
	}
	return list
}
