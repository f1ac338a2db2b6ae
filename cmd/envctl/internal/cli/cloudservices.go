package cli

import (
	"context"

	"github.com/envctl/envctl/cmd/envctl/internal/output"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/stacks"
)

// Cloud is what only Azure, or its simulator, has.
type Cloud interface {
	// Preflight looks for what Azure would refuse. It changes nothing.
	Preflight(ctx context.Context, d *definition.Definition, ref stacks.Ref) ([]output.Finding, error)
	// Promote takes over what runs locally.
	Promote(ctx context.Context, r PromoteRequest) (Promotion, error)
	// Leftovers lists what carries envctl's tags and no state knows: the caller's
	// own, or with everybodys what anybody made.
	Leftovers(ctx context.Context, everybodys bool) ([]Leftover, error)
}

// PromoteRequest asks for what runs locally on Azure.
type PromoteRequest struct {
	Request
	// Confirm is asked before anything is changed there; nil: nobody is.
	Confirm func(Promotion) error
}

// Promotion is what a promote does, or would do.
type Promotion struct {
	Result      stacks.Result
	Images      map[string]string // digest by workload: the bytes that ran and will run
	Differences []string          // between what ran and what will run, in words
	Receipt     string            // file; empty: nothing was promoted
	Referrers   []string          // the receipts beside the images, REPOSITORY@DIGEST
}

// Leftover is something that nobody needs any more.
type Leftover struct {
	output.Leftover
	// Remove removes it.
	Remove func(ctx context.Context) error
}
