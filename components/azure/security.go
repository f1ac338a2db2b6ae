package azure

import (
	"github.com/envctl/envctl/components/azure/native"
	"github.com/envctl/envctl/components/plan"
)

func addressRange(s *plan.Shared) string {
	if s == nil {
		return ""
	}
	return s.Network
}

// azureDNS is the resolver of every virtual network.
const azureDNS = "168.63.129.16"

// rules let out what an environment with workload profiles needs, as Microsoft's
// article about network security groups for Container Apps lists it, and what
// envctl's own parts need. Everything else outbound is refused. What comes in
// from the internet goes past the subnet, so there is no rule for it.
func rules(spec plan.Spec, location, subnet string) []native.Rule {
	https := func(name, tag, why string) native.Rule {
		return native.Rule{
			Name: name, Description: why, Direction: native.Outbound, Protocol: "Tcp", From: subnet, To: tag, Ports: []string{"443"},
		}
	}
	out := []native.Rule{
		{Name: "in-subnet", Description: "Parts of the environment reach each other.", Direction: native.Inbound,
			Protocol: "*", From: subnet, To: subnet, Ports: []string{"*"}},
		{Name: "in-probes", Description: "The load balancer probes the environment.", Direction: native.Inbound,
			Protocol: "Tcp", From: "AzureLoadBalancer", To: subnet, Ports: []string{"30000-32767"}},
		{Name: "out-subnet", Description: "Parts of the environment reach each other.", Direction: native.Outbound,
			Protocol: "*", From: subnet, To: subnet, Ports: []string{"*"}},
		{Name: "out-dns", Description: "Names are resolved by Azure.", Direction: native.Outbound,
			Protocol: "*", From: subnet, To: azureDNS, Ports: []string{"53"}},
		https("out-system-images", "MicrosoftContainerRegistry", "Images of the platform itself."),
		https("out-front-door", "AzureFrontDoor.FirstParty", "Images of the platform itself are served through it."),
		https("out-registry", "AzureContainerRegistry", "Images of the experiment."),
		https("out-layers", "Storage."+location, "Layers of the experiment's images."),
		https("out-identity", "AzureActiveDirectory", "Tokens of managed identities."),
		https("out-monitor", "AzureMonitor", "Logs."),
	}
	if usesModels(spec) {
		out = append(out,
			https("out-models", "CognitiveServicesManagement", "Models of the experiment."),
			https("out-models-front", "CognitiveServicesFrontend", "Models of the experiment."))
	}
	if stewardWorks(spec) {
		out = append(out, https("out-manager", "AzureResourceManager", "The steward ends what expired or is over budget."))
	}
	if mountsShares(spec) {
		share := https("out-share", "Storage."+location, "Outputs of jobs are in a file share.")
		share.Ports = []string{smb}
		out = append(out, share)
	}
	if len(hosts(spec)) > 0 {
		return append(out, native.Rule{
			Name: "out-firewall", Description: "The route leads to the firewall, which lets out by name.", Direction: native.Outbound,
			Protocol: "Tcp", From: subnet, To: "Internet", Ports: []string{"1-65535"},
		}, refuse(subnet))
	}
	return append(out, refuse(subnet))
}

func refuse(subnet string) native.Rule {
	return native.Rule{
		Name: "out-nothing-else", Description: "The experiment has no egress.", Direction: native.Outbound, Deny: true,
		Protocol: "*", From: subnet, To: "*", Ports: []string{"*"},
	}
}

// usesModels says whether something in the network may call models: on a platform
// that has some, any experiment's apps.
func usesModels(spec plan.Spec) bool { return len(spec.Models) > 0 }

// smb is the port of file shares.
const smb = "445"

// mountsShares says whether something in the network mounts a file share: on a
// platform, the jobs of any experiment.
func mountsShares(spec plan.Spec) bool { return spec.Kind == plan.Platform || HasOutputs(spec) }

// stewardWorks says whether something in the network calls Resource Manager. The
// experiments on a platform have stewards of their own.
func stewardWorks(spec plan.Spec) bool {
	return spec.Kind == plan.Platform || !spec.Expires.IsZero() || spec.Budget != nil && spec.Budget.Stop
}
