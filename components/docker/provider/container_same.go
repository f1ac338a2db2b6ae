package provider

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// differences names the parts of live that are not as want asks, where the
// image img fills in what want leaves open. What this function does not know
// counts as a difference: the container is then made anew.
func differences(want client.ContainerCreateOptions, live container.InspectResponse, img *dockerspec.DockerOCIImageConfig) []string {
	diffs := configDifferences(*want.Config, *live.Config, live.ID, img)
	a, b := fields(hostOf(*want.HostConfig)), fields(hostOf(*live.HostConfig))
	for k := range b {
		if _, ok := a[k]; !ok {
			a[k] = nil
		}
	}
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if !reflect.DeepEqual(a[k], b[k]) && !engineDefault(k, a[k], b[k]) {
			diffs = append(diffs, k)
		}
	}
	if !sameNetworks(want, live) {
		diffs = append(diffs, "networks")
	}
	return diffs
}

func configDifferences(want, live container.Config, id string, img *dockerspec.DockerOCIImageConfig) []string {
	if img == nil {
		img = &dockerspec.DockerOCIImageConfig{}
	}
	env := envMap(img.Env)
	maps.Copy(env, envMap(want.Env))
	got := envMap(live.Env)
	if _, ok := env["PATH"]; !ok {
		delete(got, "PATH") // engines add one
	}
	labels := maps.Clone(img.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, want.Labels)
	cmd, entry := want.Cmd, want.Entrypoint
	if len(entry) == 0 {
		entry = img.Entrypoint
		if len(cmd) == 0 {
			cmd = img.Cmd
		}
	}
	health := want.Healthcheck
	if health == nil {
		health = img.Healthcheck
	}
	checks := map[string]bool{
		"hostname":    want.Hostname == live.Hostname || want.Hostname == "" && strings.HasPrefix(id, live.Hostname),
		"domainname":  want.Domainname == live.Domainname,
		"user":        orElse(want.User, img.User) == live.User,
		"tty":         want.Tty == live.Tty && want.OpenStdin == live.OpenStdin,
		"env":         maps.Equal(env, got),
		"command":     slices.Equal(cmd, live.Cmd) && slices.Equal(entry, live.Entrypoint),
		"labels":      maps.Equal(labels, live.Labels),
		"workingDir":  orElse(orElse(want.WorkingDir, img.WorkingDir), "/") == orElse(live.WorkingDir, "/"),
		"stopSignal":  orElse(want.StopSignal, orElse(img.StopSignal, "SIGTERM")) == orElse(live.StopSignal, "SIGTERM"),
		"stopTimeout": reflect.DeepEqual(want.StopTimeout, live.StopTimeout),
		"healthcheck": reflect.DeepEqual(fields(health), fields(live.Healthcheck)),
	}
	var diffs []string
	for _, k := range slices.Sorted(maps.Keys(checks)) {
		if !checks[k] {
			diffs = append(diffs, k)
		}
	}
	return diffs
}

func envMap(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, e := range list {
		k, v, _ := strings.Cut(e, "=")
		m[k] = v
	}
	return m
}

// hostOf brings the lists of capabilities to one form.
func hostOf(h container.HostConfig) container.HostConfig {
	norm := func(list []string) []string {
		out := make([]string, 0, len(list))
		for _, c := range list {
			out = append(out, strings.TrimPrefix(strings.ToUpper(c), "CAP_"))
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	h.CapAdd, h.CapDrop = norm(h.CapAdd), norm(h.CapDrop)
	h.RestartPolicy.Name = container.RestartPolicyMode(policyName(h.RestartPolicy))
	return h
}

// fields is v as JSON has it, without what is empty.
func fields(v any) map[string]any {
	b, err := json.Marshal(v)
	if err != nil { // the engine's types are JSON
		return map[string]any{"unreadable": err.Error()}
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return map[string]any{"unreadable": err.Error()}
	}
	maps.DeleteFunc(m, func(_ string, v any) bool { return isDefault(v, nil) })
	return m
}

// engineDefault says whether got is what an engine fills in for a field that
// was left open.
func engineDefault(field string, want, got any) bool {
	switch field {
	case "MemorySwap":
		return got == float64(-1) && want != nil // an engine that cannot limit swap
	case "ConsoleSize":
		return true // of the client that attaches
	}
	if want != nil {
		return false
	}
	switch field {
	case "ShmSize":
		return got == float64(64*mebi)
	case "IpcMode":
		return got == "private" || got == "shareable"
	case "CgroupnsMode":
		return got == "private" || got == "host"
	case "Runtime":
		return got == "runc"
	case "NetworkMode":
		return got == "default" || got == "bridge"
	case "LogConfig":
		log, _ := got.(map[string]any)
		return log["Type"] == "json-file" || log["Type"] == ""
	case "MaskedPaths", "ReadonlyPaths":
		return got != nil
	}
	return false
}

func sameNetworks(want client.ContainerCreateOptions, live container.InspectResponse) bool {
	if want.NetworkingConfig == nil {
		return live.NetworkSettings != nil && len(live.NetworkSettings.Networks) <= 1
	}
	left := maps.Clone(live.NetworkSettings.Networks)
	for name, ep := range want.NetworkingConfig.EndpointsConfig {
		found, ok := findEndpoint(left, name)
		if !ok {
			return false
		}
		got := left[found]
		delete(left, found)
		for _, a := range ep.Aliases {
			if !slices.Contains(got.Aliases, a) {
				return false
			}
		}
		if ep.IPAMConfig != nil && !reflect.DeepEqual(ep.IPAMConfig, got.IPAMConfig) {
			return false
		}
	}
	return len(left) == 0
}

// findEndpoint finds the network that was asked for by name or by id.
func findEndpoint(eps map[string]*network.EndpointSettings, nameOrID string) (string, bool) {
	if _, ok := eps[nameOrID]; ok {
		return nameOrID, true
	}
	for name, ep := range eps {
		if ep.NetworkID != "" && ep.NetworkID == nameOrID {
			return name, true
		}
	}
	return "", false
}
