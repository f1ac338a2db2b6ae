package provider

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"reflect"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

type networkInputs struct {
	Attachable     bool              `pulumi:"attachable,optional"`
	CheckDuplicate *bool             `pulumi:"checkDuplicate,optional"`
	Driver         string            `pulumi:"driver,optional"`
	Ingress        bool              `pulumi:"ingress,optional"`
	Internal       bool              `pulumi:"internal,optional"`
	IpamConfigs    []ipamConfig      `pulumi:"ipamConfigs,optional"`
	IpamDriver     string            `pulumi:"ipamDriver,optional"`
	IpamOptions    map[string]string `pulumi:"ipamOptions,optional"`
	Ipv6           bool              `pulumi:"ipv6,optional"`
	Labels         []label           `pulumi:"labels,optional"`
	Name           string            `pulumi:"name,optional"`
	Options        map[string]string `pulumi:"options,optional"`
}

type ipamConfig struct {
	AuxAddress map[string]string `pulumi:"auxAddress,optional"`
	Gateway    string            `pulumi:"gateway,optional"`
	IPRange    string            `pulumi:"ipRange,optional"`
	Subnet     string            `pulumi:"subnet,optional"`
}

func networkSchema() schema {
	return schema{
		inputs:      reflect.TypeFor[networkInputs](),
		defaults:    map[string]any{"driver": "bridge", "ipamDriver": "default"},
		changes:     map[string]change{"checkDuplicate": bookkeeper},
		sets:        map[string]bool{"labels": true, "ipamConfigs": true},
		named:       true,
		deleteFirst: true,
		validate: func(m property.Map) []error {
			in, err := decode[networkInputs](m)
			if err != nil {
				return []error{err}
			}
			if in.CheckDuplicate != nil && !*in.CheckDuplicate {
				return []error{&propertyError{"checkDuplicate", "is false, but this provider never makes a second network of one name: leave it out"}}
			}
			if _, err := in.spec(); err != nil {
				return []error{err}
			}
			return nil
		},
	}
}

// spec is the engine's form of the inputs.
func (in networkInputs) spec() (client.NetworkCreateOptions, error) {
	o := client.NetworkCreateOptions{
		Driver: in.Driver, Internal: in.Internal, Attachable: in.Attachable, Ingress: in.Ingress,
		Options: in.Options, Labels: labelMap(in.Labels), EnableIPv6: &in.Ipv6,
	}
	if o.Driver == "" {
		o.Driver = "bridge"
	}
	if in.IpamDriver == "" && len(in.IpamConfigs) == 0 && len(in.IpamOptions) == 0 {
		return o, nil
	}
	o.IPAM = &network.IPAM{Driver: in.IpamDriver, Options: in.IpamOptions}
	for i, c := range in.IpamConfigs {
		cfg, err := c.spec()
		if err != nil {
			return o, &propertyError{fmt.Sprintf("ipamConfigs[%d]", i), err.Error()}
		}
		o.IPAM.Config = append(o.IPAM.Config, cfg)
	}
	return o, nil
}

func (c ipamConfig) spec() (out network.IPAMConfig, err error) {
	if c.Subnet != "" {
		if out.Subnet, err = netip.ParsePrefix(c.Subnet); err != nil {
			return out, fmt.Errorf("subnet %q is not of the form 172.28.0.0/16", c.Subnet)
		}
	}
	if c.IPRange != "" {
		if out.IPRange, err = netip.ParsePrefix(c.IPRange); err != nil {
			return out, fmt.Errorf("ipRange %q is not of the form 172.28.5.0/24", c.IPRange)
		}
	}
	if c.Gateway != "" {
		if out.Gateway, err = netip.ParseAddr(c.Gateway); err != nil {
			return out, fmt.Errorf("gateway %q is not an IP address", c.Gateway)
		}
	}
	for name, a := range c.AuxAddress {
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return out, fmt.Errorf("auxAddress %q: %q is not an IP address", name, a)
		}
		if out.AuxAddress == nil {
			out.AuxAddress = map[string]netip.Addr{}
		}
		out.AuxAddress[name] = addr
	}
	return out, nil
}

// networks handles docker.Network; the id is the engine's.
type networks struct {
	api        networkAPI
	containers attachedAPI
	ahead      *Ahead
	host       string
}

