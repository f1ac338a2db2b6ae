package provider

import (
	"net/http"
	"strings"
	"testing"
)

// Azure has the same assignment under another name: it is gone on with.
func TestRoleAssignmentExists(t *testing.T) {
	t.Parallel()
	scope := rgPath("x/y/z")
	other := scope + "/providers/Microsoft.Authorization/roleAssignments/ffffffff-0000-4000-8000-000000000001"
	live := func(principal, at string) obj {
		return obj{"id": other, "name": "ffffffff-0000-4000-8000-000000000001",
			"properties": obj{"principalId": principal, "roleDefinitionId": roleID("R1"), "scope": at}}
	}
	run := func(list ...obj) (*res, *fake, error) {
		f := newFakeWith(failNth("PUT", 1, refusal(http.StatusConflict, "RoleAssignmentExists", "The role assignment already exists.")))
		f.lists[strings.ToLower(scope+"/providers/Microsoft.Authorization/roleAssignments")] = list
		if len(list) > 0 {
			f.put(other, list[len(list)-1])
		}
		r := resourceOf(t, testServer(t, f), roleToken, "pull")
		return r, f, r.create(roleInputs("p"))
	}
	r, f, err := run(live("q", scope), live("p", "/subscriptions/above"), live("p", strings.ToUpper(scope)))
	must(t, err)
	if r.id != other {
		t.Errorf("ID %q, expected the existing one", r.id)
	}
	must(t, r.refresh())
	if d := r.diff(toMap(roleInputs("p"))); len(d.GetDetailedDiff()) > 0 {
		t.Errorf("differences: %v", d.GetDetailedDiff())
	}
	must(t, r.delete())
	if f.count("DELETE "+other) != 1 {
		t.Errorf("calls %v", f.calls)
	}
	_, _, err = run(live("q", scope))
	says(t, err, "RoleAssignmentExists")
}

func account() obj {
	return obj{"resourceGroupName": "rg", "accountName": "acc", "location": "Sweden Central", "kind": "OpenAI", "tags": mine(),
		"properties": obj{"customSubDomainName": "shop-ai"}}
}

func accountPath() string { return rgPath("Microsoft.CognitiveServices/accounts/acc") }

const deletedAt = "/subscriptions/" + testSubscription +
	"/providers/Microsoft.CognitiveServices/locations/swedencentral/resourceGroups/rg/deletedAccounts/acc"

// A deleted account of ours is restored and then gets the whole body; another's
// is left, with the command that frees the name.
func TestDeletedAccount(t *testing.T) {
	t.Parallel()
	inTheWay := refusal(http.StatusConflict, "FlagMustBeSetForRestore", "An existing resource has been soft-deleted.")
	f := newFakeWith(failNth("PUT", 1, inTheWay))
	f.put(deletedAt, obj{"id": deletedAt, "tags": mine()})
	r := resourceOf(t, testServer(t, f), accToken, "acc")
	must(t, r.create(account()))
	puts := f.bodies[strings.ToLower(accountPath())]
	if len(puts) != 3 || puts[1]["properties"].(obj)["restore"] != true || puts[2]["properties"].(obj)["restore"] != nil {
		t.Errorf("bodies %v", puts)
	}
	if _, ok := puts[0]["properties"].(obj)["restore"]; ok {
		t.Error("the first body was changed")
	}
	for name, gone := range map[string]obj{
		"another's": {"id": deletedAt, "tags": obj{ownerTag: "yours"}},
		"no tags":   {"id": deletedAt},
		"not there": nil,
	} {
		f := newFakeWith(failNth("PUT", 1, inTheWay))
		if gone != nil {
			f.put(deletedAt, gone)
		}
		r := resourceOf(t, testServer(t, f), accToken, "acc")
		err := r.create(account())
		says(t, err, "FlagMustBeSetForRestore", `"acc"`, "az cognitiveservices account purge --location swedencentral --resource-group rg --name acc")
		if len(f.writes()) != 1 {
			t.Errorf("%s: writes %v", name, f.writes())
		}
	}
}

func TestSubdomainTaken(t *testing.T) {
	t.Parallel()
	list := strings.ToLower("/subscriptions/" + testSubscription + "/providers/Microsoft.CognitiveServices/deletedAccounts")
	f := newFakeWith(failNth("PUT", 1, refusal(http.StatusBadRequest, "CustomDomainInUse", "used")))
	f.lists[list] = []obj{{"id": strings.Replace(deletedAt, "/acc", "/old", 1), "properties": obj{}},
		{"id": strings.ReplaceAll(deletedAt, "deletedAccounts/acc", "deletedAccounts/old"), "properties": obj{"customSubDomainName": "Shop-AI"}}}
	r := resourceOf(t, testServer(t, f), accToken, "acc")
	says(t, r.create(account()), "CustomDomainInUse", `"shop-ai"`, "--location swedencentral --resource-group rg --name old")
	f = newFakeWith(failNth("PUT", 1, refusal(http.StatusBadRequest, "CustomDomainInUse", "used")))
	r = resourceOf(t, testServer(t, f), accToken, "acc")
	says(t, r.create(account()), "subdomains are global", "choose another customSubDomainName")
}

// A budget goes with the eTag that Azure has now, and once more when that has
// changed in between.
func TestBudgetETag(t *testing.T) {
	t.Parallel()
	stale := refusal(http.StatusBadRequest, "400", "There are changes made to Budget, please get the latest and try again")
	f := newFake()
	tag := "one"
	f.shape = func(_ string, body obj) obj { body["eTag"] = tag; return body }
	r := resourceOf(t, testServer(t, f), budToken, "b")
	must(t, r.create(budgetInputs()))
	if v, ok := f.sent(t, budgetPath())["eTag"]; ok {
		t.Errorf("a new budget was sent with eTag %v", v)
	}
	f.fault = func(method, path string, nth int) error {
		if method == "PUT" && nth == 2 {
			f.objects[strings.ToLower(path)]["eTag"] = "two"
			return stale
		}
		return nil
	}
	must(t, r.update(toMap(edit(budgetInputs(), obj{"amount": 9.0}))))
	puts := f.bodies[strings.ToLower(budgetPath())]
	if len(puts) != 3 || puts[1]["eTag"] != "one" || puts[2]["eTag"] != "two" {
		t.Errorf("eTags of the bodies: %v", puts)
	}
	f.fault = func(method, _ string, _ int) error {
		if method == "PUT" {
			return stale
		}
		return nil
	}
	n := f.count("PUT")
	says(t, r.update(toMap(budgetInputs())), "get the latest")
	if got := f.count("PUT") - n; got != eTagTries {
		t.Errorf("%d tries, expected %d", got, eTagTries)
	}
	// The tag is Azure's bookkeeping: a refresh makes no change of it.
	f.fault = nil
	f.objects[strings.ToLower(budgetPath())]["eTag"] = "ten"
	must(t, r.refresh())
	if v := unpack(t, r.inputs).Get("eTag"); !v.IsNull() {
		t.Errorf("a refresh put eTag %v into the inputs", v)
	}
}

// Refusals that leave the way out open get it.
func TestExplained(t *testing.T) {
	t.Parallel()
	for code, words := range map[string][]string{
		"RoleAssignmentUpdateNotPermitted": {"cannot be changed", "roleAssignmentName"},
		"InsufficientQuota":                {"lower sku.capacity"},
	} {
		f := newFakeWith(failNth("PUT", 1, refusal(http.StatusBadRequest, code, "no")))
		r := resourceOf(t, testServer(t, f), depToken, "chat")
		says(t, r.create(deployment("chat")), append(words, code)...)
	}
}
