package copy

import (
	"context"
	"fmt"
	"strings"

	"github.com/envctl/envctl/components/azure/acr"
	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/stacks/images"
)

// catalogue is the scope that lists a registry's repositories.
const catalogue = "registry:catalog:*"

// Remove removes the repositories below a prefix, as in "EXPERIMENT/", from a
// Container Registry that others use, too, and returns how many those were. What is
// gone already is no error.
func Remove(ctx context.Context, client *arm.Client, loginServer, prefix string) (int, error) {
	if !strings.HasSuffix(prefix, "/") || len(prefix) < 2 {
		return 0, fmt.Errorf("%q would remove other repositories, too: a prefix ends in /", prefix)
	}
	transport, err := acr.Transport(ctx, client, loginServer, catalogue)
	if err != nil {
		return 0, err
	}
	repositories, err := images.Repositories(ctx, images.Place{Registry: loginServer, Transport: transport})
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, repository := range repositories {
		if !strings.HasPrefix(repository, prefix) {
			continue
		}
		transport, err := acr.Transport(ctx, client, loginServer, "repository:"+repository+":pull,delete")
		if err != nil {
			return removed, err
		}
		n, err := images.RemoveTagged(ctx, images.Place{Registry: loginServer, Repository: repository, Transport: transport})
		if err != nil {
			return removed, err
		}
		if n > 0 {
			removed++
		}
	}
	return removed, nil
}
