package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Update sends the whole resource anew, with its secrets: Azure never returns
// them, and takes what is missing for a change.
func (s *server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	r, err := s.request(req.GetUrn(), req.GetOldInputs(), req.GetNews(), req.GetOlds())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		props, err := marshal(r.rt.preview(r.in, r.state))
		return &pulumirpc.UpdateResponse{Properties: props}, err
	}
	ctx, cancel := s.begin(ctx, req.GetTimeout())
	defer cancel()
	out, err := s.update(ctx, r, pathOf(req.GetId()))
	if err != nil {
		return nil, r.redacted(err)
	}
	props, err := marshal(out)
	return &pulumirpc.UpdateResponse{Properties: props}, err
}

// pathOf makes a path of an ID that the state has without its first slash.
func pathOf(id string) string { return "/" + strings.Trim(id, "/") }

func (s *server) update(ctx context.Context, r request, id string) (property.Map, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return property.Map{}, err
	}
	if r.in, err = s.settleLocation(ctx, r.rt, r.in); err != nil {
		return property.Map{}, err
	}
	if err := allKnown(r.in); err != nil {
		return property.Map{}, fmt.Errorf("updating %s %q: %w", r.rt.token, id, err)
	}
	give, err := s.locks.take(ctx, r.rt.lockKey(id))
	if err != nil {
		return property.Map{}, err
	}
	defer give()
	_, out, err := s.write(ctx, c, r, id, map[string]any{}, "updating")
	return out, err
}

// Delete removes a resource; one that is not there is a success.
func (s *server) Delete(ctx context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	rt, err := s.typeOf(req.GetUrn())
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.begin(ctx, req.GetTimeout())
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	id := pathOf(req.GetId())
	give, err := s.locks.take(ctx, rt.lockKey(id))
	if err != nil {
		return nil, err
	}
	defer give()
	if err := c.Delete(ctx, id, rt.api); err != nil && !isNotFound(err) {
		return nil, fmt.Errorf("deleting %s %q: %w", rt.token, id, err)
	}
	return &emptypb.Empty{}, nil
}
