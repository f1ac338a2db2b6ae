package names_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/envctl/envctl/components/azure/names"
)

const subscription = "00000000-0000-0000-0000-000000000001"

// all are the names of an owner with the kind of each.
func all(n names.Names) map[string]names.Kind {
	out := map[string]names.Kind{
		n.ResourceGroup: names.KindResourceGroup, n.Registry: names.KindRegistry, n.Workspace: names.KindWorkspace,
		n.Environment: names.KindEnvironment, n.Account: names.KindAccount,
		n.Network: names.KindNetwork, n.SecurityGroup: names.KindNetworkPart, n.RouteTable: names.KindNetworkPart,
		n.Firewall: names.KindFirewall, n.FirewallAddress: names.KindNetworkPart,
		n.ActionGroup: names.KindActionGroup, names.Subnet: names.KindNetworkPart, names.FirewallSubnet: names.KindNetworkPart,
		names.StewardRepository: names.KindRepository,
		n.Role("expire"):        names.KindRole, n.GUID("a", "b"): names.KindGUID,
		n.Steward("expire"): names.KindApp, n.Steward("stop"): names.KindApp,
	}
	for _, w := range workloads() {
		out[n.App(w)], out[n.Identity(w)], out[n.Deployment(w)] = names.KindApp, names.KindIdentity, names.KindDeployment
	}
	return out
}

// workloads are names that a definition may have.
func workloads() []string {
	return []string{"a", "ab", "api", "a-b", strings.Repeat("a", 32), strings.Repeat("ab-", 10) + "ab", "a" + strings.Repeat("-1", 15)}
}

// owners are as hostile as a definition and an instance can be.
func owners() []names.Owner {
	var out []names.Owner
	experiments := []string{"ab", "csv-insights", "a-b-c-d", strings.Repeat("x", 32), strings.Repeat("x-", 15) + "yz", "a" + strings.Repeat("-1", 15)}
	instances := []string{"default", "0", "1a", "pr-123", "a--b", "xn--bcher-kva", strings.Repeat("9", 63), "a" + strings.Repeat("-", 61) + "b"}
	for _, e := range experiments {
		for _, i := range instances {
			out = append(out, names.Owner{Subscription: subscription, Experiment: e, Instance: i})
		}
	}
	return out
}

