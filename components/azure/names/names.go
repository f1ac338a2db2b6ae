// Package names holds the names of an experiment's Azure resources: valid by the
// rule of each type, unique, and always the same for the same experiment, so that
// what a lost state made is found again.
//
// A name that is global (registry, account, subdomain, storage account) ends with a hash of the
// subscription, the experiment and the instance. A name that lives in the
// experiment's own resource group is readable, and has a hash only where it had
// to be shortened or mended.
package names

import (
	"crypto/sha1" // the hash that version 5 of UUIDs is defined by
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"strings"
)

// Owner is what names are made for.
type Owner struct {
	Subscription string // id, in any case
	Experiment   string // the name of an experiment or of a platform
	Instance     string
	// ResourceGroup is the definition's; empty: envctl-EXPERIMENT-INSTANCE.
	ResourceGroup string
}

// Names are the names of one experiment, or of one platform.
type Names struct {
	ResourceGroup string

	Registry, Workspace, Environment, Account, Subdomain string
	Network, SecurityGroup, RouteTable                   string
	Firewall, FirewallAddress                            string
	Budget, ActionGroup                                  string
	// Storage is the storage account of the jobs' outputs, and Outputs what the
	// environment calls its share.
	Storage, Outputs string

	owner Owner
	// shared says that the apps live in the environment of a platform, where
	// other experiments' apps are too.
	shared bool
}

// The subnets of the network.
const (
	Subnet = "apps"
	// FirewallSubnet is the name that Azure asks for.
	FirewallSubnet = "AzureFirewallSubnet"
)

// Share is the file share of the jobs' outputs in the storage account, with a folder
// for each job.
const Share = "outputs"

// StewardRepository is the repository of the steward's image. An experiment's
// own repositories have a slash.
const StewardRepository = "envctl-steward"

// New returns the names of what owner owns. onPlatform says that its apps are in
// the environment of a platform.
func New(owner Owner, onPlatform bool) Names {
	n := Names{owner: owner, shared: onPlatform}
	base := owner.Experiment + "-" + owner.Instance
	n.ResourceGroup = owner.ResourceGroup
	if n.ResourceGroup == "" {
		n.ResourceGroup = n.local(maxResourceGroup, "envctl-"+base)
	}
	global := n.hash(globalHash)
	n.Registry = cut(strings.ReplaceAll(owner.Experiment, "-", ""), maxExperiment) + global
	n.Storage = cut(strings.ReplaceAll(owner.Experiment, "-", ""), maxStorage-globalHash) + global
	n.Account = strings.TrimRight(cut(owner.Experiment, maxExperiment), "-") + "-" + global
	n.Subdomain = n.Account
	n.Workspace = n.local(maxWorkspace, base+"-logs")
	n.Environment = n.local(maxEnvironment, base)
	n.Network = n.local(maxNetwork, base+"-network")
	n.SecurityGroup = n.local(maxNetwork, base+"-security")
	n.RouteTable = n.local(maxNetwork, base+"-routes")
	n.Firewall = n.local(maxFirewall, base+"-firewall")
	n.FirewallAddress = n.local(maxNetwork, base+"-firewall-address")
	n.Budget = n.local(maxBudget, base)
	n.ActionGroup = n.local(maxNetwork, base+"-budget")
	n.Outputs = n.workload(Share)
	return n
}

// Lengths, in characters, that are asked of a name or kept by it.
const (
	maxResourceGroup = 90
	maxWorkspace     = 63
	maxEnvironment   = 32
	maxNetwork       = 64
	maxFirewall      = 56
	maxBudget        = 63
	maxStorage       = 24
	maxApp           = 32
	maxExperiment    = 24 // of a global name: the hash must fit
	globalHash       = 13 // 65 bits
	localHash        = 7  // 35 bits
)

// App is the name of the Container App of an app. Where the environment is the
// experiment's own it is the app's, so that http://APP means the same as locally.
func (n Names) App(app string) string { return n.workload(app) }

// Job is the name of the Container Apps job of a job.
func (n Names) Job(job string) string { return n.workload(job) }

func (n Names) workload(name string) string {
	if n.shared {
		return strings.TrimRight(cut(name, maxApp-1-localHash), "-") + "-" + n.hash(localHash, "workload", name)
	}
	if len(name) < 2 {
		return name + "-" + n.hash(localHash, "workload", name)
	}
	return n.local(maxApp, name)
}

// Steward is the name of a job of the steward and of its identity.
func (n Names) Steward(mode string) string {
	if n.shared {
		return "envctl-" + mode + "-" + n.hash(localHash, "steward", mode)
	}
	return "envctl-" + mode
}

// Identity is the name of a workload's user-assigned identity.
func (Names) Identity(workload string) string { return "id-" + workload }

// Deployment is the name of a model's deployment.
func (Names) Deployment(model string) string {
	if len(model) < 2 {
		return "m." + model // Azure asks for two characters, and no model of a definition has a dot
	}
	return model
}

// Role is the name of a custom role; it is unique in the tenant.
func (n Names) Role(mode string) string {
	return "envctl " + mode + " " + cut(n.ResourceGroup, maxResourceGroup) + " " + n.hash(localHash, "role", mode)
}

// GUID is the name of a role assignment or of a role definition: always the same
// for the same parts. A principal's id is unknown before it is made, so its name
// is the part that stands for it.
func (n Names) GUID(parts ...string) string {
	sum := sha1.Sum(append(namespace(), n.seed(parts...)...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50 // version 5
	u[8] = u[8]&0x3f | 0x80 // RFC 9562
	h := hex.EncodeToString(u)
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// namespace is the UUID that the names of this package are made in.
func namespace() []byte {
	return []byte{0x5e, 0x1f, 0x0a, 0x8c, 0x52, 0x1b, 0x4d, 0x0e, 0x9a, 0x77, 0x31, 0xc4, 0x6b, 0xe2, 0xd9, 0x06}
}

// local is a name in a resource group of the experiment's own: want where it is
// valid, and otherwise its start with a hash.
func (n Names) local(most int, want string) string {
	name := collapse(want)
	if name == want && len(name) <= most {
		return name
	}
	return strings.TrimRight(cut(name, most-1-localHash), "-") + "-" + n.hash(localHash, want)
}

// hash is the first characters of the hash of the owner and parts, in lower-case
// letters and digits.
func (n Names) hash(length int, parts ...string) string {
	sum := sha256.Sum256(n.seed(parts...))
	text := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))
	return text[:length]
}

func (n Names) seed(parts ...string) []byte {
	all := append([]string{strings.ToLower(n.owner.Subscription), n.owner.Experiment, n.owner.Instance}, parts...)
	return []byte(strings.Join(all, "\x00"))
}

// collapse makes one hyphen of several, which most types refuse.
func collapse(s string) string {
	for strings.Contains(s, "--") {
		s = strings.ReplaceAll(s, "--", "-")
	}
	return strings.Trim(s, "-")
}

func cut(s string, most int) string { return s[:min(len(s), most)] }
