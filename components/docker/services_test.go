package docker_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// environ are the variables of a container.
func environ(in resource.PropertyMap) map[string]string {
	out := map[string]string{}
	value := in["envs"]
	if value.IsSecret() {
		value = value.SecretValue().Element
	}
	for _, v := range value.ArrayValue() {
		if v.IsSecret() {
			v = v.SecretValue().Element
		}
		name, text, _ := strings.Cut(v.StringValue(), "=")
		out[name] = text
	}
	return out
}

func TestWorkloadsFindTheirIdentityModelsAndWayOut(t *testing.T) {
	t.Parallel()
	m, _ := register(t, settled(t, withModels))
	api, store := environ(m.find(t, containerType, "api").Inputs), environ(m.find(t, containerType, "store").Inputs)
	client := protocol.ClientID("exp.default", "api")
	for name, want := range map[string]string{
		"AZURE_CLIENT_ID": client, "IDENTITY_ENDPOINT": "http://gateway:4141/msi/token",
		"AZURE_OPENAI_ENDPOINT": "https://models.envctl.internal/", "OPENAI_BASE_URL": "https://models.envctl.internal/openai/v1/",
		"AZURE_OPENAI_DEPLOYMENT": "chat", "CHAT_DEPLOYMENT": "chat", "CHAT_ENDPOINT": "https://models.envctl.internal/",
		"OPENAI_API_VERSION": "2024-10-21", "HTTPS_PROXY": "http://gateway:3128", "http_proxy": "http://gateway:3128",
		"NO_PROXY":            "localhost,127.0.0.1,gateway,models.envctl.internal,api,store",
		"NODE_EXTRA_CA_CERTS": "/run/envctl/trust/ca.pem", "SSL_CERT_DIR": "/run/envctl/trust:/etc/ssl/certs:/etc/pki/tls/certs",
	} {
		if api[name] != want {
			t.Errorf("api: %s is %q, want %q", name, api[name], want)
		}
	}
	for _, name := range []string{"AZURE_OPENAI_ENDPOINT", "HTTP_PROXY", "http_proxy", "NO_PROXY", "SSL_CERT_DIR"} {
		if v, ok := store[name]; ok {
			t.Errorf("store has neither models nor a way out, and %s is %q", name, v)
		}
	}
	if store["AZURE_CLIENT_ID"] == "" || store["AZURE_CLIENT_ID"] == client {
		t.Errorf("store's identity is %q, api's %q", store["AZURE_CLIENT_ID"], client)
	}
	if api["IDENTITY_HEADER"] == "" || api["IDENTITY_HEADER"] == store["IDENTITY_HEADER"] {
		t.Errorf("the headers are %q and %q", api["IDENTITY_HEADER"], store["IDENTITY_HEADER"])
	}
}

// The key is in the gateway alone, and everything that comes from it stays secret.
func TestKeyOfTheGatewayIsSecret(t *testing.T) {
	t.Parallel()
	m, _ := register(t, settled(t, withModels))
	for _, name := range []string{"api", "store", "gateway"} {
		in := m.find(t, containerType, name).Inputs
		if !in["envs"].ContainsSecrets() {
			t.Errorf("the variables of %s are not secret", name)
		}
		if _, has := environ(in)[protocol.EnvKey]; has != (name == "gateway") {
			t.Errorf("%s has the key: %v", name, has)
		}
	}
	m, _ = register(t, settled(t, nil))
	if in := m.find(t, containerType, "gateway").Inputs; in["envs"].ContainsSecrets() {
		t.Error("a gateway without identities has secrets, which cost the derivation of a key")
	}
}

// A workload that may want the gateway at once comes after it.
func TestModelsAndWayOutAreThereFirst(t *testing.T) {
	t.Parallel()
	m, _ := register(t, settled(t, withModels))
	waits := func(name string) bool {
		return slices.ContainsFunc(m.find(t, containerType, name).RegisterRPC.Dependencies, func(urn string) bool {
			return strings.HasSuffix(urn, "::gateway") && strings.Contains(urn, containerType)
		})
	}
	if !waits("api") || waits("store") {
		t.Errorf("api waits for the gateway: %v, store does: %v", waits("api"), waits("store"))
	}
}

func TestHostsAreTheGateways(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spec plan.Spec
		want []string
	}{
		"nothing that is asked": {plan.Spec{Workloads: []plan.Workload{{Name: "a", Kind: plan.App}}}, nil},
		"ingress": {plan.Spec{Workloads: []plan.Workload{{Name: "a", Kind: plan.App, Ingress: &plan.Ingress{Port: 1}}, {Name: "b", Kind: plan.App}}},
			[]string{"a:198.19.7.254", "gateway:198.19.7.254"}},
		"a way out": {plan.Spec{Workloads: []plan.Workload{{Name: "j", Kind: plan.Job, Egress: []string{"x.io"}}}}, []string{"gateway:198.19.7.254"}},
		"models": {plan.Spec{Workloads: []plan.Workload{{Name: "j", Kind: plan.Job, Models: []string{"chat"}}}},
			[]string{"gateway:198.19.7.254", "models.envctl.internal:198.19.7.254"}},
	} {
		if got := docker.Hosts(test.spec, subnet); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
