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

// Receipts leaves a receipt beside every image of a plan in a Container Registry,
// and returns where those are: REPOSITORY@DIGEST.
func (c *Cloud) Receipts(ctx context.Context, loginServer string, p *plan.Plan, r images.Receipt) ([]string, error) {
	at := map[string]string{} // digest by repository
	for _, w := range p.Spec().Workloads {
		repository := w.Image.Repository
		if repository == "" {
			repository = p.Spec().Experiment + "/" + w.Name
		}
		at[repository] = w.Image.Digest
	}
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
