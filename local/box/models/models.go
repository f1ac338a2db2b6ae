// Package models gives boxes the models of a project. A box finds the variables that
// an app with models finds in a sandbox, and calls the same addresses; what it calls
// is answered on the host, with a gateway's checks, and paid from the experiment's
// ledger. Who asks is known by the connection, never by what was sent over it.
package models

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"time"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/box"
	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/gateway/serve"
	"github.com/envctl/envctl/local/models/ledger"
)

// App is whom the calls of boxes belong to in the ledger. No app and no job can have
// that name.
const App = "envctl.mcp"

// Project is an experiment whose models boxes may call.
type Project struct {
	Experiment, Instance string
	// Names are those of the models, sorted.
	Names  []string
	Budget ledger.Budget // zero: none
	Ledger string        // its file
	// Handler answers requests for models that were let through, as a models.Server
	// does, and pays them from the ledger.
	Handler http.Handler
	Now     func() time.Time
}

// Services let one box call models, of which the first is the one that clients take
// that know of one. They have a key of their own, so that tokens of one box are worth
// nothing in another.
func (p *Project) Services(models []string) (*box.Services, error) {
	w := plan.Workload{Kind: plan.Job, Name: App, Models: models}
	spec := plan.Spec{Experiment: p.Experiment, Instance: p.Instance, Workloads: []plan.Workload{w}}
	cfg, _ := gateway.ConfigFor(spec) // with models it is never empty
	key := rand.Text() + rand.Text()
	direct, err := serve.NewDirect(cfg, App, key, p.Handler)
	if err != nil {
		return nil, err
	}
	trust, err := direct.Trust()
	if err != nil {
		return nil, err
	}
	env := gateway.Environ(spec, w)
	env[gateway.HeaderVariable] = protocol.IdentityHeader(key, App)
	return &box.Services{
		Models: models, Hosts: []string{gateway.Name, gateway.ModelsHost}, Env: env,
		Folder: gateway.TrustFolder, Files: trust, Ports: []int{gateway.IdentityPort, gateway.ModelsPort},
		Serve: func(ctx context.Context, at map[int]net.Listener) error {
			return direct.Serve(ctx, at[gateway.IdentityPort], at[gateway.ModelsPort])
		},
	}, nil
}

// Spending is what the models of an experiment cost in a month, all who call them
// together.
type Spending struct {
	Spent ledger.Amount
	Left  ledger.Amount // at least 0
	// Limited says that there is a budget, which Left is of.
	Limited  bool
	Currency string
}

// Spending reads this month's from the ledger.
func (p *Project) Spending() (Spending, error) {
	totals, err := ledger.Read(p.Ledger, p.Now())
	if err != nil {
		return Spending{}, err
	}
	// The definition's budget holds, whatever the last call was measured by.
	totals.Budget = p.Budget
	left, limited := totals.Left()
	return Spending{Spent: totals.Spent, Left: left, Limited: limited, Currency: p.Budget.Currency}, nil
}
