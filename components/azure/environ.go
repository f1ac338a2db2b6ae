package azure

import (
	"strings"
	"time"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/steward/duty"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
)

// APIVersion is the version of the OpenAI API that workloads are told to use.
const APIVersion = "2024-10-21"

// environ are the variables that a workload finds beside those that Container
// Apps set themselves, without its secrets.
func (e *environment) environ(w plan.Workload, id identity, models []deployment) pulumi.StringMap {
	env := pulumi.ToStringMap(w.Env)
	env["ENVCTL_EXPERIMENT"] = pulumi.String(e.spec.Experiment)
	env["ENVCTL_TARGET"] = pulumi.String(plan.Azure)
	if !e.spec.Expires.IsZero() {
		env["ENVCTL_EXPIRES"] = pulumi.String(e.spec.Expires.UTC().Format(time.RFC3339))
	}
	env[duty.EnvClient] = id.ClientID
	for _, need := range w.Needs {
		env[definition.URLVariable(need)] = pulumi.String("http://" + e.stack.Names.App(need))
	}
	for i, m := range models {
		env[definition.EndpointVariable(w.Models[i])] = e.endpoint
		env[definition.DeploymentVariable(w.Models[i])] = pulumi.String(m.name)
	}
	if len(models) > 0 {
		env["AZURE_OPENAI_ENDPOINT"] = e.endpoint
		env["AZURE_OPENAI_DEPLOYMENT"] = pulumi.String(models[0].name)
		env["OPENAI_API_VERSION"] = pulumi.String(APIVersion)
		env["OPENAI_BASE_URL"] = e.endpoint.ApplyT(func(endpoint string) string {
			return strings.TrimSuffix(endpoint, "/") + "/openai/v1/"
		}).(pulumi.StringOutput)
	}
	return env
}

// ready is an init container that ends when the models answer the workload's
// identity: a role takes minutes to have an effect.
func (e *environment) ready(id identity, models []deployment) app.InitContainerArgs {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.name
	}
	return app.InitContainerArgs{
		Name:  pulumi.String("ready"),
		Image: e.steward.Ref,
		Args:  pulumi.ToStringArray([]string{duty.Ready}),
		Env: list(
			variable{duty.EnvClient, id.ClientID},
			variable{duty.EnvAudience, pulumi.String(or(e.stack.Settings.Cloud.ModelAudience, "https://cognitiveservices.azure.com"))},
			variable{duty.EnvDeployments, pulumi.String(strings.Join(names, ","))},
			variable{duty.EnvEndpoint, e.endpoint},
			variable{duty.EnvAPIVersion, pulumi.String(APIVersion)},
			variable{duty.EnvDeadline, pulumi.String(readyDeadline.String())},
		),
		Resources: resourcesOf(stewardCPU, stewardMemory),
	}
}

// readyDeadline is twice what a role takes to have an effect at most.
const readyDeadline = 10 * time.Minute

type variable struct {
	name  string
	value pulumi.StringInput
}

func list(variables ...variable) app.EnvironmentVarArray {
	var out app.EnvironmentVarArray
	for _, v := range variables {
		out = append(out, app.EnvironmentVarArgs{Name: pulumi.String(v.name), Value: v.value.ToStringOutput()})
	}
	return out
}
