package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Read answers a refresh, a lookup or an import. What is gone has an empty ID.
func (s *server) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	r, err := s.request(req.GetUrn(), req.GetInputs(), nil, req.GetProperties())
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.begin(ctx, 0)
	defer cancel()
	if _, err := r.rt.path.parse(req.GetId()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", r.rt.token, err)
	}
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	id := pathOf(req.GetId())
	live, err := c.Get(ctx, id, r.rt.api)
	switch {
	case isNotFound(err) || err == nil && len(live) == 0:
		return &pulumirpc.ReadResponse{}, nil
	case err != nil:
		return nil, fmt.Errorf("reading %s %q: %w", r.rt.token, id, err)
	}
	return r.readResponse(id, live)
}

func (r request) readResponse(id string, live map[string]any) (*pulumirpc.ReadResponse, error) {
	out := r.rt.state(id, live, property.Map{})
	in, err := r.inputsNow(idOf(live, id), out)
	if err != nil {
		return nil, err
	}
	out = out.Set(inputsKey, property.New(in).WithSecret(true))
	if state := provisioningState(live); slices.Contains([]string{"failed", "canceled"}, state) {
		// The next update has to send it again, though no input differs.
		return nil, initFailed(idOf(live, id), out, in, fmt.Errorf("%s %q is in provisioning state %q: "+
			"the next update tries it again", r.rt.token, idOf(live, id), state))
	}
	props, err := marshal(out)
	if err != nil {
		return nil, err
	}
	inputs, err := marshal(in)
	return &pulumirpc.ReadResponse{Id: idOf(live, id), Properties: props, Inputs: inputs}, err
}

// inputsNow are the inputs after a read: the old ones with what has changed at
// Azure, or all that Azure has where there are none.
func (r request) inputsNow(id string, out property.Map) (property.Map, error) {
	if r.old.Len() == 0 {
		return r.rt.imported(id, out)
	}
	// A state that was never read from Azure has nothing to compare with.
	if !r.state.Get(apiKey).IsString() {
		return r.old, nil
	}
	return r.rt.refreshed(r.old, r.rt.project(r.state), r.rt.project(out)), nil
}
