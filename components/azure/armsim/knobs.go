package armsim

import (
	"sort"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/rm"
	"github.com/envctl/envctl/components/azure/armsim/rp"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

// Counts are the requests that were answered; see [rm.Counts].
type Counts = rm.Counts

// Requests counts what this process has answered since it started.
func (s *Simulator) Requests() Counts { return s.manager.Counts() }

// Env is the environment that makes envctl, and every azidentity login with a
// client secret, use the simulator.
func (s *Simulator) Env() map[string]string {
	return map[string]string{
		"ENVCTL_AZURE_RESOURCE_MANAGER": s.endpoints.ResourceManager, "ENVCTL_AZURE_AUTHORITY": s.endpoints.Authority,
		"ENVCTL_AZURE_CA_FILE": s.endpoints.CAFile, "ENVCTL_AZURE_SIMULATED": "1",
		"ARM_SUBSCRIPTION_ID": s.options.Subscription, "ARM_TENANT_ID": s.options.Tenant,
		"ARM_CLIENT_ID": s.options.Client, "ARM_CLIENT_SECRET": s.login.Secret, "ARM_ENVIRONMENT": "public",
	}
}

// Missed are the requests that a recording did not have, with [Options.Replay].
func (s *Simulator) Missed() []string {
	if s.replay == nil {
		return nil
	}
	return s.replay.Missed()
}

// AddFault adds a failure while the simulator runs.
func (s *Simulator) AddFault(f Fault) { s.faults.Add(f) }

// FaultHits says how often each fault has hit, in the order they were given.
func (s *Simulator) FaultHits() []int { return s.faults.Hits() }

// Leftovers are the ids of all that exists, and of what is soft-deleted and still
// counts (with "deleted: " before it), sorted. Log Analytics workspaces that are
// soft-deleted cost nothing and hold no name of anybody else's, so they are none.
func (s *Simulator) Leftovers() ([]string, error) {
	var out []string
	err := s.store.Do(func(st *store.State) error {
		for _, r := range st.Resources {
			out = append(out, r.ID)
		}
		for _, r := range st.DeletedOfType("Microsoft.CognitiveServices/accounts") {
			if s.options.Now().Sub(r.DeletedAt) < rp.KeptFor {
				out = append(out, "deleted: "+r.ID)
			}
		}
		return nil
	})
	sort.Strings(out)
	return out, err
}

// SetSpend changes each budget's currentSpend: a share of its amount.
func (s *Simulator) SetSpend(share float64) error {
	return s.store.Do(func(*store.State) error { s.world.Spend = share; return nil })
}

// SetQuota changes the limit of "REGION/USAGE".
func (s *Simulator) SetQuota(usage string, limit int) error {
	return s.store.Do(func(*store.State) error {
		quota := map[string]int{usage: limit}
		for key, value := range s.world.Quota {
			if key != usage {
				quota[key] = value
			}
		}
		s.world.Quota = quota
		return nil
	})
}

// Edit changes a resource's body behind everybody's back, as a user of the portal
// does. The path's keys are below the body: properties, template, ….
func (s *Simulator) Edit(id string, change func(body map[string]any)) (found bool, err error) {
	err = s.store.Do(func(st *store.State) error {
		if r := st.Get(id); r != nil {
			change(r.Body)
			found = true
			st.Changed()
		}
		return nil
	})
	return found, err
}

// Forget removes a resource and what is below it behind everybody's back. Real
// containers of it stay.
func (s *Simulator) Forget(id string) error {
	return s.store.Do(func(st *store.State) error {
		for _, r := range st.Under(id) {
			st.Remove(r.ID)
		}
		st.Remove(strings.ToLower(id))
		return nil
	})
}

// Token is an access token of the client for a resource, as a login would give.
func (s *Simulator) Token(resource string) string {
	return s.login.Issue(resource, s.options.Client, Principal, "")
}
