package duty

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The versions of Resource Manager's APIs.
const (
	groupsVersion = "2022-09-01"
	budgetVersion = "2023-05-01"
	appsVersion   = "2025-01-01" // the first that says whether an app is stopped
)

// manage sends a request to Resource Manager.
func (s *Steward) manage(ctx context.Context, method, id, version string) (answer, error) {
	manager, err := s.need(EnvManager)
	if err != nil {
		return answer{}, err
	}
	audience, err := s.need(EnvAudience)
	if err != nil {
		return answer{}, err
	}
	return s.call(ctx, method, strings.TrimSuffix(manager, "/")+id+"?api-version="+version, audience, "")
}

// read gets a resource. It is false where there is none.
func (s *Steward) read(ctx context.Context, id, version string, into any) (bool, error) {
	a, err := s.manage(ctx, http.MethodGet, id, version)
	switch {
	case err != nil:
		return false, err
	case a.status == http.StatusNotFound:
		return false, nil
	case a.status != http.StatusOK:
		return false, a.failure()
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return false, wait{why: fmt.Sprintf("the answer about %s is no JSON: %v", id, err)}
	}
	return true, nil
}
