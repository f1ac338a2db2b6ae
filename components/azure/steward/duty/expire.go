package duty

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// tagExpires is when the group expires, on the group itself.
const tagExpires = "dev.envctl.expires"

// group is what is read of a resource group.
type group struct {
	Tags       map[string]string
	Properties struct{ ProvisioningState string }
}

// expire deletes the resource group, and so the job that this runs in, once it has
// expired. Where the group's tag names a later time that one counts.
func (s *Steward) expire(ctx context.Context) error {
	id, err := s.need(EnvGroup)
	if err != nil {
		return err
	}
	text, err := s.need(EnvExpires)
	if err != nil {
		return err
	}
	expires, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("variable %s is %q, expected a time as 2026-01-31T12:00:00Z", EnvExpires, text)
	}
	if s.early(expires) {
		return nil
	}
	return s.until(ctx, "the resource group to be deleted", func(ctx context.Context) error {
		var g group
		there, err := s.read(ctx, id, groupsVersion, &g)
		if err != nil {
			return err
		}
		if !there || g.Properties.ProvisioningState == "Deleting" {
			s.say("%s is gone or going", id)
			return nil
		}
		if later, err := time.Parse(time.RFC3339, g.Tags[tagExpires]); err == nil && s.early(later) {
			return nil
		}
		a, err := s.manage(ctx, http.MethodDelete, id, groupsVersion)
		switch {
		case err != nil:
			return err
		case a.status == http.StatusNotFound, a.status < http.StatusMultipleChoices:
			return wait{why: "it was asked for: " + a.String(), after: a.after} // until the group says so itself
		}
		return a.failure()
	})
}

func (s *Steward) early(expires time.Time) bool {
	if now := s.Now(); now.Before(expires) {
		s.say("expires at %s, in %s", expires.UTC().Format(time.RFC3339), expires.Sub(now).Round(time.Second))
		return true
	}
	return false
}
