package azure

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	target "github.com/envctl/envctl/components/azure"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// users refuses workloads whose image runs as somebody else than the definition
// says: Container Apps have no setting for it, so an image without a USER would
// run as root there and as nobody here.
func (t *Target) users(ctx context.Context, spec plan.Spec, from map[string]target.ImageSource) error {
	ask := t.Images.User
	if ask == nil {
		ask = t.imageUser
	}
	found := make([]*definition.Problem, len(spec.Workloads))
	failed := make([]error, len(spec.Workloads))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for i, w := range spec.Workloads {
		group.Go(func() error {
			user, err := ask(gctx, from[w.Name].Source)
			if err != nil {
				failed[i] = fmt.Errorf("image of %q: look up which user it runs as: %w", w.Name, err)
				return nil
			}
			if problem, wrong := target.WrongUser(w, user); wrong {
				found[i] = &problem
			}
			return nil
		})
	}
	_ = group.Wait() // what failed is in failed, so that all of it is reported
	var problems definition.Problems
	for _, p := range found {
		if p != nil {
			problems = append(problems, *p)
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return errors.Join(failed...)
}

// imageUser is the USER of an image's configuration; of an index, that of the
// platform which Container Apps run, linux/amd64.
func (t *Target) imageUser(ctx context.Context, source string) (string, error) {
	ref, err := name.NewDigest(source)
	if err != nil {
		return "", err
	}
	keychain := t.Images.Keychain
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain)}
	if t.Images.Transport != nil {
		options = append(options, remote.WithTransport(t.Images.Transport))
	}
	image, err := remote.Image(ref, options...)
	if err != nil {
		return "", err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(config.Config.User), nil
}
