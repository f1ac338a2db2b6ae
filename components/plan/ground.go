package plan

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/envctl/envctl/components/definition"
)

// Azure is the name of the Azure target, whose plans also hold what it stands on.
const Azure = "azure"

// Platform is Spec.Kind of a shared platform, which has no workloads.
const Platform = "platform"

// Model is one model deployment.
type Model struct {
	Name     string `json:"name"` // that workloads use
	Model    string `json:"model"`
	Version  string `json:"version,omitempty"` // empty: the provider's default
	SKU      string `json:"sku"`
	Capacity int    `json:"capacity"` // thousands of tokens a minute
}

// ModelServer is what answers for the models of a local sandbox.
type ModelServer struct {
	Provider string            `json:"provider"` // openai, azure, replay or echo
	URL      string            `json:"url,omitempty"`
	Names    map[string]string `json:"names,omitempty"` // model's name → its name at the server
	File     string            `json:"file,omitempty"`  // recording, absolute
}

// EgressGround is how a local gateway finds the hosts of egress lists.
type EgressGround struct {
	Resolvers []string `json:"resolvers,omitempty"` // IPv4 addresses
	Private   []string `json:"private,omitempty"`   // hosts that may have private addresses
}

// Budget limits what may be spent in a calendar month.
type Budget struct {
	Amount   float64  `json:"amount"`
	Currency string   `json:"currency"` // ISO 4217
	Alerts   []int    `json:"alerts,omitempty"`
	Contacts []string `json:"contacts,omitempty"`
	Stop     bool     `json:"stop,omitempty"` // at 100 percent apps are stopped
}

// AzureSettings are the addresses of the Azure target; empty: the caller's.
type AzureSettings struct {
	Subscription  string `json:"subscription,omitempty"`
	Tenant        string `json:"tenant,omitempty"`
	Location      string `json:"location,omitempty"`
	ResourceGroup string `json:"resourceGroup,omitempty"`
	Firewall      bool   `json:"firewall,omitempty"` // egress lists are enforced by a firewall
}

// Shared is what only a platform says about its ground.
type Shared struct {
	RegistrySKU   string `json:"registrySku"`
	LogRetention  int    `json:"logRetention"`      // days
	Network       string `json:"network,omitempty"` // IPv4 CIDR; empty: the target's choice
	ZoneRedundant bool   `json:"zoneRedundant,omitempty"`
}

// ground settles what the workloads of a plan stand on: models, what they may cost,
// and on Azure everything else.
func ground(spec *Spec, def *definition.Definition) {
	for _, name := range slices.Sorted(maps.Keys(def.Models)) {
		m := def.Models[name]
		spec.Models = append(spec.Models, Model{
			Name: name, Model: m.Model, Version: m.Version, SKU: m.SKU, Capacity: m.Capacity,
		})
	}
	if l := def.Targets.Local; spec.Target != Azure && l != nil && l.Isolation != "auto" {
		spec.Isolation = l.Isolation
	}
	spec.server(def)
	if l := def.Targets.Local; spec.Target != Azure && l != nil && l.Egress != nil {
		spec.Egress = &EgressGround{Resolvers: l.Egress.Resolvers, Private: sorted(l.Egress.Private)}
	}
	if b := def.Budget; b != nil && (spec.Target == Azure || spec.Server != nil) {
		spec.Budget = &Budget{
			Amount: b.Amount, Currency: b.Currency, Alerts: slices.Sorted(slices.Values(b.Alerts)),
			Contacts: b.Contacts, Stop: b.OnExceeded == definition.OnExceededStop,
		}
	}
	if spec.Target != Azure {
		return
	}
	spec.Platform = def.Platform
	if a := def.Targets.Azure; a != nil {
		spec.Azure = &AzureSettings{
			Subscription: a.Subscription, Tenant: a.Tenant, Location: a.Location,
			ResourceGroup: a.ResourceGroup, Firewall: a.Egress == "firewall",
		}
	}
	if def.Kind == definition.KindPlatform {
		spec.Kind, spec.Shared = Platform, shared(def)
	}
}

// server is what answers for the models of a local plan.
func (s *Spec) server(def *definition.Definition) {
	if s.Target == Azure || len(def.Models) == 0 || def.Targets.Local == nil || def.Targets.Local.Models == nil {
		return
	}
	m := def.Targets.Local.Models
	s.Server = &ModelServer{Provider: m.Provider, URL: m.URL, Names: m.Names}
	if m.File != "" {
		s.Server.File = filepath.Join(def.Dir, m.File)
	}
}

// shared fills in what the reader fills in where the key is there.
func shared(def *definition.Definition) *Shared {
	s := &Shared{RegistrySKU: "Basic", LogRetention: 30}
	if r := def.Registry; r != nil {
		s.RegistrySKU = r.SKU
	}
	if e := def.Environment; e != nil {
		s.LogRetention, s.Network, s.ZoneRedundant = e.LogRetention, e.Network, e.ZoneRedundant
	}
	return s
}
