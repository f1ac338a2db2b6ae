package provider

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/envctl/envctl/components/azure/arm"
)

func identity() obj { return obj{"resourceGroupName": "rg", "resourceName": "one", "tags": mine()} }

func identityPath() string { return rgPath("Microsoft.ManagedIdentity/userAssignedIdentities/one") }

// The order of a create: look, put, look again; what is recorded is the last.
func TestCreateReadsBack(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := resourceOf(t, testServer(t, f), idToken, "id")
	must(t, r.create(identity()))
	want := "GET " + identityPath() + ",PUT " + identityPath() + ",GET " + identityPath()
	if got := strings.Join(f.calls, ","); got != want {
		t.Errorf("calls %s, expected %s", got, want)
	}
	if r.id != strings.Replace(identityPath(), "/resourceGroups/", "/resourcegroups/", 1) {
		t.Errorf("ID %q is not Azure's spelling", r.id)
	}
	must(t, r.delete())
	must(t, r.delete()) // 404 is a success
	if len(f.objects) != 0 {
		t.Errorf("left: %v", f.objects)
	}
}

// A preview asks Azure nothing, and leaves open what Azure decides.
func TestPreviewAsksNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := resourceOf(t, testServer(t, f), appToken, "web")
	in := r.checked(toMap(obj{"resourceGroupName": "rg", "containerAppName": "web", "location": "westeurope",
		"configuration": obj{"ingress": obj{"targetPort": 80.0}, "secrets": []any{obj{"name": "a", "value": "s"}}}}))
	out, err := r.srv.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: in, Preview: true})
	must(t, err)
	m := unpack(t, out.GetProperties())
	conf := m.Get("configuration").AsMap()
	if !m.Get("name").IsComputed() || !m.Get("latestRevisionName").IsComputed() || !conf.Get("ingress").AsMap().Get("fqdn").IsComputed() {
		t.Errorf("known before it is made: %v", m.GoString())
	}
	if conf.Get("ingress").AsMap().Get("targetPort").AsNumber() != 80 || !conf.Get("secrets").Secret() || !m.Get(inputsKey).Secret() {
		t.Errorf("inputs are lost: %v", conf.GoString())
	}
	if len(f.calls) > 0 {
		t.Errorf("calls: %v", f.calls)
	}
	must(t, r.create(obj{"resourceGroupName": "rg", "containerAppName": "web", "location": "westeurope"}))
	n := len(f.calls)
	up, err := r.srv.Update(t.Context(), &pulumirpc.UpdateRequest{
		Id: r.id, Urn: r.urn, Olds: r.state, OldInputs: r.inputs, News: in, Preview: true})
	must(t, err)
	m = unpack(t, up.GetProperties())
	if !m.Get("name").IsString() || !m.Get("location").IsString() || !m.Get("latestRevisionName").IsComputed() || !m.Get("id").IsString() {
		t.Errorf("an update's preview: %v", m.GoString())
	}
	if len(f.calls) != n {
		t.Errorf("calls: %v", f.calls[n:])
	}
}

// What Azure is deleting, or still making, is waited for before anything is sent.
func TestCreateWaits(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"Deleting", "ScheduledForDelete", "Waiting", "InfrastructureSetupInProgress"} {
		f := newFake()
		path := rgPath("Microsoft.App/managedEnvironments/e")
		f.put(path, obj{"id": path, "tags": mine(), "properties": obj{"provisioningState": state}})
		gone := strings.HasPrefix(strings.ToLower(state), "d") || state == "ScheduledForDelete"
		f.fault = func(method, _ string, nth int) error {
			if method == "PUT" && nth == 1 && len(f.calls) < 4 {
				t.Errorf("%s: put while it is %s", path, state)
			}
			if method == "GET" && nth == 3 {
				if gone {
					delete(f.objects, strings.ToLower(path))
				} else {
					f.objects[strings.ToLower(path)] = obj{"id": path, "tags": mine(), "properties": obj{"provisioningState": "Succeeded"}}
				}
			}
			return nil
		}
		r := resourceOf(t, testServer(t, f), envToken, "e")
		must(t, r.create(obj{"resourceGroupName": "rg", "environmentName": "e", "tags": mine()}))
	}
	f := newFake()
	f.put(identityPath(), obj{"id": identityPath(), "tags": mine(), "properties": obj{"provisioningState": "Deleting"}})
	s := testServer(t, f)
	r := resourceOf(t, s, idToken, "id")
	in := r.checked(toMap(identity()))
	_, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: in, Timeout: 0.05})
	says(t, err, "which is deleting", "did not end within 50ms", "customTimeouts")
}

