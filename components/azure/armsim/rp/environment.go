package rp

import (
	"net/http"
	"strings"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/store"
)

const (
	environments = "Microsoft.App/managedEnvironments"
	apps         = "Microsoft.App/containerApps"
	jobs         = "Microsoft.App/jobs"
)

func appVersions() []string {
	return []string{"2022-10-01", "2023-04-01-preview", "2023-05-01", "2023-11-02-preview", "2024-02-02-preview", "2024-03-01", "2025-01-01"}
}

func containerApps() []*Type { return []*Type{environment(), app(), job()} }

func oddApp(id string) string {
	return strings.NewReplacer("/containerApps/", "/containerapps/").Replace(id)
}

// environment has fault row 10: while it is being made or removed, a put answers
// ManagedEnvironmentOperationInProgress.
func environment() *Type {
	t := &Type{
		Name: environments, Tree: "managedEnvironments", Versions: appVersions(), Located: true, Put: Async, Delete: Location,
		Check: checkEnvironment, Fill: fillEnvironment, Removable: environmentInUse,
		BusyError: func(op *store.Operation, name string) *answer.Error {
			return answer.Errorf(http.StatusConflict, "ManagedEnvironmentOperationInProgress", "Cannot modify environment %s because there is already an operation (%s) in progress. Please wait for it to end.", name, op.Kind)
		},
		View: func(_ *Call, body Object) {
			if logs, ok := at(body, "properties", "appLogsConfiguration", "logAnalyticsConfiguration").(Object); ok {
				logs["sharedKey"] = nil // never answered
			}
		},
	}
	t.Pattern, t.NameError = named(`^[a-z]([a-z0-9-]{0,58}[a-z0-9])?$`, "ManagedEnvironmentInvalidName",
		"Invalid managed environment name '%s'. A name consists of lower case letters, digits and '-', starts with a letter, ends with a letter or digit and has at most 60 characters.")
	return t
}

func checkEnvironment(c *Call) *answer.Error {
	p := props(c.Body)
	if text(p, "appLogsConfiguration", "destination") == "log-analytics" {
		if bad := c.checkLogs(); bad != nil {
			return bad
		}
	}
	subnet := text(p, "vnetConfiguration", "infrastructureSubnetId")
	if c.Old != nil && !strings.EqualFold(subnet, text(c.Old.Body, "properties", "vnetConfiguration", "infrastructureSubnetId")) {
		return invalid("ManagedEnvironmentInvalidNetworkConfiguration", "The virtual network of the environment '%s' cannot be changed after it was made.", c.Path.Name())
	}
	if subnet == "" {
		return nil
	}
	return c.checkSubnet(subnet, len(items(p, "workloadProfiles")) > 0)
}

// checkLogs compares the key with the workspace's, which the service does too.
func (c *Call) checkLogs() *answer.Error {
	logs := at(c.Body, "properties", "appLogsConfiguration", "logAnalyticsConfiguration")
	customer, key := text(logs, "customerId"), text(logs, "sharedKey")
	for _, w := range c.State.OfType("Microsoft.OperationalInsights/workspaces") {
		if text(w.Body, "properties", "customerId") != customer {
			continue
		}
		if key != w.Private["key"] && key != w.Private["key2"] && (c.Old == nil || key != "") {
			return invalid("InvalidLogAnalyticsConfiguration", "The shared key of the Log Analytics workspace %s is not valid.", customer)
		}
		return nil
	}
	return invalid("InvalidLogAnalyticsConfiguration", "The Log Analytics workspace with the customer id '%s' was not found.", customer)
}

// checkSubnet has the rules of
// https://learn.microsoft.com/azure/container-apps/networking: delegated and at
// least /27 with workload profiles, otherwise not delegated and at least /23.
func (c *Call) checkSubnet(id string, profiles bool) *answer.Error {
	subnet := c.subnet(id)
	if subnet == nil {
		return invalid("ManagedEnvironmentSubnetNotFound", "The subnet '%s' of the environment '%s' was not found.", id, c.Path.Name())
	}
	delegated := false
	for _, d := range items(subnet, "properties", "delegations") {
		delegated = delegated || strings.EqualFold(text(d, "properties", "serviceName"), "Microsoft.App/environments")
	}
	if delegated != profiles {
		return invalid("ManagedEnvironmentSubnetDelegationError", "The subnet '%s' must be delegated to 'Microsoft.App/environments' if, and only if, the environment has workload profiles.", id)
	}
	least := map[bool]int{true: 27, false: 23}[profiles]
	if prefix, ok := subnetPrefix(subnet); ok && prefix.Bits() > least {
		return invalid("ManagedEnvironmentInvalidNetworkConfiguration", "The subnet '%s' is too small: the environment needs at least /%d, and it is %s.", id, least, prefix)
	}
	for _, other := range c.State.OfType(environments) {
		same := strings.EqualFold(text(other.Body, "properties", "vnetConfiguration", "infrastructureSubnetId"), id)
		if same && !strings.EqualFold(other.Name, c.Path.Name()) {
			return invalid("ManagedEnvironmentSubnetInUse", "The subnet '%s' is in use by the environment %s.", id, other.ID)
		}
	}
	return nil
}

func fillEnvironment(c *Call) {
	p := props(c.New.Body)
	location := strings.ReplaceAll(strings.ToLower(text(c.New.Body, "location")), " ", "")
	c.keep("defaultDomain", func() any {
		return "sim-" + c.State.Hex(c.Seed, 8) + "." + location + ".azurecontainerapps.io"
	})
	c.keep("staticIp", func() any { return "203.0.113.10" }) // TEST-NET-3, RFC 5737
	c.keep("eventStreamEndpoint", func() any { return c.Platform() + c.New.ID + "/eventstream" })
	c.keep("customDomainConfiguration", func() any {
		return Object{"customDomainVerificationId": strings.ToUpper(c.State.Hex(c.Seed, 64))}
	})
	standard(p, "zoneRedundant", false)
	standard(p, "kedaConfiguration", Object{"version": "2.15.1"})
	standard(p, "daprConfiguration", Object{"version": "1.12.5"})
	standard(p, "peerAuthentication", Object{"mtls": Object{"enabled": false}})
	if v := text(p, "infrastructureResourceGroup"); v == "" && len(items(p, "workloadProfiles")) > 0 {
		p["infrastructureResourceGroup"] = "ME_" + c.New.Name + "_" + c.Path.Group + "_" + location
	}
}

func environmentInUse(c *Call) *answer.Error {
	for _, typ := range []string{apps, jobs} {
		for _, r := range c.State.OfType(typ) {
			if strings.EqualFold(EnvironmentOf(r.Body), c.Old.ID) {
				return answer.Errorf(http.StatusConflict, "CannotDeleteManagedEnvironment", "Cannot delete the environment %s while it has container apps or jobs: %s.", c.Old.Name, r.ID)
			}
		}
	}
	return nil
}

// EnvironmentOf is the environment's id in an app's or job's body.
func EnvironmentOf(body Object) string {
	if id := text(body, "properties", "environmentId"); id != "" {
		return id
	}
	return text(body, "properties", "managedEnvironmentId")
}
