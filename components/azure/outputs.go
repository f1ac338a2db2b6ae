package azure

import (
	"fmt"

	app "github.com/pulumi/pulumi-azure-native-sdk/app/v2/v20240301"
	storage "github.com/pulumi/pulumi-azure-native-sdk/storage/v2/v20230501"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/plan"
)

// outputsVolume is the volume of a job that its outputs are in.
const outputsVolume = "outputs"

// shareQuota bounds what all jobs of an experiment may leave, in GiB; what is billed
// is what is used.
const shareQuota = 10

// outputs is what the jobs' outputs are kept in.
type outputs struct {
	group pulumi.StringOutput // resource group of a platform's environment
	share pulumi.StringOutput // the environment's name of the file share
}

// HasOutputs says whether a job of the plan has outputs, which need a file share.
func HasOutputs(spec plan.Spec) bool {
	for _, w := range spec.Workloads {
		if w.Run != nil && w.Run.Outputs != "" {
			return true
		}
	}
	return false
}

// outputShare makes the file share of the jobs' outputs and lets the environment
// mount it. Its account takes encrypted connections only and has nothing public.
func (e *environment) outputShare(ctx *pulumi.Context) error {
	if !HasOutputs(e.spec) {
		return nil
	}
	account, err := storage.NewStorageAccount(ctx, "outputs", &storage.StorageAccountArgs{
		ResourceGroupName:           e.group,
		AccountName:                 pulumi.String(e.stack.Names.Storage),
		Location:                    pulumi.String(e.stack.Settings.Location),
		Tags:                        e.tags("outputs", ""),
		Kind:                        pulumi.String("StorageV2"),
		Sku:                         storage.SkuArgs{Name: pulumi.String("Standard_LRS")},
		MinimumTlsVersion:           pulumi.String("TLS1_2"),
		EnableHttpsTrafficOnly:      pulumi.Bool(true), // SMB is encrypted, too
		AllowBlobPublicAccess:       pulumi.Bool(false),
		AllowCrossTenantReplication: pulumi.Bool(false),
		AllowSharedKeyAccess:        pulumi.Bool(true), // Container Apps mount in no other way
	}, pulumi.Parent(e.parent))
	if err != nil {
		return fmt.Errorf("storage account of the outputs: %w", err)
	}
	share, err := storage.NewFileShare(ctx, "outputs", &storage.FileShareArgs{
		ResourceGroupName: e.group, AccountName: account.Name, ShareName: pulumi.String(names.Share), ShareQuota: pulumi.Int(shareQuota),
	}, pulumi.Parent(e.parent))
	if err != nil {
		return fmt.Errorf("file share of the outputs: %w", err)
	}
	return e.mountable(ctx, account, share)
}

// mountable tells the environment, which may be a platform's, of the share. The
// account's key stays a secret of the stack and of the environment: no app and no
// variable has it.
func (e *environment) mountable(ctx *pulumi.Context, account *storage.StorageAccount, share *storage.FileShare) error {
	group := e.group
	if e.stack.Ground != nil {
		group = e.outputs.group
	}
	// Only an account that is there has keys, so the question waits for its id.
	keys := storage.ListStorageAccountKeysOutput(ctx, storage.ListStorageAccountKeysOutputArgs{
		ResourceGroupName: e.group,
		AccountName: pulumi.All(account.ID(), account.Name).ApplyT(func(v []any) string {
			return v[1].(string)
		}).(pulumi.StringOutput),
	}, pulumi.Parent(e.parent))
	key := keys.Keys().Index(pulumi.Int(0)).Value()
	made, err := app.NewManagedEnvironmentsStorage(ctx, "outputs", &app.ManagedEnvironmentsStorageArgs{
		ResourceGroupName: group,
		EnvironmentName:   e.name,
		StorageName:       pulumi.String(e.stack.Names.Outputs),
		Properties: app.ManagedEnvironmentStoragePropertiesArgs{AzureFile: app.AzureFilePropertiesArgs{
			AccessMode: pulumi.String("ReadWrite"), AccountName: account.Name, ShareName: pulumi.String(names.Share),
			AccountKey: pulumi.ToSecret(key).(pulumi.StringOutput),
		}},
	}, pulumi.Parent(e.parent), pulumi.DependsOn([]pulumi.Resource{share}), pulumi.AdditionalSecretOutputs([]string{"properties"}))
	if err != nil {
		return fmt.Errorf("share of the outputs in the environment: %w", err)
	}
	name := e.stack.Names.Outputs
	e.outputs.share = made.ID().ApplyT(func(pulumi.ID) string { return name }).(pulumi.StringOutput)
	return nil
}

// volume is the share as a job's user mounts it, with options of mount.cifs. With
// nobrl, programs that lock ranges of a file, as SQLite does, are not refused.
func (o outputs) volume(user int64) app.VolumeArgs {
	return app.VolumeArgs{
		Name: pulumi.String(outputsVolume), StorageType: pulumi.String("AzureFile"), StorageName: o.share,
		MountOptions: pulumi.String(fmt.Sprintf("uid=%d,gid=%d,dir_mode=0700,file_mode=0600,nobrl", user, user)),
	}
}