// Azure took the request, and its operation failed: the resource is in the state,
// and the next update sends everything again.
func TestCreateFailsPartly(t *testing.T) {
	t.Parallel()
	f := newFake()
	path := rgPath("Microsoft.App/containerApps/web")
	f.fault = failNth("PUT", 1, &arm.Error{StatusCode: 200, Code: "ContainerAppOperationError",
		Message: "the image is invalid; secret was hunter22-secret", Accepted: true})
	r := resourceOf(t, testServer(t, f), appToken, "web")
	in := obj{"resourceGroupName": "rg", "containerAppName": "web", "configuration": obj{"secrets": []any{obj{"name": "a", "value": "hunter22-secret"}}}}
	err := r.create(in)
	says(t, err, "creating app:ContainerApp", "ContainerAppOperationError", "the image is invalid")
	if strings.Contains(err.Error(), "hunter22") {
		t.Errorf("the error shows a secret: %v", err)
	}
	failed := initFailure(err)
	if failed == nil || len(failed.GetReasons()) != 1 || strings.Contains(failed.GetReasons()[0], "hunter22") {
		t.Fatalf("no partial failure, or one with a secret: %v", failed)
	}
	if want := strings.Replace(path, "/resourceGroups/", "/resourcegroups/", 1); failed.GetId() != want {
		t.Errorf("ID %q, expected %q", failed.GetId(), want)
	}
	if v := unpack(t, failed.GetInputs()).Get("containerAppName"); !v.IsString() {
		t.Error("the inputs are missing")
	}
	if v := unpack(t, failed.GetProperties()).Get("provisioningState"); !v.IsString() || v.AsString() != "Failed" {
		t.Errorf("the state is %v", v.GoString())
	}
	// A refresh keeps it failed, since the next update has to send it again.
	says(t, r.refresh(), "provisioning state", "failed")
	must(t, r.update(toMap(in)))
	secrets := f.sent(t, path)["properties"].(obj)["configuration"].(obj)["secrets"].([]any)
	if secrets[0].(obj)["value"] != "hunter22-secret" {
		t.Errorf("the secret was not sent again: %v", secrets)
	}
	must(t, r.refresh())
}

// The connection breaks: what is there afterwards decides.
func TestCreateWithUnknownOutcome(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.fault = failNth("PUT", 1, errReset)
	r := resourceOf(t, testServer(t, f), idToken, "id")
	err := r.create(identity())
	says(t, err, "connection reset")
	if initFailure(err) != nil || r.id != "" {
		t.Error("nothing exists, but it is recorded")
	}

	f = newFake()
	f.fault = func(method, path string, nth int) error {
		if method == "PUT" && nth == 1 {
			f.objects[strings.ToLower(path)] = obj{"id": path, "name": "one", "tags": mine()}
			return errReset
		}
		return nil
	}
	r = resourceOf(t, testServer(t, f), idToken, "id")
	if failed := initFailure(r.create(identity())); failed == nil || r.id != identityPath() {
		t.Errorf("it exists, but is not recorded: %v", failed)
	}
	must(t, r.update(toMap(identity())))

	// Somebody else's of the same name is not ours because our request broke.
	f.fault = nil
	f = newFake()
	f.fault = func(method, path string, nth int) error {
		if method == "PUT" && nth == 1 {
			f.objects[strings.ToLower(path)] = obj{"id": path, "tags": obj{ownerTag: "yours"}}
			return errReset
		}
		return nil
	}
	r = resourceOf(t, testServer(t, f), idToken, "id")
	if initFailure(r.create(identity())) != nil {
		t.Error("somebody else's is recorded")
	}
}

// A refusal changes nothing, unless what an interrupted run left has to be recorded.
func TestCreateRefused(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.fault = failNth("PUT", 1, refusal(http.StatusBadRequest, "InvalidParameter", "no"))
	r := resourceOf(t, testServer(t, f), idToken, "id")
	err := r.create(identity())
	says(t, err, "InvalidParameter")
	if initFailure(err) != nil {
		t.Error("nothing exists, but it is recorded")
	}
	f = newFake()
	f.put(identityPath(), obj{"id": identityPath(), "tags": mine()})
	f.fault = failNth("PUT", 1, refusal(http.StatusBadRequest, "InvalidParameter", "no"))
	r = resourceOf(t, testServer(t, f), idToken, "id")
	if initFailure(r.create(identity())) == nil {
		t.Error("what was left is not recorded")
	}
	f = newFake()
	r = resourceOf(t, testServer(t, f), idToken, "id")
	must(t, r.create(identity()))
	f.fault = failNth("PUT", 2, refusal(http.StatusBadRequest, "InvalidParameter", "no"))
	err = r.update(toMap(identity()))
	says(t, err, "updating managedidentity:UserAssignedIdentity", "InvalidParameter")
	if initFailure(err) != nil {
		t.Error("a refused update took the new inputs")
	}
	f.fault = failNth("GET", 3, refusal(http.StatusForbidden, "AuthorizationFailed", "no"))
	r2 := resourceOf(t, testServer(t, newFakeWith(failNth("GET", 1, refusal(http.StatusForbidden, "AuthorizationFailed", "no")))), idToken, "id")
	says(t, r2.create(identity()), "looking whether", "AuthorizationFailed")
}

