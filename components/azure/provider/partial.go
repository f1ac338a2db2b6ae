package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"

	"github.com/envctl/envctl/components/azure/arm"
)

// partly turns the failure of a write into a partial one where the resource
// exists and the state has to say so: when Azure took the request and its
// operation failed, when the outcome is not known and the resource is there, and
// when what an interrupted run had left was refused its change.
func (s *server) partly(ctx context.Context, c Client, r request, id string, left bool, cause error) error {
	refusal, refused := errors.AsType[*arm.Error](cause)
	accepted := refused && refusal.Accepted
	if refused && !accepted && !left {
		return cause
	}
	// What exists is looked at even when the operation's own time is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime)
	defer cancel()
	live, err := c.Get(ctx, id, r.rt.api)
	switch {
	case isNotFound(err) || err == nil && len(live) == 0:
		return cause
	case err != nil && !accepted:
		return cause
	case err != nil:
		live = nil
	case !accepted && r.creating && !s.ours(r, live):
		return cause
	}
	return initFailed(idOf(live, id), partialState(r, id, live), r.in, cause)
}

// partialState is the state of what exists in part; without an answer of Azure,
// its inputs stand for it.
func partialState(r request, id string, live map[string]any) property.Map {
	if live != nil {
		return r.rt.state(id, live, r.in)
	}
	out := map[string]property.Value{idKey: property.New(id), inputsKey: property.New(r.in).WithSecret(true)}
	for _, name := range keysOf(r.in) {
		if p, ok := r.rt.props[name]; ok && p.out {
			out[name] = r.in.Get(name)
		}
	}
	return property.NewMap(out)
}

// initFailed tells the engine that the resource exists and is not as it should
// be: it stays in the state, and the next update goes on with it.
func initFailed(id string, out, in property.Map, cause error) error {
	cause = errors.New(redact(cause.Error(), in))
	props, err := marshal(out)
	if err != nil {
		return errors.Join(cause, fmt.Errorf("the state of %q cannot be written: %w", id, err))
	}
	inputs, err := marshal(in)
	if err != nil {
		return errors.Join(cause, fmt.Errorf("the inputs of %q cannot be written: %w", id, err))
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, cause.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: props, Inputs: inputs, Reasons: []string{cause.Error()},
	})
}
