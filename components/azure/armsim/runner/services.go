package runner

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/run"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/sandbox"
)

// What a workload asks its environment's gateway for: the values of labelServices.
const (
	servicesIdentity = "identity" // tokens
	servicesModels   = "models"   // tokens and models
)

// servicesOf is what a workload asks for; empty: nothing.
func servicesOf(spec run.Spec) string {
	switch {
	case spec.Platform == nil || spec.IdentityHeader == "":
		return ""
	case len(spec.Hosts) > 0:
		return servicesModels
	}
	return servicesIdentity
}

// asked is the most that any of the containers asks for.
func asked(list []docker.Container) string {
	out := ""
	for _, c := range list {
		if s := c.Labels[labelServices]; c.Labels[LabelKind] != kindGateway && s != "" && out != servicesModels {
			out = s
		}
	}
	return out
}

// serve adds services to a gateway's configuration. It passes them on as they are:
// the simulator gave the identities and decides what they may do.
func serve(config *protocol.Config, services string) {
	if services == "" {
		return
	}
	config.Identity = protocol.Identity{Listen: gateway.IdentityPort, Forward: true}
	if services == servicesModels {
		config.Models = protocol.Models{
			Listen: gateway.ModelsPort, Host: "*." + run.AccountDomain, Trust: gateway.TrustFolder, Forward: true,
		}
	}
}

// given are the variables that a container finds beside its own: those of Container
// Apps for an identity, and what makes it trust the gateway's certificates, which on
// Azure any system does.
func given(spec run.Spec, c run.Container) map[string]string {
	out := map[string]string{}
	services := servicesOf(spec)
	if services == "" {
		return out
	}
	if services == servicesModels {
		maps.Copy(out, gateway.TrustVariables())
		for _, own := range c.Env {
			delete(out, own.Name)
		}
	}
	out["IDENTITY_ENDPOINT"], out["IDENTITY_HEADER"] = gateway.IdentityEndpoint(), spec.IdentityHeader
	return out
}

// reach lets a container find the gateway by the names that lead to it, and trust it.
func reach(profile *sandbox.Profile, p place, spec run.Spec) {
	services := servicesOf(spec)
	if services == "" {
		return
	}
	for _, name := range append([]string{gateway.Name}, spec.Hosts...) {
		profile.Hosts = append(profile.Hosts, name+":"+p.address.String())
	}
	slices.Sort(profile.Hosts)
	if services == servicesModels {
		profile.Volumes = []sandbox.Volume{{Name: p.trust(), Path: gateway.TrustFolder, ReadOnly: true}}
	}
}

// ensureTrust makes the volume of an environment with models.
func (r *Runner) ensureTrust(ctx context.Context, p place) error {
	_, err := r.engine.Client().VolumeCreate(ctx, client.VolumeCreateOptions{
		Name: p.trust(), Labels: with(p.labels, LabelKind, kindTrust),
	})
	return wrap("make volume "+p.trust(), err)
}

// keyFile holds the secret that the keys of gateways come from. It is in no label and
// not in the simulator's state.
const keyFile = "key"

// key is the key of an environment's gateway, the same in every process.
func (r *Runner) key(environment string) (string, error) {
	path := filepath.Join(r.dir, keyFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = makeKey(path)
	}
	if err == nil && len(raw) < protocol.MinKey {
		err = fmt.Errorf("%s has %d bytes, expected %d at least; remove it", path, len(raw), protocol.MinKey)
	}
	if err != nil {
		return "", fmt.Errorf("key of the gateways: %w", err)
	}
	return hex.EncodeToString(protocol.Derive(string(raw), "gateway/"+environment)), nil
}

// makeKey makes the file whole, or takes what another process made first.
func makeKey(path string) ([]byte, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(rand.Text() + rand.Text())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

const (
	// gatewayPatience bounds the wait for a gateway; it begins in 20 ms.
	gatewayPatience = time.Minute
	pollGateway     = 20 * time.Millisecond
)

// errBegun ends the wait for a gateway.
var errBegun = errors.New("it has begun")

// awaitGateway returns when an environment's gateway has begun: a program reads what
// it trusts once, when it starts.
func (r *Runner) awaitGateway(ctx context.Context, p place) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gatewayPatience, fmt.Errorf("the gateway of %s has not begun within %s", last(p.id), gatewayPatience))
	defer cancel()
	for {
		gateways, err := r.find(ctx, labelEnvironment, p.id, LabelKind, kindGateway)
		if err != nil {
			return err
		}
		for _, g := range gateways {
			if g.State != "running" {
				continue
			}
			err := gateway.Follow(ctx, source{r.engine, g.ID}, func(e protocol.Event) error {
				if e.Event == protocol.EventStart {
					return errBegun
				}
				return nil
			})
			if errors.Is(err, errBegun) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollGateway):
		}
	}
}

// attend makes sure that what a workload asks for is answered: the gateway has begun
// and somebody is behind it.
func (r *Runner) attend(ctx context.Context, p place, spec run.Spec) error {
	services := servicesOf(spec)
	if services == "" {
		return nil
	}
	if r.answer != nil {
		if err := r.answer(ctx); err != nil {
			return fmt.Errorf("answer for identities and models: %w", err)
		}
	}
	if services != servicesModels {
		return nil
	}
	return r.awaitGateway(ctx, p)
}
