package ledger

import "fmt"

// Exceeded says that a call might exceed the month's budget.
type Exceeded struct {
	Model    string
	Need     Amount // the call's worst case
	Spent    Amount
	Reserved Amount // for other calls that are under way
	Budget   Budget
	Month    string
}

// Busy says that the call would fit once the calls under way have ended and turn
// out to have taken little.
func (e *Exceeded) Busy() bool { return e.Spent.Add(e.Need) <= e.Budget.Amount }

func (e *Exceeded) Error() string {
	return fmt.Sprintf("model %q: the call may cost up to %s %s, and of the %s %s for %s are %s spent and %s reserved for calls under way",
		e.Model, e.Need, e.Budget.Currency, e.Budget.Amount, e.Budget.Currency, e.Month, e.Spent, e.Reserved)
}

// Hint says how to mend it.
func (e *Exceeded) Hint() string {
	if e.Busy() {
		return "wait for the calls under way to end, or ask for fewer tokens (max_tokens)"
	}
	return "raise budget.amount and run `envctl up` again, ask for fewer tokens (max_tokens), or wait for the next month"
}

// DamagedError says that a ledger cannot be read.
type DamagedError struct {
	Path string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the ledger of the models in %q is damaged: %v", e.Path, e.Err)
}

// Unwrap returns what is wrong with it.
func (e *DamagedError) Unwrap() error { return e.Err }

// Hint says how to mend it.
func (e *DamagedError) Hint() string {
	return "remove the file: the count of this month then begins at zero"
}
