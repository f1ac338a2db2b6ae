package duty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// budget is what is read of a budget.
type budget struct {
	Properties struct {
		Amount       float64
		CurrentSpend struct {
			Amount float64
			Unit   string
		}
	}
}

// workload is what is read of an app or a job.
type workload struct {
	ID         string
	Name       string
	Tags       map[string]string
	Properties struct{ RunningStatus string }
}

// stop stops the apps and the running jobs of the group while its budget is used
// up. Azure counts costs some hours after they were made.
func (s *Steward) stop(ctx context.Context) error {
	id, err := s.need(EnvBudget)
	if err != nil {
		return err
	}
	groupID, err := s.need(EnvGroup)
	if err != nil {
		return err
	}
	var b budget
	err = s.until(ctx, "the budget", func(ctx context.Context) error {
		there, err := s.read(ctx, id, budgetVersion, &b)
		if err == nil && !there {
			return fmt.Errorf("there is no budget %s: envctl up makes it", id)
		}
		return err
	})
	if err != nil {
		return err
	}
	spent := b.Properties.CurrentSpend
	s.say("spent %.2f of %.2f %s", spent.Amount, b.Properties.Amount, spent.Unit)
	if b.Properties.Amount <= 0 || spent.Amount < b.Properties.Amount {
		return nil
	}
	return s.until(ctx, "the apps to stop", func(ctx context.Context) error { return s.stopAll(ctx, groupID) })
}

// stopAll stops what still runs; a wait says what does.
func (s *Steward) stopAll(ctx context.Context, groupID string) error {
	var problems []error
	for _, kind := range []string{"containerApps", "jobs"} {
		found, err := s.list(ctx, groupID+"/providers/Microsoft.App/"+kind)
		if err != nil {
			return err
		}
		for _, w := range found {
			if w.Tags[TagKind] != KindSteward && !strings.EqualFold(w.Properties.RunningStatus, "Stopped") {
				problems = append(problems, s.stopOne(ctx, w))
			}
		}
	}
	return errors.Join(problems...)
}

func (s *Steward) stopOne(ctx context.Context, w workload) error {
	a, err := s.manage(ctx, http.MethodPost, w.ID+"/stop", appsVersion)
	switch {
	case err != nil:
		return err
	case a.status < http.StatusMultipleChoices:
		s.say("stopped %s", w.Name)
		return nil
	case a.passing():
		return wait{why: w.Name + ": " + a.String(), after: a.after}
	}
	s.say("%s cannot be stopped: %s", w.Name, a) // a job that does not run
	return nil
}

// list reads every page.
func (s *Steward) list(ctx context.Context, id string) ([]workload, error) {
	var all []workload
	manager, version := strings.TrimSuffix(s.Getenv(EnvManager), "/"), appsVersion
	for id != "" {
		var page struct {
			Value    []workload
			NextLink string
		}
		there, err := s.read(ctx, id, version, &page)
		if err != nil || !there {
			return all, err
		}
		all = append(all, page.Value...)
		next, err := url.Parse(page.NextLink)
		if err != nil || page.NextLink != "" && !strings.HasPrefix(page.NextLink, manager+"/") {
			return nil, fmt.Errorf("the next page is at %q, which is not at Resource Manager", page.NextLink)
		}
		query := next.Query()
		version = query.Get("api-version")
		query.Del("api-version")
		if id = next.Path; id != "" && len(query) > 0 {
			version += "&" + query.Encode()
		}
	}
	return all, nil
}
