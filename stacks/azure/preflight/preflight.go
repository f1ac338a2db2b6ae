// Package preflight looks, before anything is made, for what Azure would refuse
// later: the subscription, the region, resource providers, quotas, models and
// their versions and skus, names, soft-deleted leftovers, permissions and the
// currency of the bill. Where
// something does not fit it lists the choices that do. It changes nothing.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// Subject is what is to be made.
type Subject struct {
	Subscription string
	Location     string // region, as swedencentral
	Names        names.Names
	// Experiment and Instance are in the tags that say what is ours.
	Experiment, Instance string
	Models               []plan.Model // of its own account; none on a platform
	OwnGround            bool         // it makes its own registry, environment and account
	Steward              bool         // it defines roles of its own
	Budget               bool
	Outputs              bool   // it makes a storage account
	Currency             string // of the budget, ISO 4217
}

// The states of a Check, as in `envctl doctor`.
const (
	OK      = "ok"
	Warning = "warning"
	Failed  = "failed"
	Skipped = "skipped"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string // one word: login, region, providers, quota, models, names, leftovers, permissions, budget
	State  string
	Detail string
	Fix    string // how to mend it, where it is not ok
	Path   string // of the definition, where it comes from there
	// Mine is a soft-deleted account of this very experiment, whose name is needed
	// again: it may be purged.
	Mine *Deleted
}

// Deleted is a soft-deleted account.
type Deleted struct {
	ID, Name, Location, Group string
	Tags                      map[string]string
	Deleted, Purged           time.Time // when it was deleted, and will go by itself
}

// maxAsked bounds questions under way at once.
const maxAsked = 8

// Run makes every check. Its error is that nobody could be asked at all.
func Run(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	first, err := login(ctx, m, s)
	if err != nil || first.State == Failed {
		return []Check{first}, err
	}
	looks := []func(context.Context, ask.Manager, Subject) ([]Check, error){
		inRegion, leftovers, available, permissions, currency,
	}
	found := make([][]Check, len(looks))
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(maxAsked)
	for i, look := range looks {
		group.Go(func() (err error) { found[i], err = look(gctx, m, s); return err })
	}
	err = group.Wait()
	out := []Check{first}
	for _, checks := range found {
		out = append(out, checks...)
	}
	return out, err
}

// inRegion asks for the region, and for what has to be there where there is such a
// region: one that does not exist has nothing, which needs no saying.
func inRegion(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	out, err := region(ctx, m, s)
	if err != nil || out[0].State == Failed {
		return out, err
	}
	looks := []func(context.Context, ask.Manager, Subject) ([]Check, error){providers, environments, models}
	found := make([][]Check, len(looks))
	group, gctx := errgroup.WithContext(ctx)
	for i, look := range looks {
		group.Go(func() (err error) { found[i], err = look(gctx, m, s); return err })
	}
	err = group.Wait()
	for _, checks := range found {
		out = append(out, checks...)
	}
	return out, err
}

// Error is the checks that failed as one error; nil where none did.
func Error(checks []Check) error {
	var failed []Check
	for _, c := range checks {
		if c.State == Failed {
			failed = append(failed, c)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return &FailedError{Checks: failed}
}

// FailedError is what keeps an experiment from being made.
type FailedError struct{ Checks []Check }

func (e *FailedError) Error() string {
	lines := make([]string, 0, len(e.Checks))
	for _, c := range e.Checks {
		line := c.Detail
		if c.Path != "" {
			line = c.Path + ": " + line
		}
		lines = append(lines, line)
	}
	return "nothing was made: " + strings.Join(lines, "; ")
}

// Hint says how to mend it.
func (e *FailedError) Hint() string {
	var out []string
	seen := map[string]bool{}
	for _, c := range e.Checks {
		if c.Fix != "" && !seen[c.Fix] {
			seen[c.Fix] = true
			out = append(out, c.Fix)
		}
	}
	return strings.Join(out, "; ")
}

// login asks for the subscription, which everything else is in.
func login(ctx context.Context, m ask.Manager, s Subject) (Check, error) {
	c := Check{Name: "login", State: OK}
	answer, err := m.Get(ctx, ask.Subscription(s.Subscription), ask.Subscriptions)
	var refused *arm.Error
	switch state := ask.Text(answer, "state"); {
	case errors.As(err, &refused):
		c.State, c.Detail = Failed, fmt.Sprintf("subscription %q: %s", s.Subscription, refused.Message)
		c.Fix = "correct targets.azure.subscription or ARM_SUBSCRIPTION_ID, or log in as somebody who may see it (`az login`); `az account list` shows yours"
		c.Path = "targets.azure.subscription"
		return c, nil
	case err != nil:
		return c, err
	case state != "" && !strings.EqualFold(state, "Enabled"):
		c.State, c.Detail = Failed, fmt.Sprintf("subscription %q is %s, and makes nothing new", s.Subscription, state)
		c.Fix, c.Path = "choose another subscription, or have its owner enable it", "targets.azure.subscription"
	default:
		c.Detail = strings.TrimSpace(ask.Text(answer, "displayName") + " " + s.Subscription)
	}
	return c, nil
}

// unseen turns a refusal into a check that was not made: it is no reason to stop,
// since Azure decides when the time comes. Another error is returned as it is.
func unseen(name string, err error) ([]Check, error) {
	var refused *arm.Error
	if !errors.As(err, &refused) {
		return nil, err
	}
	return []Check{{Name: name, State: Skipped, Detail: fmt.Sprintf("may not be looked at (%s)", strings.TrimSpace(refused.Code+" "+refused.Message))}}, nil
}
