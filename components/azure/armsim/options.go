package armsim

import (
	"time"

	"github.com/envctl/envctl/components/azure/armsim/fault"
)

// Fault is one failure to have; see [fault.Fault].
type Fault = fault.Fault

// Options is how the simulator behaves. The zero value is a well-behaved
// subscription in memory whose operations end at the first poll.
type Options struct {
	// Dir keeps the state, certificates and registries. Several processes may use
	// one at the same time. Empty: in memory, and a temporary folder for images.
	Dir string
	// Seed makes everything random repeat itself: ids, keys, the faults of Random.
	Seed int64
	// Delay is how long each long-running operation takes.
	Delay time.Duration
	// Delays overrides Delay by resource type, without case.
	Delays map[string]time.Duration
	// Faults are the failures to have; see package fault for the presets.
	Faults []Fault
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Runner runs apps and jobs; nil: they are bookkeeping only.
	Runner Runner

	// Subscription, Tenant, Client and Secret are what logs in; empty: defaults
	// (and for Secret a random one, kept in Dir).
	Subscription, Tenant, Client, Secret string
	// TokenLifetime is that of an access token; 0: an hour.
	TokenLifetime time.Duration

	// PrincipalDelay is how long a new identity is unknown to role assignments
	// (fault row 1), RoleDelay how long a new role assignment has no effect
	// (rows 3 and 21).
	PrincipalDelay, RoleDelay time.Duration
	// PullPatience is how long an app's operation goes on trying to pull while the
	// role is not effective yet; 0: it fails at once (row 3).
	PullPatience time.Duration
	// Quota overrides the capacity of "REGION/USAGE" (Standard.gpt-4o …), in
	// thousands of tokens a minute; see package models for the defaults.
	Quota map[string]int
	// Taken are names that somebody else in the world has: registries
	// "registry/NAME", accounts' subdomains "subdomain/NAME".
	Taken []string
	// Unregistered are namespaces that the subscription must register first (row 17).
	Unregistered []string
	// OddCase makes ids come back in the casing that some resource providers use
	// (resourcegroups, microsoft.app) instead of the request's.
	OddCase bool
	// Spend is each budget's currentSpend as a share of its amount.
	Spend float64
	// Currency is the one that the subscription is billed in, as its first charge
	// tells; empty: nothing was charged yet.
	Currency string
	// Replay is the file of a recording (`--record`) of a real subscription that
	// Resource Manager's requests are answered with instead; see package replay.
	Replay string
	// Denied are actions that the caller has no permission for, as
	// Microsoft.Authorization/roleAssignments/write; * at the end matches any rest.
	Denied []string
}

// Endpoints is where the simulator answers.
type Endpoints struct {
	ResourceManager string // https://127.0.0.1:PORT
	Authority       string // https://127.0.0.1:PORT (Entra stand-in; the tenant follows)
	CAFile          string // PEM of what signed their certificates
	LogAnalytics    string // https://127.0.0.1:PORT/loganalytics: /v1/workspaces/{id}/query
}
