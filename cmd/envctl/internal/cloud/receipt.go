package cloud

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/envctl/envctl/components/azure/acr"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/images"
)

// ImagesOf are the images of a plan as its Container Registry has them: the digest
// by repository.
func ImagesOf(p *plan.Plan) map[string]string {
	out := map[string]string{}
	for _, w := range p.Spec().Workloads {
		repository := w.Image.Repository
		if repository == "" {
			repository = p.Spec().Experiment + "/" + w.Name
		}
		out[repository] = w.Image.Digest
	}
	return out
}

// Receipts leaves a receipt beside images, given as digests by repository, in a
// Container Registry, and returns where those are: REPOSITORY@DIGEST.
func (c *Cloud) Receipts(ctx context.Context, loginServer string, at map[string]string, r images.Receipt) ([]string, error) {
	var out []string
	var errs error
	for _, repository := range slices.Sorted(maps.Keys(at)) {
		transport, err := acr.Transport(ctx, c.Client, loginServer, acr.Push(repository))
		if err == nil {
			var digest string
			place := images.Place{Registry: loginServer, Repository: repository, Transport: transport}
			if digest, err = images.PutReceipt(ctx, place, at[repository], r); err == nil {
				out = append(out, repository+"@"+digest)
			}
		}
		errs = errors.Join(errs, err)
	}
	return out, errs
}
