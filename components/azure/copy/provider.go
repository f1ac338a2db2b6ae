// Package copy is the in-process Pulumi provider "envctl". Its one resource,
// envctl:index:Image, is an image in a Container Registry, copied there from
// another registry by its digest: the bytes that ran are the bytes that run.
package copy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/opencontainers/go-digest"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/components/azure/acr"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/native"
	"github.com/envctl/envctl/stacks/images"
)

// Version is the provider's; its state is compatible within a major version.
const Version = "1.0.0"

// Options are what the provider works with.
type Options struct {
	// Client is asked for when a registry is first needed.
	Client func(ctx context.Context) (*arm.Client, error)
	// Keychain has the credentials for the registries that are copied from; nil:
	// Docker's. One on a loopback address needs none.
	Keychain authn.Keychain
	// Copied is told after each copy, by the resource's name; nil: nobody. It may be
	// called at the same time for several.
	Copied func(name string, r images.CopyResult)
	// Wait is how long a registry that was just made may take until its name is known
	// and the login may write to it; 0: 3 minutes.
	Wait time.Duration
	// Poll is the pause between two tries; 0: 3 seconds.
	Poll time.Duration
}

// New returns a provider server; it holds nothing that needs closing.
func New(o Options) (pulumirpc.ResourceProviderServer, error) {
	if o.Wait == 0 {
		o.Wait = 3 * time.Minute
	}
	if o.Poll == 0 {
		o.Poll = 3 * time.Second
	}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	c := &copier{o}
	return p.RawServer("envctl", Version, p.Provider{
		Configure: func(context.Context, p.ConfigureRequest) error { return nil },
		Check:     check, Diff: diff, Create: c.create, Read: c.read, Update: c.update,
		// A copy goes with its registry, or with Remove where that is a platform's: what
		// still runs of an earlier revision may need it.
		Delete: func(context.Context, p.DeleteRequest) error { return nil },
	})(nil)
}

type copier struct{ Options }

func known(urn resource.URN) error {
	if urn.Type() != native.ImageToken {
		return fmt.Errorf("resource type %q is not one of envctl's own provider, which has %q", urn.Type(), native.ImageToken)
	}
	return nil
}

func check(_ context.Context, r p.CheckRequest) (p.CheckResponse, error) {
	if err := known(r.Urn); err != nil {
		return p.CheckResponse{}, err
	}
	out := p.CheckResponse{Inputs: r.Inputs}
	fail := func(field, format string, args ...any) {
		out.Failures = append(out.Failures, p.CheckFailure{Property: field, Reason: fmt.Sprintf(format, args...)})
	}
	for _, field := range []string{"source", "digest", "repository", "registry", "registryId"} {
		if v := r.Inputs.Get(field); !v.IsComputed() && (!v.IsString() || v.AsString() == "") {
			fail(field, "%s is missing or no text", field)
		}
	}
	if len(out.Failures) > 0 {
		return out, nil
	}
	sum := r.Inputs.Get("digest")
	if sum.IsString() && digest.Digest(sum.AsString()).Validate() != nil {
		fail("digest", "%q is no digest: sha256: with 64 hex digits was expected", sum.AsString())
	}
	if v := r.Inputs.Get("source"); v.IsString() {
		ref, err := name.NewDigest(v.AsString())
		switch {
		case err != nil:
			fail("source", "%q is not HOST/REPOSITORY@DIGEST: %v", v.AsString(), err)
		case sum.IsString() && ref.DigestStr() != sum.AsString():
			fail("source", "%q is another image than %s", v.AsString(), sum.AsString())
		}
	}
	return out, nil
}

// diff knows no change of the source: where the bytes come from is all one.
func diff(_ context.Context, r p.DiffRequest) (p.DiffResponse, error) {
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}}
	for field, kind := range map[string]p.DiffKind{
		"digest": p.Update, "repository": p.UpdateReplace, "registry": p.UpdateReplace, "registryId": p.UpdateReplace,
	} {
		if !r.OldInputs.Get(field).Equals(r.Inputs.Get(field)) {
			out.HasChanges = true
			out.DetailedDiff[field] = p.PropertyDiff{Kind: kind, InputDiff: true}
		}
	}
	return out, nil
}

// inputs are those of a resource, all known.
type inputs struct{ source, digest, repository, registry string }

func read(m property.Map) (inputs, error) {
	in := inputs{}
	for field, to := range map[string]*string{"source": &in.source, "digest": &in.digest, "repository": &in.repository, "registry": &in.registry} {
		v := m.Get(field)
		if !v.IsString() {
			return in, fmt.Errorf("%s is missing", field)
		}
		*to = v.AsString()
	}
	return in, nil
}

