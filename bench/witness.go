package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/moby/moby/client"
)

// witness asks the engine what a contender really did, outside the timed runs.
type witness struct{ engine *client.Client }

// expect fails unless exactly n containers with the label run and no other has
// it. With n 0, no network may be left either.
func (w witness) expect(ctx context.Context, label string, n int) error {
	list, err := w.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled(label)})
	if err != nil {
		return err
	}
	running := 0
	for _, c := range list.Items {
		if c.State == "running" {
			running++
		}
	}
	if running != n || len(list.Items) != n {
		return fmt.Errorf("%d containers labelled %s, of which %d run; expected %d", len(list.Items), label, running, n)
	}
	if n > 0 {
		return nil
	}
	networks, err := w.engine.NetworkList(ctx, client.NetworkListOptions{Filters: labelled(label)})
	if err != nil {
		return err
	}
	if len(networks.Items) > 0 {
		return fmt.Errorf("network %q labelled %s was left over", networks.Items[0].Name, label)
	}
	return nil
}

// sweep removes every container and network with the label.
func (w witness) sweep(ctx context.Context, label string) error {
	list, err := w.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled(label)})
	if err != nil {
		return err
	}
	for _, c := range list.Items {
		if _, err := w.engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			return err
		}
	}
	networks, err := w.engine.NetworkList(ctx, client.NetworkListOptions{Filters: labelled(label)})
	if err != nil {
		return err
	}
	for _, n := range networks.Items {
		if _, err := w.engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// settings returns what the engine was asked for for one container with the
// label: its HostConfig and user, and the options of its network.
func (w witness) settings(ctx context.Context, label string) (map[string]any, error) {
	list, err := w.engine.ContainerList(ctx, client.ContainerListOptions{Filters: labelled(label), Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(list.Items) == 0 {
		return nil, fmt.Errorf("no container labelled %s", label)
	}
	c, err := w.engine.ContainerInspect(ctx, list.Items[0].ID, client.ContainerInspectOptions{})
	if err != nil {
		return nil, err
	}
	net, err := w.engine.NetworkInspect(ctx, string(c.Container.HostConfig.NetworkMode), client.NetworkInspectOptions{})
	if err != nil {
		return nil, err
	}
	return flatten(map[string]any{
		"HostConfig": c.Container.HostConfig, "User": c.Container.Config.User,
		"Network": map[string]any{"Internal": net.Network.Internal, "Driver": net.Network.Driver, "Options": net.Network.Options},
	})
}

// flatten turns a value into its JSON leaves by path. What is empty is left out:
// the engine keeps null, [] and {} apart, and they mean the same. The network's
// name has to differ.
func flatten(value any) (map[string]any, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return nil, err
	}
	leaves := map[string]any{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if m, ok := v.(map[string]any); ok {
			for k, v := range m {
				walk(strings.TrimPrefix(path+"."+k, "."), v)
			}
			return
		}
		if r := reflect.ValueOf(v); r.IsValid() && !r.IsZero() && (r.Kind() != reflect.Slice || r.Len() > 0) {
			leaves[path] = v
		}
	}
	walk("", tree)
	delete(leaves, "HostConfig.NetworkMode")
	return leaves, nil
}

// differences says where got is not as want, a line a setting.
func differences(who string, got, want map[string]any) []string {
	all := maps.Clone(want)
	maps.Copy(all, got)
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(got[path], want[path]) {
			lines = append(lines, fmt.Sprintf("%s: %s is %v, the bare client's %v", who, path, got[path], want[path]))
		}
	}
	return lines
}

func labelled(label string) client.Filters { return client.Filters{}.Add("label", label) }
