package azure

import (
	"fmt"
	"slices"
	"strconv"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/plan"
)

// App implements [components.Target].
func (s *Stack) App(
	ctx *pulumi.Context, env components.Environment, w components.Workload, parent pulumi.Resource,
) (components.Part, error) {
	e := env.(*environment)
	c, err := e.workload(ctx, w)
	if err != nil {
		return components.Part{}, err
	}
	made, err := app.NewContainerApp(ctx, w.Name, &app.ContainerAppArgs{
		ResourceGroupName:   e.group,
		ContainerAppName:    pulumi.String(s.Names.App(w.Name)),
		Location:            pulumi.String(s.Settings.Location),
		Tags:                c.tags,
		EnvironmentId:       e.environmentID,
		WorkloadProfileName: pulumi.String(consumption),
		Identity:            c.identity(),
		Configuration: app.ConfigurationArgs{
			ActiveRevisionsMode: pulumi.String("Single"),
			Ingress:             ingress(e.spec, w.Workload),
			Registries:          c.registries(e),
			Secrets:             c.secretList(),
		},
		// Container Apps name the revisions: a name of ours could never be taken
		// again, so that going back to what ran before would fail.
		Template: app.TemplateArgs{
			Containers:     app.ContainerArray{c.container(probes(w.Workload))},
			InitContainers: c.initList(),
			Scale:          scale(w.Workload),
			Volumes:        e.volumes(w.Workload),
		},
	}, pulumi.Parent(parent), pulumi.DependsOn(append(slices.Clone(w.Needs), c.after...)),
		pulumi.AdditionalSecretOutputs([]string{"configuration"}))
	if err != nil {
		return components.Part{}, err
	}
	return components.Part{Resource: made, URL: s.url(made, w.Workload), Image: c.image}, nil
}

// url is where a public app answers. Its host stands beside the secrets in the
// app's configuration, and is none itself.
func (s *Stack) url(made *app.ContainerApp, w plan.Workload) pulumi.StringOutput {
	if w.Ingress == nil || !w.Ingress.Public {
		return known("")
	}
	scheme := "https://"
	if s.Settings.Simulated {
		scheme = "http://"
	}
	host := pulumi.Unsecret(made.Configuration.Ingress().Fqdn()).(pulumi.StringPtrOutput)
	return host.ApplyT(func(host *string) string {
		if host == nil || *host == "" {
			return ""
		}
		return scheme + *host
	}).(pulumi.StringOutput)
}

// ingress opens the app's port. Inside the environment it is called by name over
// HTTP, which has no certificate; so an app that others need is not redirected to
// HTTPS.
func ingress(spec plan.Spec, w plan.Workload) app.IngressPtrInput {
	if w.Ingress == nil {
		return nil
	}
	return app.IngressArgs{
		External:      pulumi.Bool(w.Ingress.Public),
		TargetPort:    pulumi.Int(w.Ingress.Port),
		AllowInsecure: pulumi.Bool(!w.Ingress.Public || needed(spec, w.Name)),
		Transport:     pulumi.String("auto"),
		Traffic: app.TrafficWeightArray{app.TrafficWeightArgs{
			LatestRevision: pulumi.Bool(true), Weight: pulumi.Int(100),
		}},
	}
}

func needed(spec plan.Spec, name string) bool {
	return slices.ContainsFunc(spec.Workloads, func(w plan.Workload) bool { return slices.Contains(w.Needs, name) })
}

// scale honours min, max and concurrency. Without ingress nothing would ever wake
// an app that sleeps, so it has one replica at least.
func scale(w plan.Workload) app.ScaleArgs {
	if w.Ingress == nil {
		return app.ScaleArgs{MinReplicas: pulumi.Int(max(1, w.Scale.Min)), MaxReplicas: pulumi.Int(max(1, w.Scale.Max))}
	}
	return app.ScaleArgs{
		MinReplicas: pulumi.Int(w.Scale.Min), MaxReplicas: pulumi.Int(max(1, w.Scale.Max)),
		Rules: app.ScaleRuleArray{app.ScaleRuleArgs{
			Name: pulumi.String("http"),
			Http: app.HttpScaleRuleArgs{Metadata: pulumi.StringMap{
				"concurrentRequests": pulumi.String(strconv.Itoa(max(1, w.Scale.Concurrency))),
			}},
		}},
	}
}

// Job implements [components.Target]. A job that has no schedule waits to be
// started.
func (s *Stack) Job(
	ctx *pulumi.Context, env components.Environment, w components.Workload, parent pulumi.Resource,
) (components.Part, error) {
	e := env.(*environment)
	c, err := e.workload(ctx, w)
	if err != nil {
		return components.Part{}, err
	}
	made, err := app.NewJob(ctx, w.Name, &app.JobArgs{
		ResourceGroupName:   e.group,
		JobName:             pulumi.String(s.Names.Job(w.Name)),
		Location:            pulumi.String(s.Settings.Location),
		Tags:                c.tags,
		EnvironmentId:       e.environmentID,
		WorkloadProfileName: pulumi.String(consumption),
		Identity:            c.identity(),
		Configuration:       jobConfiguration(*w.Run, c.registries(e), c.secretList()),
		Template: app.JobTemplateArgs{
			Containers: app.ContainerArray{c.container(nil)}, InitContainers: c.initList(), Volumes: e.volumes(w.Workload),
		},
	}, pulumi.Parent(parent), pulumi.DependsOn(append(slices.Clone(w.Needs), c.after...)),
		pulumi.AdditionalSecretOutputs([]string{"configuration"}))
	if err != nil {
		return components.Part{}, fmt.Errorf("job: %w", err)
	}
	return components.Part{Resource: made, Image: c.image}, nil
}

func jobConfiguration(run plan.Run, registries app.RegistryCredentialsArray, secrets app.SecretArrayInput) app.JobConfigurationArgs {
	out := app.JobConfigurationArgs{
		ReplicaTimeout:    pulumi.Int(int(run.Timeout)),
		ReplicaRetryLimit: pulumi.Int(run.Retries),
		Registries:        registries,
		Secrets:           secrets,
	}
	if run.Schedule == "" {
		out.TriggerType = pulumi.String("Manual")
		out.ManualTriggerConfig = app.JobConfigurationManualTriggerConfigArgs{
			Parallelism: pulumi.Int(1), ReplicaCompletionCount: pulumi.Int(1),
		}
		return out
	}
	out.TriggerType = pulumi.String("Schedule")
	out.ScheduleTriggerConfig = app.JobConfigurationScheduleTriggerConfigArgs{
		CronExpression: pulumi.String(run.Schedule), Parallelism: pulumi.Int(1), ReplicaCompletionCount: pulumi.Int(1),
	}
	return out
}
