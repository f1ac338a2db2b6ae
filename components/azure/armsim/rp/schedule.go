package rp

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/envctl/envctl/components/azure/armsim/store"
)

// managerVariable tells the steward's program which Resource Manager it asks.
const managerVariable = "ENVCTL_RESOURCE_MANAGER"

// Scheduled says whether a resource is a job that its schedule starts here. The
// steward's jobs are not: their program asks Resource Manager, which nothing
// inside a simulated environment reaches.
func Scheduled(r *store.Resource) bool {
	if !strings.EqualFold(r.Type, jobs) || text(r.Body, "properties", "configuration", "triggerType") != "Schedule" {
		return false
	}
	for _, c := range items(r.Body, "properties", "template", "containers") {
		for _, e := range items(c, "env") {
			if text(e, "name") == managerVariable {
				return false
			}
		}
	}
	return true
}

// firedKey is where a job's Private has the latest minute that its schedule
// started it for, so that no other process does so again.
const firedKey = "fired"

// Fire starts an execution where the job's schedule was due after since and not
// after now, once however often it was: Container Apps evaluates cron expressions
// in UTC (learn: container-apps/jobs, "Scheduled jobs"). ok is false where none is due.
func Fire(w *World, st *store.State, r *store.Resource, since, now time.Time) (effects []Effect, ok bool) {
	if !Scheduled(r) || StateOf(r) != Succeeded {
		return nil, false
	}
	schedule, err := cron.ParseStandard(text(r.Body, "properties", "configuration", "scheduleTriggerConfig", "cronExpression"))
	if err != nil {
		return nil, false // checkJob refuses it
	}
	if fired, err := time.Parse(time.RFC3339, r.Private[firedKey]); err == nil && fired.After(since) {
		since = fired
	}
	due := schedule.Next(since.UTC())
	if due.IsZero() || due.After(now) {
		return nil, false
	}
	c := &Call{World: w, State: st, Now: now, Old: r, Body: Object{}}
	if _, bad := startJob(c); bad != nil {
		return nil, false
	}
	r.Private[firedKey] = now.UTC().Format(time.RFC3339)
	st.Changed()
	return c.Effects, true
}

// checkCron refuses what Container Apps refuses: another number of fields than
// five, and values that the fields do not have.
func checkCron(expression string) string {
	if len(strings.Fields(expression)) != 5 || strings.Contains(expression, "=") {
		return "does not have 5 fields"
	}
	if _, err := cron.ParseStandard(expression); err != nil {
		return err.Error()
	}
	return ""
}