func (h networks) create(ctx context.Context, req p.CreateRequest) (p.CreateResponse, error) {
	if req.DryRun {
		return p.CreateResponse{Properties: withUnknown(req.Properties, "driver", "internal", "options", "scope")}, nil
	}
	in, err := decode[networkInputs](req.Properties)
	if err != nil {
		return p.CreateResponse{}, err
	}
	want, err := in.spec()
	if err != nil {
		return p.CreateResponse{}, err
	}
	if err := h.ahead.wait(ctx, in.Name); err != nil {
		return p.CreateResponse{}, err
	}
	n, err := h.ensure(ctx, in.Name, want)
	if err != nil {
		return p.CreateResponse{}, err
	}
	return p.CreateResponse{ID: n.ID, Properties: networkOutputs(req.Properties, n)}, nil
}

func (h networks) read(ctx context.Context, req p.ReadRequest) (p.ReadResponse, error) {
	res, err := h.api.NetworkInspect(ctx, req.ID, client.NetworkInspectOptions{})
	if cerrdefs.IsNotFound(err) {
		return p.ReadResponse{}, nil
	}
	if err != nil {
		return p.ReadResponse{}, explain(err, h.host, fmt.Sprintf("look at network %q", req.ID))
	}
	n := res.Network.Network
	inputs := req.Inputs
	if inputs.Len() == 0 {
		inputs = encode(networkView(n))
	}
	return p.ReadResponse{ID: n.ID, Inputs: inputs, Properties: networkOutputs(inputs, n)}, nil
}

// update has nothing to do at the engine: every property that it knows replaces.
func (networks) update(_ context.Context, req p.UpdateRequest) (p.UpdateResponse, error) {
	return p.UpdateResponse{Properties: overlay(req.State, req.Inputs)}, nil
}

func networkOutputs(inputs property.Map, n network.Network) property.Map {
	opts := map[string]property.Value{}
	for k, v := range n.Options {
		opts[k] = property.New(v)
	}
	return overlay(inputs, property.NewMap(map[string]property.Value{
		"name": property.New(n.Name), "driver": property.New(n.Driver), "internal": property.New(n.Internal),
		"scope": property.New(n.Scope), "options": property.New(opts),
	}))
}

// networkView is the inputs that would make n. Address ranges are the engine's
// choice unless somebody chose them, which it does not tell: they are left out.
func networkView(n network.Network) networkInputs {
	return networkInputs{
		Name: n.Name, Driver: n.Driver, Internal: n.Internal, Attachable: n.Attachable, Ingress: n.Ingress,
		Ipv6: n.EnableIPv6, Options: n.Options, Labels: labelList(n.Labels),
	}
}

// sameNetwork says whether got can be taken for what want asks for.
func sameNetwork(want client.NetworkCreateOptions, got network.Network) bool {
	same := want.Driver == got.Driver && want.Internal == got.Internal && want.Attachable == got.Attachable &&
		want.Ingress == got.Ingress && *want.EnableIPv6 == got.EnableIPv6 && maps.Equal(want.Labels, got.Labels)
	for k, v := range want.Options {
		same = same && got.Options[k] == v
	}
	if same = same && len(got.Options) == len(want.Options)+engineOptions(want, got); !same || want.IPAM == nil {
		return same
	}
	driver := want.IPAM.Driver == "" || want.IPAM.Driver == got.IPAM.Driver
	return driver && maps.Equal(want.IPAM.Options, got.IPAM.Options) && sameRanges(want.IPAM.Config, got.IPAM.Config)
}

// engineOptions counts the options that an engine adds by itself.
func engineOptions(want client.NetworkCreateOptions, got network.Network) (n int) {
	for _, k := range []string{"com.docker.network.enable_ipv4", "com.docker.network.enable_ipv6"} {
		if _, asked := want.Options[k]; asked {
			continue
		}
		if _, has := got.Options[k]; has {
			n++
		}
	}
	return n
}

// sameRanges compares what was asked for; the engine fills in the rest.
func sameRanges(want, got []network.IPAMConfig) bool {
	if len(want) == 0 {
		return true
	}
	if len(want) != len(got) {
		return false
	}
	for i, w := range want {
		g := got[i]
		if (w.Subnet.IsValid() && w.Subnet != g.Subnet) || (w.IPRange.IsValid() && w.IPRange != g.IPRange) ||
			(w.Gateway.IsValid() && w.Gateway != g.Gateway) || (w.AuxAddress != nil && !maps.Equal(w.AuxAddress, g.AuxAddress)) {
			return false
		}
	}
	return true
}
