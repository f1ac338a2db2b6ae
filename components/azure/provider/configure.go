package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Configure takes the stack's azure-native settings. Which account is used is
// settled by the process, and a setting that is ignored would mislead: those for
// credentials are refused.
func (s *server) Configure(_ context.Context, req *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	config := map[string]string{}
	for key, v := range req.GetVariables() {
		config[key[strings.LastIndex(key, ":")+1:]] = v
	}
	args, err := unmarshal(req.GetArgs())
	if err != nil {
		return nil, err
	}
	for key, v := range args.All {
		if v.IsString() {
			config[key] = v.AsString()
		}
	}
	known := []string{locationKey, "subscriptionId", "tenantId"}
	harmless := []string{"version", "pluginDownloadURL", "environment", "disablePulumiPartnerId", "partnerId"}
	for key, v := range config {
		if v == "" || internal(key) || slices.Contains(known, key) || slices.Contains(harmless, key) {
			continue
		}
		return nil, fmt.Errorf("provider setting \"azure-native:%s\" is not implemented by envctl's azure-native provider: "+
			"credentials come from the ARM_* variables or from `az login`; leave the setting out, or %s", key, wayOut)
	}
	if env := config["environment"]; env != "" && env != "public" {
		return nil, fmt.Errorf("provider setting \"azure-native:environment\" is %q: "+
			"envctl takes the cloud from ARM_ENVIRONMENT; leave the setting out", env)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config = config
	return &pulumirpc.ConfigureResponse{
		AcceptSecrets: true, SupportsPreview: true, SupportsAutonamingConfiguration: true,
	}, nil
}

// CheckConfig takes the provider's own inputs as they are.
func (s *server) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

// DiffConfig never replaces what a provider manages: the account is the process's.
func (s *server) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
}

// Check names the resource, places it, and compares it with its type's table.
func (s *server) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	r, err := s.request(req.GetUrn(), req.GetOlds(), req.GetNews(), nil)
	if err != nil {
		return nil, err
	}
	in, fail := r.rt.autoName(req, r.rt.clean(r.in), r.old)
	if in, err = s.fillLocation(ctx, r.rt, in, r.old); err != nil {
		return nil, err
	}
	out := &pulumirpc.CheckResponse{Failures: r.rt.check(in)}
	if fail != nil {
		out.Failures = append(out.Failures, fail)
	}
	out.Inputs, err = marshal(in)
	return out, err
}

// Diff compares old and new inputs.
func (s *server) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	r, err := s.request(req.GetUrn(), req.GetOldInputs(), req.GetNews(), req.GetOlds())
	if err != nil {
		return nil, err
	}
	return r.rt.diff(r.old, r.in, r.state), nil
}
