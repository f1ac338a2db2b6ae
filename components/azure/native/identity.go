package native

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// UserAssignedIdentity is azure-native:managedidentity:UserAssignedIdentity.
type UserAssignedIdentity struct {
	pulumi.CustomResourceState
	ClientID    pulumi.StringOutput `pulumi:"clientId"`
	PrincipalID pulumi.StringOutput `pulumi:"principalId"`
}

// UserAssignedIdentityArgs are its inputs.
type UserAssignedIdentityArgs struct {
	Group
	Name string
}

// NewUserAssignedIdentity registers an identity.
func NewUserAssignedIdentity(
	ctx *pulumi.Context, name string, args UserAssignedIdentityArgs, opts ...pulumi.ResourceOption,
) (*UserAssignedIdentity, error) {
	k := kind{module: "managedidentity", version: "v20230131", name: "UserAssignedIdentity", others: []string{
		"v20150831preview", "v20181130", "v20210930preview", "v20220131preview", "v20230731preview", "v20241130", "v20250131preview",
	}}
	var out UserAssignedIdentity
	err := k.register(ctx, name, args.in(pulumi.Map{"resourceName": pulumi.String(args.Name)}), &out, opts)
	return &out, err
}

// RoleDefinition is azure-native:authorization:RoleDefinition.
type RoleDefinition struct{ pulumi.CustomResourceState }

// RoleDefinitionArgs are its inputs: a custom role for one scope.
type RoleDefinitionArgs struct {
	ID                string // a GUID
	Name, Description string
	Scope             pulumi.StringInput // where it lives, and the only one that it can be assigned in
	Actions           []string
}

// NewRoleDefinition registers a custom role.
func NewRoleDefinition(ctx *pulumi.Context, name string, args RoleDefinitionArgs, opts ...pulumi.ResourceOption) (*RoleDefinition, error) {
	k := kind{module: "authorization", version: "v20220401", name: "RoleDefinition", others: []string{
		"v20150701", "v20180101preview", "v20220501preview",
	}}
	var out RoleDefinition
	err := k.register(ctx, name, pulumi.Map{
		"roleDefinitionId": pulumi.String(args.ID),
		"roleName":         pulumi.String(args.Name),
		"description":      pulumi.String(args.Description),
		"roleType":         pulumi.String("CustomRole"),
		"scope":            args.Scope,
		"assignableScopes": pulumi.StringArray{args.Scope},
		"permissions":      pulumi.Array{pulumi.Map{"actions": pulumi.ToStringArray(args.Actions)}},
	}, &out, opts)
	return &out, err
}
