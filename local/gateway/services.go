package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const (
	// Name is what workloads call the gateway.
	Name = "gateway"
	// ModelsHost is the name of the models' address. It is one of the sandbox alone.
	ModelsHost = "models.envctl.internal"

	egressPort = 3128 // the usual one of HTTP proxies
	// IdentityPort and ModelsPort are where tokens and models are asked for.
	IdentityPort = 4141
	ModelsPort   = 443
)

// Proxy is the address of the way out, for HTTP_PROXY and HTTPS_PROXY.
func Proxy() string { return fmt.Sprintf("http://%s:%d", Name, egressPort) }

// IdentityEndpoint is the address of tokens, for IDENTITY_ENDPOINT.
func IdentityEndpoint() string { return fmt.Sprintf("http://%s:%d/msi/token", Name, IdentityPort) }

// ModelsEndpoint is the address of the models, for AZURE_OPENAI_ENDPOINT.
func ModelsEndpoint() string { return "https://" + ModelsHost + "/" }

// TrustVariables let common clients trust the models' address where TrustFolder is
// mounted: Go, OpenSSL and .NET read the folders of SSL_CERT_DIR, Node a file.
func TrustVariables() map[string]string {
	return map[string]string{
		"SSL_CERT_DIR":        TrustFolder + ":/etc/ssl/certs:/etc/pki/tls/certs",
		"NODE_EXTRA_CA_CERTS": TrustFolder + "/" + protocol.TrustFile,
	}
}

// HasIdentity says that the workloads of spec have identities: only models ask for
// tokens here.
func HasIdentity(spec plan.Spec) bool {
	return slices.ContainsFunc(spec.Workloads, func(w plan.Workload) bool { return len(w.Models) > 0 })
}

// Owner is what an instance's identities are made from.
func Owner(spec plan.Spec) string { return spec.Experiment + "." + spec.Instance }

// addServices adds what workloads ask the gateway for: a way out, tokens, models.
func addServices(cfg *protocol.Config, spec plan.Spec) {
	identity := HasIdentity(spec)
	for _, w := range byName(spec.Workloads) {
		host := Replicas(w.Name)
		if len(w.Egress) > 0 {
			cfg.Egress.Listen = egressPort
			if spec.Egress != nil {
				cfg.Egress.Private = spec.Egress.Private
			}
			cfg.Egress.Clients = append(cfg.Egress.Clients, protocol.EgressClient{App: w.Name, Host: host, Allow: w.Egress})
		}
		if !identity {
			continue
		}
		client := protocol.IdentityClient{App: w.Name, Host: host, ClientID: protocol.ClientID(Owner(spec), w.Name)}
		if len(w.Models) > 0 {
			client.Resources = []string{protocol.Resource}
			cfg.Models.Listen, cfg.Models.Host, cfg.Models.Trust = ModelsPort, ModelsHost, TrustFolder
			cfg.Models.Clients = append(cfg.Models.Clients, protocol.ModelsClient{App: w.Name, Host: host, Models: w.Models})
		}
		cfg.Identity.Listen, cfg.Identity.Tenant = IdentityPort, protocol.TenantID(Owner(spec))
		cfg.Identity.Clients = append(cfg.Identity.Clients, client)
	}
}

func byName(workloads []plan.Workload) []plan.Workload {
	return slices.SortedFunc(slices.Values(workloads), func(a, b plan.Workload) int { return strings.Compare(a.Name, b.Name) })
}
