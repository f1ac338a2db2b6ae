package provider

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/fault"
)

// simulated is a server that speaks to the simulator through the real client:
// TLS, a login, long-running operations and all.
func simulated(t *testing.T, opts armsim.Options) (*server, *armsim.Simulator) {
	t.Helper()
	sim, err := armsim.New(opts)
	must(t, err)
	t.Cleanup(sim.Close)
	_, err = sim.Start(t.Context())
	must(t, err)
	env := sim.Env()
	c, err := arm.Connect(t.Context(), arm.Options{Getenv: func(k string) string { return env[k] }, Poll: time.Millisecond,
		Sleep: func(ctx context.Context, _ time.Duration) error { return sleep(ctx, time.Millisecond) }})
	must(t, err)
	s, err := New(Options{
		Connect: func(context.Context) (Client, error) { return c, nil },
		Owned:   owned, Location: "swedencentral", Poll: time.Millisecond,
	})
	must(t, err)
	return s.(*server), sim
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// out is an output of a resource, as text.
func (r *res) out(name string) string {
	r.t.Helper()
	v := unpack(r.t, r.state).Get(name)
	if !v.IsString() {
		r.t.Fatalf("output %s of %s is %s", name, r.urn, kindOf(v))
	}
	return v.AsString()
}

// An environment of every type that envctl's programs make: created, read back
// without a difference, updated, and deleted until nothing is left.
func TestEverythingAtTheSimulator(t *testing.T) {
	t.Parallel()
	s, sim := simulated(t, armsim.Options{Delay: 5 * time.Millisecond, OddCase: true})
	var all []*res
	var inputs []obj
	create := func(token, name string, in obj) *res {
		t.Helper()
		r := resourceOf(t, s, token, name)
		if err := r.create(in); err != nil {
			t.Fatalf("%s: %v", token, err)
		}
		all, inputs = append(all, r), append(inputs, in)
		return r
	}
	rg := create(rgToken, "rg", obj{"resourceGroupName": "rg", "tags": mine()})
	in := func(more obj) obj { return edit(obj{"resourceGroupName": "rg", "tags": mine()}, more) }
	id := create(idToken, "id", in(obj{"resourceName": "shop-id"}))
	reg := create(regToken, "reg", in(obj{"registryName": "shopacr123", "sku": obj{"name": "Basic"}, "adminUserEnabled": false}))
	pull := obj{"scope": reg.id, "principalId": id.out("principalId"), "principalType": "ServicePrincipal",
		"roleDefinitionId": "/subscriptions/" + armsim.DefaultSubscription + "/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d"}
	create(roleToken, "pull", pull)
	create("azure-native:authorization/v20220401:RoleDefinition", "expire", obj{"scope": rg.id, "roleName": "envctl shop expire",
		"roleType": "CustomRole", "assignableScopes": []any{rg.id}, "permissions": []any{obj{"actions": []any{"*/read"}, "notActions": []any{}}}})
	logs := create("azure-native:operationalinsights/v20230901:Workspace", "logs", in(obj{"workspaceName": "shop-logs", "sku": obj{"name": "PerGB2018"}, "retentionInDays": 30.0}))
	net := create("azure-native:network/v20240101:VirtualNetwork", "net", in(obj{"virtualNetworkName": "net",
		"addressSpace": obj{"addressPrefixes": []any{"10.0.0.0/16"}},
		"subnets": []any{obj{"name": "apps", "addressPrefix": "10.0.0.0/23",
			"delegations": []any{obj{"name": "d", "serviceName": "Microsoft.App/environments"}}}}}))
	create("azure-native:network/v20240101:NetworkSecurityGroup", "nsg", in(obj{"networkSecurityGroupName": "nsg"}))
	subnet := unpack(t, net.state).Get("subnets").AsArray().Get(0).AsMap().Get("id")
	keys, err := s.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "azure-native:operationalinsights:getSharedKeys",
		Args: pack(t, toMap(obj{"resourceGroupName": "rg", "workspaceName": "shop-logs"}))})
	must(t, err)
	env := create(envToken, "env", in(obj{"environmentName": "shop-env", "workloadProfiles": []any{obj{"name": "Consumption", "workloadProfileType": "Consumption"}}, "vnetConfiguration": obj{"infrastructureSubnetId": subnet.AsString()},
		"appLogsConfiguration": obj{"destination": "log-analytics", "logAnalyticsConfiguration": obj{
			"customerId": logs.out("customerId"), "sharedKey": unpack(t, keys.GetReturn()).Get("primarySharedKey").AsString()}}}))
	create(accToken, "ai", in(obj{"accountName": "shop-ai", "kind": "OpenAI", "sku": obj{"name": "S0"},
		"properties": obj{"customSubDomainName": "shop-ai-1", "disableLocalAuth": true, "publicNetworkAccess": "Enabled"}}))
	create(depToken, "chat", obj{"resourceGroupName": "rg", "accountName": "shop-ai", "deploymentName": "chat",
		"sku":        obj{"name": "Standard", "capacity": 1.0},
		"properties": obj{"model": obj{"format": "OpenAI", "name": "gpt-4o", "version": "2024-08-06"}}})
	create("azure-native:insights/v20230101:ActionGroup", "mail", in(obj{"actionGroupName": "mail", "location": "Global", "groupShortName": "mail",
		"enabled": true, "emailReceivers": []any{obj{"name": "me", "emailAddress": "me@example.com"}}}))
	create(budToken, "budget", obj{"scope": rg.id, "budgetName": "shop", "amount": 50.0, "category": "Cost", "timeGrain": "Monthly",
		"timePeriod":    obj{"startDate": time.Now().UTC().Format("2006-01") + "-01T00:00:00Z"},
		"notifications": obj{"most": obj{"enabled": true, "operator": "GreaterThan", "threshold": 80.0, "thresholdType": "Actual", "contactEmails": []any{"me@example.com"}}}})
	container := obj{"name": "web", "image": "mcr.microsoft.com/k8se/quickstart:latest", "resources": obj{"cpu": 0.25, "memory": "0.5Gi"}}
	who := obj{"type": "UserAssigned", "userAssignedIdentities": []any{id.id}}
	create(appToken, "web", in(obj{"containerAppName": "web", "environmentId": env.id, "identity": who,
		"configuration": obj{"activeRevisionsMode": "Single", "ingress": obj{"external": true, "targetPort": 80.0}, "secrets": []any{obj{"name": "k", "value": "s3cret-value"}}},
		"template":      obj{"containers": []any{container}}}))
	create("azure-native:app/v20240301:Job", "job", in(obj{"jobName": "job", "environmentId": env.id, "identity": who,
		"configuration": obj{"triggerType": "Manual", "replicaTimeout": 60.0, "manualTriggerConfig": obj{"parallelism": 1.0}},
		"template":      obj{"containers": []any{container}}}))

	for i, r := range all {
		if err := r.refresh(); err != nil {
			t.Errorf("%s: %v", r.urn, err)
		}
		if d := r.diff(toMap(inputs[i])); len(d.GetDetailedDiff()) > 0 {
			t.Errorf("%s: differences after a refresh: %v", r.urn, d.GetDetailedDiff())
		}
		if err := r.update(toMap(inputs[i])); err != nil {
			t.Errorf("%s: %v", r.urn, err)
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if err := all[i].delete(); err != nil {
			t.Errorf("%s: %v", all[i].urn, err)
		}
	}
	left, err := sim.Leftovers()
	must(t, err)
	if len(left) != 1 { // the deleted account, for 48 hours
		t.Errorf("left: %v", left)
	}
}