func (in inputs) ref() string { return in.registry + "/" + in.repository + "@" + in.digest }

// id stays the same when the digest changes.
func (in inputs) id() string { return in.registry + "/" + in.repository }

// tag keeps a registry that removes what has no tag from removing the copy, and says
// what [Remove] finds. It names the digest, so it never moves.
func (in inputs) tag() string { return fmt.Sprintf("%.16s", digest.Digest(in.digest).Encoded()) }

func (c *copier) create(ctx context.Context, r p.CreateRequest) (p.CreateResponse, error) {
	if err := known(r.Urn); err != nil {
		return p.CreateResponse{}, err
	}
	if r.DryRun {
		return p.CreateResponse{ID: "preview", Properties: preview(r.Properties)}, nil
	}
	in, err := read(r.Properties)
	if err != nil {
		return p.CreateResponse{}, err
	}
	if err := c.until(ctx, in, func() error { return c.copy(ctx, r.Urn.Name(), in) }); err != nil {
		return p.CreateResponse{}, err
	}
	return p.CreateResponse{ID: in.id(), Properties: r.Properties.Set("ref", property.New(in.ref()))}, nil
}

// preview says the name of the copy where its registry is known.
func preview(m property.Map) property.Map {
	ref := property.New(property.Computed)
	if in, err := read(m); err == nil {
		ref = property.New(in.ref())
	}
	return m.Set("ref", ref)
}

func (c *copier) update(ctx context.Context, r p.UpdateRequest) (p.UpdateResponse, error) {
	if r.DryRun {
		return p.UpdateResponse{Properties: preview(r.Inputs)}, nil
	}
	in, err := read(r.Inputs)
	if err != nil {
		return p.UpdateResponse{}, err
	}
	if err := c.copy(ctx, r.Urn.Name(), in); err != nil {
		return p.UpdateResponse{}, err
	}
	return p.UpdateResponse{Properties: r.Inputs.Set("ref", property.New(in.ref()))}, nil
}

// read says whether the copy is there; an image that is gone is copied again.
func (c *copier) read(ctx context.Context, r p.ReadRequest) (p.ReadResponse, error) {
	in, err := read(r.Inputs)
	if err != nil {
		return p.ReadResponse{}, fmt.Errorf("an image cannot be imported, it is copied by up: %w", err)
	}
	to, err := c.place(ctx, in, acr.Pull(in.repository))
	there := false
	if err == nil {
		there, err = images.Has(ctx, to, in.digest)
	}
	if gone(err) || err == nil && !there {
		return p.ReadResponse{}, nil
	}
	return p.ReadResponse{ID: r.ID, Properties: r.Inputs.Set("ref", property.New(in.ref())), Inputs: r.Inputs}, err
}

// gone says that the registry itself is no more: its name means nothing.
func gone(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

// place is the repository of the copy.
func (c *copier) place(ctx context.Context, in inputs, scopes ...string) (images.Place, error) {
	client, err := c.Client(ctx)
	if err != nil {
		return images.Place{}, err
	}
	transport, err := acr.Transport(ctx, client, in.registry, scopes...)
	return images.Place{Registry: in.registry, Repository: in.repository, Transport: transport}, err
}

func (c *copier) copy(ctx context.Context, resource string, in inputs) error {
	source, err := name.NewDigest(in.source)
	if err != nil {
		return err
	}
	from := images.Place{Registry: source.Context().RegistryStr(), Repository: source.Context().RepositoryStr()}
	if from.Auth, err = authn.Resolve(ctx, c.Keychain, source.Context()); err != nil {
		return fmt.Errorf("the credentials for %s: %w", from.Registry, err)
	}
	to, err := c.place(ctx, in, acr.Push(in.repository))
	if err != nil {
		return err
	}
	result, err := images.Copy(ctx, images.CopyRequest{From: from, To: to, Digest: in.digest, Tag: in.tag()})
	if err == nil && c.Copied != nil {
		c.Copied(resource, result)
	}
	return err
}

// until tries again while a registry that was just made is not known by name or
// does not let the login in yet: both take a while to spread.
func (c *copier) until(ctx context.Context, in inputs, do func() error) error {
	for began := time.Now(); ; {
		err := do()
		if err == nil || !spreading(err) {
			return err
		}
		if waited := time.Since(began); waited >= c.Wait {
			return fmt.Errorf("waited %v for the new registry %s to take an image: %w", waited.Round(time.Second), in.registry, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(c.Poll):
		}
	}
}

func spreading(err error) bool {
	if gone(err) {
		return true
	}
	status := images.StatusOf(err)
	var refused *arm.Error
	if errors.As(err, &refused) {
		status = refused.StatusCode
	}
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}
