package azure

import (
	"fmt"

	authorization "github.com/pulumi/pulumi-azure-native-sdk/authorization/v2/v20220401"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components/azure/native"
)

// The built-in roles that identities get.
const (
	RoleAcrPull    = "7f951dda-4ed3-4680-a7ca-43fe172d538d" // AcrPull
	RoleOpenAIUser = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd" // Cognitive Services OpenAI User
)

// identity is a user-assigned identity with what it may do.
type identity struct {
	*native.UserAssignedIdentity
	name string
	// pulls is the assignment that lets it pull images.
	pulls pulumi.Resource
}

// newIdentity makes an identity that may pull images from the registry.
func (e *environment) newIdentity(ctx *pulumi.Context, name, azureName, component string) (identity, error) {
	made, err := native.NewUserAssignedIdentity(ctx, name, native.UserAssignedIdentityArgs{
		Group: e.in("identity", component), Name: azureName,
	}, pulumi.Parent(e.parent))
	if err != nil {
		return identity{}, fmt.Errorf("identity: %w", err)
	}
	id := identity{UserAssignedIdentity: made, name: azureName}
	id.pulls, err = e.assign(ctx, id, name+"-pull", e.builtIn(RoleAcrPull), grant{e.registryScope, e.registryID})
	return id, err
}

// grant is what a role is given on: its id, and a name of it that never changes.
type grant struct {
	name string
	id   pulumi.StringOutput
}

// role is a role definition: its GUID, and its id in the form that Azure echoes.
type role struct {
	guid string
	id   pulumi.StringOutput
}

func (e *environment) builtIn(guid string) role {
	return role{guid, known(roleID(e.stack.Settings.Subscription, guid))}
}

func roleID(subscription, guid string) string {
	return "/subscriptions/" + subscription + "/providers/Microsoft.Authorization/roleDefinitions/" + guid
}

// assign gives the identity a role. The assignment's name is always the same for
// the same identity, role and scope, since Azure refuses a second one.
func (e *environment) assign(ctx *pulumi.Context, id identity, name string, r role, on grant) (pulumi.Resource, error) {
	assignment, err := authorization.NewRoleAssignment(ctx, name, &authorization.RoleAssignmentArgs{
		RoleAssignmentName: pulumi.String(e.stack.Names.GUID(on.name, id.name, r.guid)),
		PrincipalId:        id.PrincipalID,
		PrincipalType:      pulumi.String("ServicePrincipal"), // without it Azure looks for a principal that is not replicated yet
		RoleDefinitionId:   r.id,
		Scope:              on.id,
	}, pulumi.Parent(e.parent), pulumi.ReplaceOnChanges([]string{"roleDefinitionId"}), pulumi.DeleteBeforeReplace(true))
	if err != nil {
		return nil, fmt.Errorf("role: %w", err)
	}
	return assignment, nil
}

// customRole makes a role that may do actions in the resource group alone.
func (e *environment) customRole(ctx *pulumi.Context, mode, description string, actions []string) (role, error) {
	guid := e.stack.Names.GUID("role", mode)
	made, err := native.NewRoleDefinition(ctx, "steward-"+mode, native.RoleDefinitionArgs{
		ID: guid, Name: e.stack.Names.Role(mode), Description: description, Scope: e.groupID, Actions: actions,
	}, pulumi.Parent(e.parent))
	if err != nil {
		return role{}, err
	}
	id := made.ID().ApplyT(func(pulumi.ID) string { return roleID(e.stack.Settings.Subscription, guid) }).(pulumi.StringOutput)
	return role{guid, id}, nil
}