// A deleted account of ours is restored; an assignment that exists under another
// name is gone on with; what another run left is taken over.
func TestTakingOverAtTheSimulator(t *testing.T) {
	t.Parallel()
	s, _ := simulated(t, armsim.Options{Delay: time.Millisecond})
	rg := resourceOf(t, s, rgToken, "rg")
	must(t, rg.create(obj{"resourceGroupName": "rg", "tags": mine()}))
	must(t, resourceOf(t, s, rgToken, "rg").create(obj{"resourceGroupName": "rg", "tags": mine()}))
	says(t, resourceOf(t, s, rgToken, "rg").create(obj{"resourceGroupName": "rg", "tags": obj{ownerTag: "mine"}, "location": "westeurope"}), "InvalidResourceGroupLocation")

	acc := edit(account(), obj{"location": "swedencentral", "sku": obj{"name": "S0"}})
	r := resourceOf(t, s, accToken, "acc")
	must(t, r.create(acc))
	must(t, r.delete())
	r = resourceOf(t, s, accToken, "acc")
	must(t, r.create(acc))
	must(t, r.refresh())
	if d := r.diff(toMap(acc)); len(d.GetDetailedDiff()) > 0 {
		t.Errorf("a restored account differs: %v", d.GetDetailedDiff())
	}

	id := resourceOf(t, s, idToken, "id")
	must(t, id.create(identity()))
	pull := obj{"scope": rg.id, "principalId": id.out("principalId"), "principalType": "ServicePrincipal",
		"roleDefinitionId": "/subscriptions/" + armsim.DefaultSubscription + "/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d"}
	one, two := resourceOf(t, s, roleToken, "one"), resourceOf(t, s, roleToken, "two")
	must(t, one.create(pull))
	must(t, two.create(edit(pull, obj{"roleAssignmentName": roleName})))
	if one.id != two.id {
		t.Errorf("two assignments of the same: %q, %q", one.id, two.id)
	}
}

