package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/envctl/envctl/stacks/azure/ask"
)

// currencyPatience bounds a question that Azure throttles for minutes.
const currencyPatience = 20 * time.Second

// currency compares the budget's with the one that the subscription is billed in:
// a budget of Azure has an amount and no currency, so 50 would count as 50 of
// whatever the bill is in. Only a charge tells that currency (usageDetails of
// Microsoft.Consumption: billingCurrencyCode of a Microsoft Customer Agreement,
// billingCurrency of an older one); without one yet the check is skipped.
func currency(ctx context.Context, m ask.Manager, s Subject) ([]Check, error) {
	if !s.Budget || s.Currency == "" {
		return nil, nil
	}
	path := ask.Provider(ask.Subscription(s.Subscription), "Microsoft.Consumption", "usageDetails") + "?$top=1"
	limited, cancel := context.WithTimeout(ctx, currencyPatience)
	defer cancel()
	page, err := m.Get(limited, path, ask.Budgets) // one page: the list would have as many as there were charges
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return []Check{{Name: "budget", State: Skipped,
			Detail: fmt.Sprintf("the currency of the bill is not told within %s", currencyPatience)}}, nil
	}
	if err != nil {
		return unseen("budget", err)
	}
	billed := ""
	for _, charge := range ask.Items(page, "value") {
		for _, key := range []string{"billingCurrencyCode", "billingCurrency"} {
			if billed == "" {
				billed = ask.Text(charge, "properties", key)
			}
		}
	}
	switch {
	case billed == "":
		return []Check{{Name: "budget", State: Skipped,
			Detail: fmt.Sprintf("the currency of the bill is not told before the first charge; the budget counts as if it were %s", s.Currency)}}, nil
	case strings.EqualFold(billed, s.Currency):
		return []Check{{Name: "budget", State: OK, Detail: "in " + billed + ", as the bill"}}, nil
	}
	return []Check{{Name: "budget", State: Failed, Path: "budget.currency",
		Detail: fmt.Sprintf("the budget is in %s, and the subscription is billed in %s: Azure would count its amount as %s", s.Currency, billed, billed),
		Fix:    fmt.Sprintf("set budget.currency to %s, and budget.amount to what it is in %s", billed, billed)}}, nil
}
