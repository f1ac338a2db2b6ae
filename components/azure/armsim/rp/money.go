package rp

import (
	"cmp"
	"math"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/envctl/envctl/components/azure/armsim/answer"
)

// moneyTypes are budgets and action groups.
func moneyTypes() []*Type {
	budget := &Type{
		Name: "Microsoft.Consumption/budgets", Tree: "budgets", Extension: true, NoTags: true,
		Versions: []string{"2019-10-01", "2021-10-01", "2023-05-01", "2023-11-01", "2024-08-01"},
		Check:    checkBudget, Fill: fillBudget, View: viewBudget,
	}
	budget.Pattern, budget.NameError = named(`^[a-zA-Z0-9_-]{1,63}$`, "400", "Invalid budget name '%s': it has 1 to 63 letters, digits, '-' and '_'.")
	group := &Type{
		Name: "Microsoft.Insights/actionGroups", Tree: "actionGroups", Located: true, Anywhere: true,
		Versions: []string{"2019-06-01", "2021-09-01", "2022-06-01", "2023-01-01"},
		Check:    checkActionGroup, View: dropState,
		OddID: func(id string) string {
			return strings.NewReplacer("/Microsoft.Insights/", "/microsoft.insights/", "/actionGroups/", "/actiongroups/").Replace(id)
		},
	}
	group.Pattern, group.NameError = named(`^[^:<>+/&%\\?|]{0,259}[^:<>+/&%\\?|. ]$`, "BadRequest", "The action group name '%s' is invalid: it has 1 to 260 characters without :<>+/&%%\\?|, and does not end with a space or period.")
	return []*Type{budget, group}
}

// The rules of fault row 13 and of the specification's comments on Budget.
func checkBudget(c *Call) *answer.Error {
	p := props(c.Body)
	if amount, ok := number(p, "amount"); !ok || amount <= 0 {
		return invalid("400", "Invalid budget amount %v: it must be above 0.", p["amount"])
	}
	if bad := c.checkPeriod(p); bad != nil {
		return bad
	}
	if bad := checkNotifications(p); bad != nil {
		return bad
	}
	// Fault row 14: without an eTag the last writer wins.
	if tag := text(c.Body, "eTag"); c.Old != nil && tag != "" && tag != text(c.Old.Body, "eTag") {
		return invalid("400", "There are changes made to Budget %s since it was last read. Please get the latest version of the budget and update again.", c.Path.Name())
	}
	return nil
}

func (c *Call) checkPeriod(p Object) *answer.Error {
	written := text(p, "timePeriod", "startDate")
	start, err := parseDate(written)
	if err != nil {
		return invalid("400", "Invalid start date '%s'.", written)
	}
	if c.Old != nil {
		if before, err := parseDate(text(c.Old.Body, "properties", "timePeriod", "startDate")); err == nil && !before.Equal(start) {
			return invalid("400", "Start date of budgets cannot be updated. It is '%s' and was '%s'.", written, before.Format(time.DateOnly))
		}
		return nil
	}
	month := time.Date(c.Now.UTC().Year(), c.Now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	switch {
	case start.Day() != 1 || start.Hour() != 0:
		return invalid("400", "Start date '%s' should be the first day of a month.", written)
	case text(p, "timeGrain") == "Monthly" && start.Before(month):
		return invalid("400", "Start date '%s' should not be earlier than the current period, which began on %s, for the time grain Monthly.", written, month.Format(time.DateOnly))
	case start.After(month.AddDate(1, 0, 0)):
		return invalid("400", "Start date '%s' should not be more than twelve months in the future.", written)
	}
	if end := text(p, "timePeriod", "endDate"); end != "" {
		if t, err := parseDate(end); err != nil || !t.After(start) {
			return invalid("400", "End date '%s' must be after the start date '%s'.", end, written)
		}
	}
	return nil
}

func parseDate(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

var actionGroupID = regexp.MustCompile(`(?i)^/subscriptions/[^/]+/resourceGroups/[^/]+/providers/microsoft\.insights/actionGroups/[^/]+$`)

func checkNotifications(p Object) *answer.Error {
	set, _ := p["notifications"].(Object)
	if len(set) > 5 {
		return invalid("400", "A budget can have at most 5 notifications; it has %d.", len(set))
	}
	for name, n := range set {
		list := func(key string) []any { l, _ := at(n, key).([]any); return l }
		if len(list("contactEmails"))+len(list("contactRoles"))+len(list("contactGroups")) == 0 {
			return invalid("400", "The notification '%s' needs at least one contact: contactEmails, contactRoles or contactGroups.", name)
		}
		if threshold, ok := number(n, "threshold"); !ok || threshold < 0 || threshold > 1000 {
			return invalid("400", "The threshold of the notification '%s' is %v, and must be 0 to 1000.", name, at(n, "threshold"))
		}
		for _, id := range list("contactGroups") {
			if s, _ := id.(string); !actionGroupID.MatchString(s) {
				return answer.Errorf(http.StatusUnauthorized, "RBACAccessDenied", "The client does not have authorization to perform action over scope '%s'.", s)
			}
		}
	}
	return nil
}

func fillBudget(c *Call) { c.New.Body["eTag"] = `"` + c.State.Hex(c.Seed, 15) + `"` }

// UsageDetails is what was charged to the subscription: nothing, unless the world
// says which currency it is billed in; then one charge tells it. The form is that
// of a Microsoft Customer Agreement (kind modern) of the specification of
// Microsoft.Consumption 2023-05-01.
func UsageDetails(w *World, subscription string) *answer.Answer {
	if w.Currency == "" {
		return answer.List([]any{})
	}
	return answer.List([]any{Object{
		"kind": "modern", "type": "Microsoft.Consumption/usageDetails", "name": "1",
		"id":         "/subscriptions/" + subscription + "/providers/Microsoft.Consumption/usageDetails/1",
		"properties": Object{"billingCurrencyCode": w.Currency, "costInBillingCurrency": 1.0},
	}})
}

// viewBudget adds what was spent: the share that the options say.
func viewBudget(c *Call, body Object) {
	p := props(body)
	amount, _ := number(p, "amount")
	spend := math.Round(amount*c.Spend*100) / 100
	p["currentSpend"] = Object{"amount": spend, "unit": cmp.Or(c.Currency, "USD")}
	dropState(c, body)
}

func checkActionGroup(c *Call) *answer.Error {
	p := props(c.Body)
	if name := text(p, "groupShortName"); name == "" || len(name) > 12 {
		return invalid("BadRequest", "The groupShortName '%s' must have 1 to 12 characters.", name)
	}
	seen := map[string]bool{}
	for _, kind := range []string{"emailReceivers", "webhookReceivers", "armRoleReceivers", "smsReceivers"} {
		for _, r := range items(p, kind) {
			name := text(r, "name")
			if name == "" || seen[name] {
				return invalid("BadRequest", "Every receiver of an action group has a name of its own; '%s' is missing or used twice.", name)
			}
			seen[name] = true
		}
	}
	for _, r := range items(p, "emailReceivers") {
		if !strings.Contains(text(r, "emailAddress"), "@") {
			return invalid("BadRequest", "The address '%s' of the receiver '%s' is not an e-mail address.", text(r, "emailAddress"), text(r, "name"))
		}
	}
	return nil
}
