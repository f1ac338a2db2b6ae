package docker

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/lazyregexp"
)

// Filter chooses containers. Empty fields choose all.
type Filter struct {
	Labels  map[string]string // all of them; an empty value takes any value
	Name    string            // exact
	Running bool              // only running ones
}

// Container is what one list call says of a container.
type Container struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"` // without the leading slash
	Image    string            `json:"image"`
	ImageID  string            `json:"imageId"`
	Labels   map[string]string `json:"labels,omitempty"`
	State    string            `json:"state"`              // created, running, paused, restarting, removing, exited, dead
	Status   string            `json:"status"`             // for people: "Up 2 minutes (healthy)"
	Health   string            `json:"health,omitempty"`   // healthy, unhealthy, starting; "" without a health check
	ExitCode *int              `json:"exitCode,omitempty"` // of one that exited
	Ports    []Port            `json:"ports,omitempty"`    // sorted
	Networks map[string]string `json:"networks,omitempty"` // name → address; "" when it has none
	Created  time.Time         `json:"created"`
}

// Port is a port of a container, published or not.
type Port struct {
	HostIP    string `json:"hostIp,omitempty"`
	Host      int    `json:"host,omitempty"` // 0: not published
	Container int    `json:"container"`
	Protocol  string `json:"protocol"`
}

// Containers lists what the filter chooses, stopped ones too, by name, in one
// API call and one for each image that was not seen before. By its labels it
// chooses no container that has them from its image.
func (e *Engine) Containers(ctx context.Context, f Filter) ([]Container, error) {
	filters := labelFilters(f.Labels)
	if f.Name != "" {
		filters.Add("name", "^/?"+regexp.QuoteMeta(f.Name)+"$")
	}
	answer, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: !f.Running, Filters: filters})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	found := make([]Container, 0, len(answer.Items))
	for _, item := range answer.Items {
		found = append(found, readContainer(item))
	}
	slices.SortFunc(found, func(a, b Container) int { return strings.Compare(a.Name, b.Name) })
	if len(f.Labels) > 0 {
		return e.withoutInherited(ctx, found)
	}
	return found, nil
}

// labelFilters selects objects that carry all of the labels.
func labelFilters(labels map[string]string) client.Filters {
	filters := client.Filters{}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if value := labels[name]; value != "" {
			name += "=" + value
		}
		filters.Add("label", name)
	}
	return filters
}

var (
	exitStatus   = lazyregexp.New(`^(?:Exited|Restarting) \((-?\d+)\)`)
	healthStatus = lazyregexp.New(`\((?:health: )?(healthy|unhealthy|starting)\)$`)
)

func readContainer(raw container.Summary) Container {
	c := Container{
		ID: raw.ID, Image: raw.Image, ImageID: raw.ImageID, Labels: raw.Labels,
		State: string(raw.State), Status: raw.Status, Created: time.Unix(raw.Created, 0).UTC(),
	}
	// A container that others link to has more than one name; its own has one slash.
	for _, name := range raw.Names {
		if own := strings.TrimPrefix(name, "/"); !strings.Contains(own, "/") {
			c.Name = own
			break
		}
	}
	if m := exitStatus().FindStringSubmatch(raw.Status); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil {
			c.ExitCode = &code
		}
	}
	if m := healthStatus().FindStringSubmatch(raw.Status); m != nil {
		c.Health = m[1]
	}
	for _, p := range raw.Ports {
		port := Port{Host: int(p.PublicPort), Container: int(p.PrivatePort), Protocol: p.Type}
		if p.IP.IsValid() {
			port.HostIP = p.IP.String()
		}
		c.Ports = append(c.Ports, port)
	}
	slices.SortFunc(c.Ports, func(a, b Port) int {
		return strings.Compare(fmt.Sprintf("%05d/%s/%s", a.Container, a.Protocol, a.HostIP), fmt.Sprintf("%05d/%s/%s", b.Container, b.Protocol, b.HostIP))
	})
	if raw.NetworkSettings != nil {
		c.Networks = map[string]string{}
		for name, n := range raw.NetworkSettings.Networks {
			c.Networks[name] = ""
			if n != nil && n.IPAddress.IsValid() {
				c.Networks[name] = n.IPAddress.String()
			}
		}
	}
	return c
}

// Inspect returns all that the engine knows of a container, by name or ID;
// false means that there is none.
func (e *Engine) Inspect(ctx context.Context, nameOrID string) (container.InspectResponse, bool, error) {
	answer, err := e.api.ContainerInspect(ctx, nameOrID, client.ContainerInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return container.InspectResponse{}, false, nil
	}
	if err != nil {
		return container.InspectResponse{}, false, fmt.Errorf("inspect container %q: %w", nameOrID, err)
	}
	return answer.Container, true, nil
}