// Whatever Azure does to single requests, a few runs make what was asked for,
// and a few more leave nothing: as an engine would, each run creates what is not
// recorded and updates what is recorded as failed.
func TestRunsConverge(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	t.Cleanup(func() { // after the parallel runs
		if hits.Load() < 12 {
			t.Errorf("only %d faults were met in all the runs", hits.Load())
		}
	})
	for seed := range int64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s, sim := simulated(t, armsim.Options{Delay: time.Millisecond, Seed: seed, Faults: append(fault.Random(seed), fault.Random(seed+100)...)})
			steps := []struct {
				token string
				in    obj
				r     *res
			}{
				{rgToken, obj{"resourceGroupName": "rg", "tags": mine()}, nil},
				{idToken, identity(), nil},
				{regToken, obj{"resourceGroupName": "rg", "registryName": "shopacr123", "sku": obj{"name": "Basic"}, "tags": mine()}, nil},
				{envToken, obj{"resourceGroupName": "rg", "environmentName": "e", "tags": mine()}, nil},
				{accToken, edit(account(), obj{"location": "swedencentral", "sku": obj{"name": "S0"}}), nil},
				{depToken, edit(deployment("chat"), obj{"properties.model.version": "2024-08-06"}), nil},
			}
			const runs = 6
			var last error
			for i := range steps {
				st := &steps[i]
				st.r = resourceOf(t, s, st.token, "n")
				for range runs {
					if st.r.id == "" {
						last = st.r.create(st.in)
					} else {
						last = st.r.update(toMap(st.in))
					}
					if last == nil {
						break
					}
				}
				if last != nil {
					t.Fatalf("%s: still fails after %d runs: %v", st.token, runs, last)
				}
			}
			for i := len(steps) - 1; i >= 0; i-- {
				st := steps[i]
				for range runs {
					if last = st.r.delete(); last == nil {
						break
					}
				}
				if last != nil {
					t.Fatalf("%s: is still there after %d runs: %v", st.token, runs, last)
				}
			}
			left, err := sim.Leftovers()
			must(t, err)
			if len(left) != 1 {
				t.Errorf("left: %v", left)
			}
			for _, n := range sim.FaultHits() {
				hits.Add(int64(n))
			}
		})
	}
}
