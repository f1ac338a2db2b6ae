// Package random is an in-process Pulumi provider for the one resource of the
// official random provider that envctl uses, RandomPassword: a value that is
// made once and kept, encrypted, in the state. Token and property names are the
// official ones (pulumi-random v4), so either provider reads the other's state.
package random

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"math/big"

	p "github.com/pulumi/pulumi-go-provider"
	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Version is the version of the official plugin whose type this is.
const Version = "4.18.0"

const passwordType = "random:index/randomPassword:RandomPassword"

// alphabet has 62 characters: 5.95 bits each.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// New returns a provider server; it holds nothing that needs closing.
func New() (pulumirpc.ResourceProviderServer, error) {
	return p.RawServer("random", Version, p.Provider{
		Configure: func(context.Context, p.ConfigureRequest) error { return nil },
		Check:     check,
		Diff:      diff,
		Create:    create,
		Read: func(_ context.Context, r p.ReadRequest) (p.ReadResponse, error) {
			return p.ReadResponse{ID: r.ID, Properties: r.Properties, Inputs: r.Inputs}, nil
		},
		Delete: func(context.Context, p.DeleteRequest) error { return nil },
	})(nil)
}

func check(_ context.Context, r p.CheckRequest) (p.CheckResponse, error) {
	if err := known(r.Urn); err != nil {
		return p.CheckResponse{}, err
	}
	res := p.CheckResponse{Inputs: r.Inputs}
	for name := range r.Inputs.AllStable {
		switch name {
		case "length", "special":
		default:
			res.Failures = append(res.Failures, p.CheckFailure{Property: name, Reason: fmt.Sprintf(
				"property %q is not implemented by envctl's random provider: "+
					"set ENVCTL_PROVIDERS=official to use Pulumi's own random plugin", name)})
		}
	}
	if v := r.Inputs.Get("length"); !v.IsNumber() || v.AsNumber() < 1 || v.AsNumber() > 1024 || v.AsNumber() != math.Trunc(v.AsNumber()) {
		res.Failures = append(res.Failures, p.CheckFailure{Property: "length", Reason: "length must be a whole number, 1 to 1024"})
	}
	if v := r.Inputs.Get("special"); !v.IsBool() || v.AsBool() {
		res.Failures = append(res.Failures, p.CheckFailure{Property: "special", Reason: "special must be false"})
	}
	return res, nil
}

func diff(_ context.Context, r p.DiffRequest) (p.DiffResponse, error) {
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}}
	if !r.OldInputs.Get("length").Equals(r.Inputs.Get("length")) {
		out.HasChanges = true
		out.DetailedDiff["length"] = p.PropertyDiff{Kind: p.UpdateReplace, InputDiff: true}
	}
	return out, nil
}

func create(_ context.Context, r p.CreateRequest) (p.CreateResponse, error) {
	if err := known(r.Urn); err != nil {
		return p.CreateResponse{}, err
	}
	length := int(r.Properties.Get("length").AsNumber())
	result := property.New(property.Computed).WithSecret(true)
	if !r.DryRun {
		value, err := generate(length)
		if err != nil {
			return p.CreateResponse{}, err
		}
		result = property.New(value).WithSecret(true)
	}
	return p.CreateResponse{ID: "none", Properties: r.Properties.Set("result", result)}, nil
}

func generate(length int) (string, error) {
	out := make([]byte, length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", fmt.Errorf("reading the system's random source: %w", err)
		}
		out[i] = alphabet[n.Int64()]
	}
	return string(out), nil
}

func known(urn presource.URN) error {
	if urn.Type() != passwordType {
		return fmt.Errorf("resource type %q is not implemented by envctl's random provider: "+
			"set ENVCTL_PROVIDERS=official to use Pulumi's own random plugin", urn.Type())
	}
	return nil
}
