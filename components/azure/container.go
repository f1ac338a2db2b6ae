package azure

import (
	"strconv"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/plan"
)

// contained is what an app and a job have in common.
type contained struct {
	w       components.Workload
	id      identity
	image   pulumi.StringOutput
	tags    pulumi.StringMap
	env     app.EnvironmentVarArray
	secrets app.SecretArray
	init    app.InitContainerArray
	after   []pulumi.Resource
}

// workload makes what a workload needs for itself: its identity with its rights,
// and its image in the registry.
func (e *environment) workload(ctx *pulumi.Context, w components.Workload) (*contained, error) {
	c := &contained{w: w}
	models, err := e.uses(w.Models)
	if err != nil {
		return nil, err
	}
	if c.id, err = e.newIdentity(ctx, w.Name, e.stack.Names.Identity(w.Name), w.Name); err != nil {
		return nil, err
	}
	image, err := e.image(ctx, w.Name, e.stack.Images[w.Name])
	if err != nil {
		return nil, err
	}
	c.image = image.Ref
	// Without the right to pull, an app hangs for a quarter of an hour and fails.
	c.after = append(c.after, c.id.pulls)
	if len(models) > 0 {
		if _, err := e.assign(ctx, c.id, w.Name+"-models", e.builtIn(RoleOpenAIUser), grant{e.modelScope, e.accountID}); err != nil {
			return nil, err
		}
		c.init = app.InitContainerArray{e.ready(c.id, models)}
	}
	for _, m := range models {
		if m.resource != nil {
			c.after = append(c.after, m.resource)
		}
	}
	c.tags = e.tags(w.Kind, w.Name)
	c.tags[TagPlan] = pulumi.String(e.stack.Plan.WorkloadHash(w.Name))
	c.env, c.secrets = e.variables(e.environ(w.Workload, c.id, models), w)
	return c, nil
}

func (c *contained) identity() app.ManagedServiceIdentityArgs { return userAssigned(c.id) }

func userAssigned(id identity) app.ManagedServiceIdentityArgs {
	return app.ManagedServiceIdentityArgs{
		Type: pulumi.String("UserAssigned"), UserAssignedIdentities: pulumi.StringArray{id.ID().ToStringOutput()},
	}
}

func (c *contained) registries(e *environment) app.RegistryCredentialsArray { return e.pullAs(c.id) }

// pullAs lets Container Apps pull images with the identity.
func (e *environment) pullAs(id identity) app.RegistryCredentialsArray {
	return app.RegistryCredentialsArray{app.RegistryCredentialsArgs{
		Server: e.loginServer, Identity: id.ID().ToStringOutput(),
	}}
}

// secretList and initList are nil where they are empty, so that no empty list is
// sent: Azure answers without one.
func (c *contained) secretList() app.SecretArrayInput {
	if len(c.secrets) == 0 {
		return nil
	}
	return c.secrets
}

func (c *contained) initList() app.InitContainerArrayInput {
	if len(c.init) == 0 {
		return nil
	}
	return c.init
}

// container is the workload's only one.
func (c *contained) container(probes app.ContainerAppProbeArray) app.ContainerArgs {
	out := app.ContainerArgs{
		Name:      pulumi.String(c.w.Name),
		Image:     c.image,
		Env:       c.env,
		Resources: resourcesOf(c.w.CPU, c.w.Memory),
	}
	if len(c.w.Command) > 0 {
		out.Command = pulumi.ToStringArray(c.w.Command)
	}
	if len(c.w.Args) > 0 {
		out.Args = pulumi.ToStringArray(c.w.Args)
	}
	if len(probes) > 0 {
		out.Probes = probes
	}
	var mounts app.VolumeMountArray
	for _, f := range folders(c.w.Workload) {
		mount := app.VolumeMountArgs{VolumeName: pulumi.String(f.name), MountPath: pulumi.String(f.path)}
		if f.name == outputsVolume {
			mount.SubPath = pulumi.String(c.w.Name) // a folder of the share that all jobs have
		}
		mounts = append(mounts, mount)
	}
	if len(mounts) > 0 {
		out.VolumeMounts = mounts
	}
	return out
}

// folder is one that the workload may write to.
type folder struct{ name, path string }

func folders(w plan.Workload) []folder {
	var out []folder
	if w.Scratch > 0 {
		out = append(out, folder{"scratch", "/tmp"})
	}
	if w.Run != nil && w.Run.Outputs != "" {
		out = append(out, folder{outputsVolume, w.Run.Outputs})
	}
	return out
}

func (e *environment) volumes(w plan.Workload) app.VolumeArrayInput {
	var out app.VolumeArray
	for _, f := range folders(w) {
		if f.name == outputsVolume {
			out = append(out, e.outputs.volume(w.User))
			continue
		}
		out = append(out, app.VolumeArgs{Name: pulumi.String(f.name), StorageType: pulumi.String("EmptyDir")})
	}
	if out == nil {
		return nil
	}
	return out
}

const gib = 1 << 30

func resourcesOf(cpu float64, memory int64) app.ContainerResourcesArgs {
	return app.ContainerResourcesArgs{
		Cpu:    pulumi.Float64(cpu),
		Memory: pulumi.String(strconv.FormatFloat(float64(memory)/gib, 'f', -1, 64) + "Gi"),
	}
}