func TestEveryNameIsValid(t *testing.T) {
	t.Parallel()
	for _, owner := range owners() {
		for _, platform := range []bool{false, true} {
			n := names.New(owner, platform)
			for name, kind := range all(n) {
				if err := names.Check(kind, name); err != nil {
					t.Errorf("%s of %s: %v", owner.Experiment, owner.Instance, err)
				}
			}
			for kind, name := range map[names.Kind]string{
				names.KindBudget: n.Budget, names.KindSubdomain: n.Subdomain, names.KindStorage: n.Storage, names.KindVolume: n.Outputs, names.KindShare: names.Share,
			} {
				if err := names.Check(kind, name); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Global names, and what is in an environment that others use too, clash with
// nobody's; GUIDs and roles are unique in a tenant.
func TestNamesOfTwoOwnersDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, owner := range owners() {
		for _, sub := range []string{subscription, "00000000-0000-0000-0000-000000000002"} {
			owner.Subscription = sub
			n := names.New(owner, true)
			who := fmt.Sprint(owner)
			for _, name := range []string{n.Registry, n.Account, "storage " + n.Storage, n.Outputs, n.App("api"), n.Steward("expire"), n.GUID("x"), n.Role("expire")} {
				if other, taken := seen[name]; taken {
					t.Errorf("%s and %s both have %q", who, other, name)
				}
				seen[name] = who
			}
		}
	}
}

func TestNamesInAGroupDiffer(t *testing.T) {
	t.Parallel()
	groups := map[string]string{}
	for _, owner := range owners() {
		n := names.New(owner, false)
		if other, taken := groups[n.ResourceGroup]; taken {
			t.Errorf("%v and %s share the group %s", owner, other, n.ResourceGroup)
		}
		groups[n.ResourceGroup] = fmt.Sprint(owner)
		seen := map[string]bool{}
		for _, w := range workloads() {
			for _, name := range []string{n.App(w), n.Deployment(w) + " deployment", n.Identity(w)} {
				if seen[name] {
					t.Errorf("%q twice", name)
				}
				seen[name] = true
			}
		}
	}
}

func TestNamesAreStable(t *testing.T) {
	t.Parallel()
	owner := names.Owner{Subscription: strings.ToUpper(subscription), Experiment: "csv-insights", Instance: "default"}
	n := names.New(owner, false)
	owner.Subscription = subscription
	if lower := names.New(owner, false); lower.Registry != n.Registry || lower.GUID("x") != n.GUID("x") {
		t.Error("the case of the subscription's id makes other names")
	}
	shared := names.New(owner, true)
	got := []string{
		n.ResourceGroup, n.Registry, n.Account, n.Subdomain, n.Workspace, n.Environment, n.Budget, n.App("api"), n.App("a"),
		n.Identity("api"), n.Deployment("chat"), n.Deployment("c"), n.Steward("stop"), n.GUID("scope", "id-api", "role"),
		shared.App("api"), shared.Steward("stop"), n.Role("stop"), n.Storage, n.Outputs, shared.Outputs,
	}
	want := []string{
		"envctl-csv-insights-default", "csvinsightshu4j2gbyrvqei", "csv-insights-hu4j2gbyrvqei", "csv-insights-hu4j2gbyrvqei",
		"csv-insights-default-logs", "csv-insights-default", "csv-insights-default", "api", "a-3esafgo",
		"id-api", "chat", "m.c", "envctl-stop", "0fbc9de6-0675-5512-9310-f3c41e1c4d09", "api-itan2gk", "envctl-stop-chsl355", "envctl stop envctl-csv-insights-default cz2rck2",
		"csvinsightshu4j2gbyrvqei", "outputs", "outputs-e5vg3jv",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTheDefinitionsGroupIsKept(t *testing.T) {
	t.Parallel()
	n := names.New(names.Owner{Subscription: subscription, Experiment: "exp", Instance: "dev", ResourceGroup: "My.Group_(1)"}, false)
	if n.ResourceGroup != "My.Group_(1)" {
		t.Errorf("group %q", n.ResourceGroup)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 300)
	tests := map[names.Kind]struct{ good, bad []string }{
		names.KindResourceGroup: {[]string{"a", "a.b_(c)-d", long[:90]}, []string{"", "a.", "a/b", "a b", long[:91]}},
		names.KindRegistry:      {[]string{"abcde", "Ab123", long[:50]}, []string{"abcd", "ab-cd", "ab.cd", long[:51]}},
		names.KindRepository:    {[]string{"ab", "exp/api", "a-b/c.d_e"}, []string{"a", "Exp/api", "/ab", "ab/", "a//b", long}},
		names.KindWorkspace:     {[]string{"abcd", "a--d", long[:63]}, []string{"abc", "-abc", "abc-", "ab_cd", long[:64]}},
		names.KindEnvironment:   {[]string{"ab", "a-b"}, []string{"a", "1a", "a--b", "a-", "Ab", long[:61]}},
		names.KindApp:           {[]string{"ab", "a-1", long[:32]}, []string{"a", "1a", "a--b", "ab-", "aB", "a_b", long[:33]}},
		names.KindIdentity:      {[]string{"abc", "1_-"}, []string{"ab", "-ab", "_ab", "a.b", long[:129]}},
		names.KindAccount:       {[]string{"ab", "A-1"}, []string{"a", "-a", "a-", "a_b", long[:65]}},
		names.KindSubdomain:     {[]string{"ab", "a-1"}, []string{"a", "Ab", "a-", long[:64]}},
		names.KindDeployment:    {[]string{"ab", "m.a", "a_-"}, []string{"a", ".a", "a b", long[:65]}},
		names.KindBudget:        {[]string{"a", "a_-"}, []string{"", "a.b", long[:64]}},
		names.KindActionGroup:   {[]string{"a", "a b"}, []string{"", "a/b", "a&b", "a.", "a "}},
		names.KindNetwork:       {[]string{"ab", "a._"}, []string{"a", "_a", "a-", "a b", long[:65]}},
		names.KindNetworkPart:   {[]string{"a", "a-b"}, []string{"", "-a", "a.", long[:81]}},
		names.KindFirewall:      {[]string{"a"}, []string{"", long[:57]}},
		names.KindRole:          {[]string{"a b"}, []string{"", "a\nb", long[:129]}},
		names.KindStorage:       {[]string{"abc", "1a2", long[:24]}, []string{"ab", "a-b", "Abc", "a.b", long[:25]}},
		names.KindShare:         {[]string{"abc", "1-a", long[:63]}, []string{"ab", "-ab", "ab-", "a--b", "aBc", long[:64]}},
		names.KindVolume:        {[]string{"ab", "a-1", long[:32]}, []string{"a", "1a", "a--b", "ab-", "a_b", long[:33]}},
		names.KindSecret:        {[]string{"a", "db-password"}, []string{"", "A", "a_b", "-a", "a-"}},
		names.KindGUID:          {[]string{"0123abcd-0123-0123-0123-0123456789ab"}, []string{"", "0123ABCD-0123-0123-0123-0123456789ab"}},
	}
	for kind, tt := range tests {
		for _, name := range tt.good {
			if err := names.Check(kind, name); err != nil {
				t.Error(err)
			}
		}
		for _, name := range tt.bad {
			if err := names.Check(kind, name); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
				t.Errorf("%s %q: error %v, expected one that quotes it", kind, name, err)
			}
		}
	}
	if err := names.Check("castle", "a"); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("error %v", err)
	}
}

func TestGUIDIsVersion5(t *testing.T) {
	t.Parallel()
	n := names.New(names.Owner{Subscription: subscription, Experiment: "exp", Instance: "dev"}, false)
	if guid := n.GUID("x"); !regexp.MustCompile(`^.{14}5.{4}[89ab]`).MatchString(guid) {
		t.Error(guid)
	}
	if n.GUID("a", "b") == n.GUID("ab") || n.GUID("a", "b") == n.GUID("b", "a") {
		t.Error("different parts have the same GUID")
	}
}