func newFakeWith(fault func(string, string, int) error) *fake {
	f := newFake()
	f.fault = fault
	return f
}

// The look after the put may fail: the put's own answer stands in.
func TestCreateWithoutReadBack(t *testing.T) {
	t.Parallel()
	f := newFakeWith(failNth("GET", 2, refusal(http.StatusInternalServerError, "InternalError", "no")))
	r := resourceOf(t, testServer(t, f), idToken, "id")
	must(t, r.create(identity()))
	if v := unpack(t, r.state).Get("name"); !v.IsString() || v.AsString() != "one" {
		t.Errorf("name %v", v.GoString())
	}
}

// Deployments of one account go one after another, and not beside a change of
// the account itself; those of two accounts go at once.
func TestDeploymentsGoOneAfterAnother(t *testing.T) {
	t.Parallel()
	f := newFake()
	var now, most, all atomic.Int32
	f.hold = func(method, path string) {
		if method != "PUT" {
			return
		}
		if strings.Contains(path, "/acc2") {
			all.Add(1)
			return
		}
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
	}
	s := testServer(t, f)
	done := make(chan error)
	create := func(token string, in obj) {
		r := resourceOf(t, s, token, "n")
		_, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: pack(t, toMap(in))})
		done <- err
	}
	names := []string{"a", "b", "c", "d"}
	for _, n := range names {
		go create(depToken, deployment(n))
	}
	go create(depToken, edit(deployment("e"), obj{"accountName": "acc2"}))
	go create(accToken, obj{"resourceGroupName": "rg", "accountName": "ACC", "location": "x"})
	for range len(names) + 2 {
		must(t, <-done)
	}
	if most.Load() != 1 || all.Load() != 1 {
		t.Errorf("%d at a time on one account; %d on the other", most.Load(), all.Load())
	}
}

// Cancel ends a call in flight, also one that waits for its place.
func TestCancel(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.put(identityPath(), obj{"id": identityPath(), "tags": mine(), "properties": obj{"provisioningState": "Deleting"}})
	s := testServer(t, f)
	r := resourceOf(t, s, idToken, "id")
	in := r.checked(toMap(identity()))
	_, err := s.locks.take(t.Context(), "held")
	must(t, err)
	errs := make(chan error, 2)
	go func() {
		_, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: in})
		errs <- err
	}()
	go func() {
		ctx, end := s.begin(t.Context(), 0)
		defer end()
		_, err := s.locks.take(ctx, "held")
		errs <- err
	}()
	for f.count("GET") == 0 {
		time.Sleep(time.Millisecond)
	}
	_, err = s.Cancel(t.Context(), &emptypb.Empty{})
	must(t, err)
	_, err = s.Cancel(t.Context(), &emptypb.Empty{})
	must(t, err)
	for range 2 {
		says(t, <-errs, "cancelled")
	}
}

// What is not known when Azure is to be asked is refused by name.
func TestCreateOfUnknowns(t *testing.T) {
	t.Parallel()
	f := newFake()
	s := testServer(t, f)
	r := resourceOf(t, s, idToken, "id")
	in := r.checked(toMap(identity()).Set("tags", property.New(property.Computed)))
	_, err := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: in})
	says(t, err, `"tags" is not known`)
	s.opts.Location = ""
	open := unpack(t, in).Set("tags", property.New(map[string]property.Value{})).Set(locationKey, property.New(property.Computed))
	_, err = s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: pack(t, open)})
	says(t, err, "resource group", `rg`, "does not exist")
	f.put("/subscriptions/"+testSubscription+"/resourcegroups/rg", obj{"location": "uksouth"})
	_, err = s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: pack(t, open)})
	must(t, err)
	if l := f.sent(t, identityPath())["location"]; l != "uksouth" {
		t.Errorf("location %v", l)
	}
}

// An error in connecting is told, and the next call tries again.
func TestConnectAgain(t *testing.T) {
	t.Parallel()
	tries := 0
	s := newServer(Options{Connect: func(context.Context) (Client, error) {
		if tries++; tries == 1 {
			return nil, errReset
		}
		return newFake(), nil
	}, Owned: owned, Location: "westeurope"})
	r := resourceOf(t, s, idToken, "id")
	says(t, r.create(identity()), "connection reset")
	must(t, r.create(identity()))
}
