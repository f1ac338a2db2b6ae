package provider

import (
	"context"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Create makes a resource, or goes on with one that an interrupted run left.
func (s *server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	r, err := s.request(req.GetUrn(), nil, req.GetProperties(), nil)
	if err != nil {
		return nil, err
	}
	r.creating = true
	if req.GetPreview() {
		props, err := marshal(r.rt.preview(r.in, property.Map{}))
		return &pulumirpc.CreateResponse{Properties: props}, err
	}
	ctx, cancel := s.begin(ctx, req.GetTimeout())
	defer cancel()
	id, out, err := s.create(ctx, r)
	if err != nil {
		return nil, r.redacted(err)
	}
	props, err := marshal(out)
	return &pulumirpc.CreateResponse{Id: id, Properties: props}, err
}

func (s *server) create(ctx context.Context, r request) (string, property.Map, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return "", property.Map{}, err
	}
	if r.in, err = s.settleLocation(ctx, r.rt, r.in); err != nil {
		return "", property.Map{}, err
	}
	if err := allKnown(r.in); err != nil {
		return "", property.Map{}, fmt.Errorf("creating %s: %w", r.rt.token, err)
	}
	id, err := r.rt.path.fill(c.Subscription(), r.in)
	if err != nil {
		return "", property.Map{}, fmt.Errorf("creating %s: %w", r.rt.token, err)
	}
	give, err := s.locks.take(ctx, r.rt.lockKey(id))
	if err != nil {
		return "", property.Map{}, err
	}
	defer give()
	live, err := s.free(ctx, c, r, id)
	if err != nil {
		return "", property.Map{}, err
	}
	return s.write(ctx, c, r, id, live, "creating")
}

// write sends the whole resource and reads it back. live is what exists, nil for
// nothing. A resource that exists in part is returned as a partial failure.
func (s *server) write(
	ctx context.Context, c Client, r request, id string, live map[string]any, doing string,
) (string, property.Map, error) {
	body, err := r.rt.body(r.in)
	if err != nil {
		return "", property.Map{}, fmt.Errorf("%s %s %q: %w", doing, r.rt.token, id, err)
	}
	id, answer, err := s.put(ctx, c, r, id, body, live)
	if err != nil {
		err = fmt.Errorf("%s %s %q: %w", doing, r.rt.token, id, err)
		return "", property.Map{}, s.partly(ctx, c, r, id, r.creating && live != nil, err)
	}
	after, err := c.Get(ctx, id, r.rt.api)
	switch {
	case err == nil && len(after) > 0:
		answer = after
	case len(answer) == 0:
		err = fmt.Errorf("%s %s %q: it was made, but cannot be read: %w", doing, r.rt.token, id, err)
		return "", property.Map{}, s.partly(ctx, c, r, id, true, err)
	}
	return idOf(answer, id), r.rt.state(id, answer, r.in), nil
}

// put sends the body, and goes on where Azure's refusal has a known way out. It
// returns the ID, which is another one where the same thing exists under it.
func (s *server) put(
	ctx context.Context, c Client, r request, id string, body, live map[string]any,
) (string, map[string]any, error) {
	if r.rt.hasETag() {
		answer, err := putBudget(ctx, c, r, id, body, live)
		return id, answer, err
	}
	answer, err := c.Put(ctx, id, r.rt.api, body)
	switch {
	case err == nil:
		return id, answer, nil
	case hasCode(err, "RoleAssignmentExists"):
		return adoptAssignment(ctx, c, r, id, err)
	case hasCode(err, "FlagMustBeSetForRestore"):
		answer, err = s.restore(ctx, c, r, id, body, err)
		return id, answer, err
	case hasCode(err, "CustomDomainInUse"):
		return id, nil, s.subdomainTaken(ctx, c, r, err)
	}
	return id, nil, explain(err)
}
