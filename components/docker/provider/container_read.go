package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// read finds the container by id or, to import it, by name.
func (h containers) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	res, err := h.state.ContainerInspect(ctx, req.ID, client.ContainerInspectOptions{})
	live := res.Container
	if cerrdefs.IsNotFound(err) || (err == nil && (live.State.Dead || live.State.Status == container.StateRemoving)) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, explain(err, h.host, fmt.Sprintf("look at container %q", req.ID))
	}
	inputs := req.Inputs
	if inputs.Len() == 0 {
		img, err := h.images.ImageInspect(ctx, live.Image)
		if err != nil && !cerrdefs.IsNotFound(err) {
			return p.ReadResponse{}, explain(err, h.host, fmt.Sprintf("look at the image of container %q", req.ID))
		}
		inputs = encode(containerView(live, img.Config))
	} else if inputs, err = drifted(inputs, req.Properties, live); err != nil {
		return p.ReadResponse{}, err
	}
	in, err := decode[containerInputs](inputs)
	resp := p.ReadResponse{ID: live.ID, Inputs: inputs, Properties: keepLogs(containerOutputs(inputs, in, &live), req.Properties)}
	if reason := stillNotReady(in, req.Properties, live); err == nil && reason != "" {
		resp.Properties, resp.PartialState, err = notReady(inputs, resp.Properties, errors.New(reason))
	}
	return resp, err
}

// drifted is inputs with the values of live where they differ. Only what Docker
// can change about a container is looked at: its name, limits, restart policy,
// networks and whether it runs.
func drifted(inputs, state property.Map, live container.InspectResponse) (property.Map, error) {
	in, err := decode[containerInputs](inputs)
	if err != nil {
		return inputs, err
	}
	want, err := in.spec()
	if err != nil {
		return inputs, err
	}
	found := map[string]property.Value{}
	limitDrift(found, *want.HostConfig, *live.HostConfig, state)
	if got := strings.TrimPrefix(live.Name, "/"); got != in.Name {
		found["name"] = property.New(got)
	}
	if nets := networkDrift(in, live); nets != nil {
		found["networksAdvanced"] = encode(containerInputs{NetworksAdvanced: nets}).Get("networksAdvanced")
	}
	if p := live.HostConfig.PidsLimit; want.HostConfig.PidsLimit != nil && (p == nil || *p != *want.HostConfig.PidsLimit) {
		labels := labelMap(in.Labels)
		labels[LabelPids] = "unlimited"
		if p != nil && *p > 0 {
			labels[LabelPids] = strconv.FormatInt(*p, 10)
		}
		found["labels"] = encode(containerInputs{Labels: labelList(labels)}).Get("labels")
	}
	running := live.State.Running && !live.State.Paused
	if isTrue(in.Start) && in.shouldRun() && !running || !isTrue(in.Start) && running {
		found["start"] = property.New(running)
	}
	return overlay(inputs, property.NewMap(found)), nil
}

// limitDrift notes the limits and restart policy that differ.
func limitDrift(found map[string]property.Value, want, live container.HostConfig, state property.Map) {
	number := func(name string, a, b int64, unit float64) {
		if a != b {
			found[name] = property.New(float64(b) / unit)
		}
	}
	number("memory", want.Memory, live.Memory, mebi)
	number("memoryReservation", want.MemoryReservation, live.MemoryReservation, mebi)
	number("cpuShares", want.CPUShares, live.CPUShares, 1)
	number("cpuPeriod", want.CPUPeriod, live.CPUPeriod, 1)
	number("cpuQuota", want.CPUQuota, live.CPUQuota, 1)
	swap := property.New(swapMB(live.MemorySwap))
	if want.MemorySwap != live.MemorySwap && !swap.Equals(state.Get("memorySwap").WithSecret(false)) {
		found["memorySwap"] = swap // an engine that cannot limit swap says -1 from the start
	}
	if want.NanoCPUs != live.NanoCPUs {
		found["cpus"] = property.New(cpusOf(live.NanoCPUs))
	}
	if want.CpusetCpus != live.CpusetCpus {
		found["cpuSet"] = property.New(live.CpusetCpus)
	}
	if policyName(want.RestartPolicy) != policyName(live.RestartPolicy) {
		found["restart"] = property.New(policyName(live.RestartPolicy))
	}
	number("maxRetryCount", int64(want.RestartPolicy.MaximumRetryCount), int64(live.RestartPolicy.MaximumRetryCount), 1)
}

func policyName(rp container.RestartPolicy) string {
	return orElse(string(rp.Name), string(container.RestartPolicyDisabled))
}

func swapMB(bytes int64) float64 {
	if bytes < 0 {
		return -1
	}
	return float64(bytes) / mebi
}

func cpusOf(nano int64) string {
	if nano == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(nano)/1e9, 'f', -1, 64)
}

// networkDrift is the networks that live is on where they are not the ones that
// in asks for; nil: they are.
func networkDrift(in containerInputs, live container.InspectResponse) []networkAttach {
	if len(in.NetworksAdvanced) == 0 && in.NetworkMode != "" && in.NetworkMode != "bridge" {
		return nil // a mode of its own (none, host, container:…) has no networks to leave
	}
	left := maps.Clone(live.NetworkSettings.Networks)
	same := true
	kept := []networkAttach{}
	for _, n := range in.NetworksAdvanced {
		name, ok := findEndpoint(left, n.Name)
		same = same && ok
		if ok {
			kept = append(kept, n)
			delete(left, name)
		}
	}
	if len(in.NetworksAdvanced) == 0 {
		_, ok := left["bridge"]
		same = ok
		delete(left, "bridge")
	}
	if same && len(left) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		kept = append(kept, networkAttach{Name: name})
	}
	if len(kept) == 0 {
		kept = append(kept, networkAttach{Name: "none"}) // an empty list would read as the default network
	}
	return kept
}
