package stacks

import (
	"cmp"
	"time"
)

// IdentityUse is what a workload did with a role that its identity has, or wanted
// and has not.
type IdentityUse struct {
	App      string    `json:"app"`                // empty: nobody that is known
	Role     string    `json:"role,omitempty"`     // empty: none that envctl gives
	Resource string    `json:"resource,omitempty"` // that a token was asked for; empty: none was
	Given    bool      `json:"given"`              // the app has the role
	Granted  int       `json:"granted"`            // tokens
	Refused  int       `json:"refused"`
	Reason   string    `json:"reason,omitempty"` // of the last refusal
	Last     time.Time `json:"last,omitzero"`
}

// Unused says that the app has the role and never used it.
func (u IdentityUse) Unused() bool { return u.Given && u.Granted == 0 }

// Compare orders uses by app, role and resource.
func (u IdentityUse) Compare(v IdentityUse) int {
	return cmp.Or(cmp.Compare(u.App, v.App), cmp.Compare(u.Role, v.Role), cmp.Compare(u.Resource, v.Resource))
}

// Spend is what the models of an experiment took in a calendar month (UTC).
type Spend struct {
	Month    string       `json:"month"` // 2026-01
	Currency string       `json:"currency"`
	Spent    float64      `json:"spent"`
	Reserved float64      `json:"reserved"` // set aside for calls under way
	Budget   float64      `json:"budget,omitempty"`
	Stop     bool         `json:"stop,omitempty"`   // at the budget's end calls are refused
	Alerts   []int        `json:"alerts,omitempty"` // percents of the budget that were reached
	Models   []ModelSpend `json:"models"`
}

// ModelSpend is what one model took.
type ModelSpend struct {
	Model            string  `json:"model"` // the name in the definition
	Calls            int64   `json:"calls"`
	Refused          int64   `json:"refused"` // for the budget
	PromptTokens     int64   `json:"promptTokens"`
	CompletionTokens int64   `json:"completionTokens"`
	Cost             float64 `json:"cost"`
}
