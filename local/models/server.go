package models

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

// The providers.
const (
	ProviderOpenAI = "openai" // any server with OpenAI's API
	ProviderAzure  = "azure"  // Azure OpenAI, by its v1 API
	ProviderReplay = "replay" // a recording
	ProviderEcho   = "echo"   // deterministic answers, made here
)

// Model is one model of a definition.
type Model struct {
	Model  string       `json:"model"` // name at its publisher
	Price  ledger.Price `json:"price"`
	Limits price.Limits `json:"limits"`
}

// ModelsOf are the models of a definition, with the prices that they count at.
func ModelsOf(def *definition.Definition) map[string]Model {
	currency := price.Currency
	if def.Budget != nil {
		currency = def.Budget.Currency
	}
	models := map[string]Model{}
	for name, m := range def.Models {
		known := price.Of(m, currency)
		models[name] = Model{Model: m.Model, Price: known.Price, Limits: known.Limits}
	}
	return models
}

// BudgetOf is the budget of a definition.
func BudgetOf(def *definition.Definition) ledger.Budget {
	b := def.Budget
	if b == nil {
		return ledger.Budget{Currency: price.Currency}
	}
	return ledger.Budget{
		Amount: ledger.Units(b.Amount), Currency: b.Currency, Alerts: b.Alerts, Stop: b.OnExceeded == definition.OnExceededStop,
	}
}

// Config is what a [Server] serves.
type Config struct {
	Provider string
	URL      string            // of openai, azure, and replay where it records; a base address as http://localhost:11434/v1
	Names    map[string]string // name in the definition → name at the server
	File     string            // of replay, absolute
	Models   map[string]Model  // by their names in the definition
	Budget   ledger.Budget     // zero: none
	Ledger   *ledger.Ledger

	// Token returns the bearer token for the server; nil, or "": none.
	Token func(ctx context.Context) (string, error)
	// Transport carries requests to the server; nil: one of its own.
	Transport http.RoundTripper
	// Notice tells people what they should know: an alert of the budget, a server
	// that refuses envctl. It is called from several goroutines; nil: nobody is told.
	Notice func(text string)
	Limits Limits
}

// Limits bound what a server may take. Zero values are the defaults.
type Limits struct {
	Header time.Duration // until an answer begins; 10 min, as OpenAI's clients wait
	Idle   time.Duration // between two pieces of an answer; 5 min
	// Drain is how long the rest of an answer is read after its client hung up, to
	// learn what it took; 30 s.
	Drain time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.Header == 0 {
		l.Header = 10 * time.Minute
	}
	if l.Idle == 0 {
		l.Idle = 5 * time.Minute
	}
	if l.Drain == 0 {
		l.Drain = 30 * time.Second
	}
	return l
}

// Server answers requests for models. It is safe for concurrent use.
type Server struct {
	config   Config
	provider provider
	calls    sync.WaitGroup
	ending   context.Context
	end      context.CancelFunc
	heavy    chan struct{} // holds a value for each call that holds much, maxHeavy at most
}

// provider answers a call.
type provider interface {
	// answer returns when the answer begins. An error means that nothing was produced;
	// a [*refusal] is answered as it is.
	answer(ctx context.Context, c *call) (*answer, error)
}

// New returns a server; ctx bounds its life, as Close does.
func New(ctx context.Context, c Config) (*Server, error) {
	c.Limits = c.Limits.withDefaults()
	if c.Notice == nil {
		c.Notice = func(string) {}
	}
	s := &Server{config: c, heavy: make(chan struct{}, maxHeavy)}
	var err error
	if s.provider, err = newProvider(c); err != nil {
		return nil, err
	}
	s.ending, s.end = context.WithCancel(ctx)
	return s, nil
}

func newProvider(c Config) (provider, error) {
	switch c.Provider {
	case ProviderEcho:
		return echo{}, nil
	case ProviderOpenAI, ProviderAzure:
		return newUpstream(c)
	case ProviderReplay:
		var from provider
		if c.URL != "" {
			up, err := newUpstream(c)
			if err != nil {
				return nil, err
			}
			from = up
		}
		return openRecording(c.File, from)
	}
	return nil, fmt.Errorf("models: %q is no provider: expected openai, azure, replay or echo", c.Provider)
}

// Close ends the calls under way and returns when each is settled.
func (s *Server) Close() error {
	s.end()
	s.calls.Wait()
	return nil
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	defer s.calls.Done()
	if err := s.serve(w, r); err != nil {
		var refused *refusal
		if !errors.As(err, &refused) {
			s.config.Notice(err.Error())
			refused = refuse(http.StatusBadGateway, "model_server", "%v", err)
		}
		refused.write(w)
	}
}

// serve answers, or returns what to answer instead.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	may := allowed(r)
	op, err := route(r.URL.Path)
	if err != nil {
		return err
	}
	if op.kind == kindModels {
		return s.list(w, r, op, may)
	}
	weight := &weight{server: s}
	defer weight.end()
	c, err := readCall(r, op, func() error { return weight.weigh(r.Context()) })
	if err != nil {
		return err
	}
	c.weight = weight
	model, ok := s.config.Models[c.model]
	if !ok || !may[c.model] {
		return noDeployment(c.model)
	}
	c.server = c.model
	if name := s.config.Names[c.model]; name != "" {
		c.server = name
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.muchOut() {
		if err := weight.weigh(r.Context()); err != nil {
			return err
		}
	}
	paid, err := s.config.Ledger.Reserve(r.Context(), ledger.Call{
		Model: c.model, App: r.Header.Get(protocol.HeaderApp), Worst: c.worst(model.Limits), Price: model.Price, Budget: s.config.Budget,
	})
	if err != nil {
		return s.unpaid(err)
	}
	return s.pay(w, r, c, paid)
}

// unpaid is the answer to a call that was not reserved.
func (s *Server) unpaid(err error) error {
	var exceeded *ledger.Exceeded
	if errors.As(err, &exceeded) {
		return overBudget(exceeded)
	}
	if !errors.Is(err, context.Canceled) { // the client hung up
		s.config.Notice(err.Error())
	}
	return refuse(http.StatusServiceUnavailable, "ledger", "no call can be made, because what it costs cannot be written down: %v", err)
}
