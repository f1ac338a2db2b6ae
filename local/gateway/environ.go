package gateway

import (
	"maps"

	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// HeaderVariable is the variable that shows a workload's identity
// (protocol.IdentityHeader); its value is secret.
const HeaderVariable = "IDENTITY_HEADER"

// APIVersion is the version of the OpenAI API that workloads are told to use, the
// same as on Azure.
const APIVersion = "2024-10-21"

// Environ are the variables that tell a workload its identity and where its models
// are, as on Azure, and that let common clients trust the address, without the secret
// HeaderVariable; none where nothing of spec has an identity. Where the definition
// says where certificates are, it has its way.
func Environ(spec plan.Spec, w plan.Workload) map[string]string {
	env := map[string]string{}
	if !HasIdentity(spec) {
		return env
	}
	env["AZURE_CLIENT_ID"] = protocol.ClientID(Owner(spec), w.Name)
	env["IDENTITY_ENDPOINT"] = IdentityEndpoint()
	if len(w.Models) == 0 {
		return env
	}
	for _, name := range w.Models {
		env[definition.EndpointVariable(name)] = ModelsEndpoint()
		env[definition.DeploymentVariable(name)] = name
	}
	env["AZURE_OPENAI_ENDPOINT"], env["AZURE_OPENAI_DEPLOYMENT"] = ModelsEndpoint(), w.Models[0]
	env["OPENAI_API_VERSION"], env["OPENAI_BASE_URL"] = APIVersion, ModelsEndpoint()+"openai/v1/"
	trust := TrustVariables()
	maps.DeleteFunc(trust, func(name, _ string) bool { _, own := w.Env[name]; return own })
	maps.Copy(env, trust)
	return env
}
