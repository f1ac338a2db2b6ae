package provider

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

func TestConfigure(t *testing.T) {
	t.Parallel()
	f := newFake()
	s := testServer(t, f)
	out, err := s.Configure(t.Context(), &pulumirpc.ConfigureRequest{
		Variables: map[string]string{"azure-native:config:location": "uksouth", "azure-native:config:subscriptionId": testSubscription},
		Args:      pack(t, toMap(obj{"version": Version, "environment": "public", "clientId": ""})),
	})
	must(t, err)
	if !out.GetSupportsPreview() || !out.GetSupportsAutonamingConfiguration() || !out.GetAcceptSecrets() {
		t.Errorf("reply %v", out)
	}
	r := resourceOf(t, s, idToken, "id")
	must(t, r.create(identity()))
	if l := f.sent(t, identityPath())["location"]; l != "uksouth" {
		t.Errorf("location %v", l)
	}
	for key, words := range map[string][]string{
		"clientSecret": {"azure-native:clientSecret", "ARM_*"}, "useOidc": {"azure-native:useOidc"}, "environment": {`"usgovernment"`, "ARM_ENVIRONMENT"},
	} {
		_, err := testServer(t, f).Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: pack(t, toMap(obj{key: "usgovernment"}))})
		says(t, err, words...)
	}
	s = testServer(t, f)
	_, err = s.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: pack(t, toMap(obj{"tenantId": "other"}))})
	must(t, err)
	says(t, resourceOf(t, s, idToken, "id").create(identity()), "azure-native:tenantId", `"other"`, testTenant)
}

func TestPlumbing(t *testing.T) {
	t.Parallel()
	if _, err := New(Options{}); err == nil {
		t.Error("a server without a connection was made")
	}
	s := testServer(t, newFake())
	info, err := s.GetPluginInfo(t.Context(), &emptypb.Empty{})
	must(t, err)
	if info.GetVersion() != "2.90.0" {
		t.Errorf("version %s", info.GetVersion())
	}
	in := pack(t, toMap(obj{"location": "x"}))
	checked, err := s.CheckConfig(t.Context(), &pulumirpc.CheckRequest{News: in})
	must(t, err)
	if unpack(t, checked.GetInputs()).Get("location").AsString() != "x" {
		t.Error("the provider's inputs are lost")
	}
	d, err := s.DiffConfig(t.Context(), &pulumirpc.DiffRequest{})
	must(t, err)
	if d.GetChanges() != pulumirpc.DiffResponse_DIFF_NONE {
		t.Errorf("%v", d)
	}
	for _, token := range []string{"azure-native:storage:BlobContainer", "azure-native:app/v20990101:Job"} {
		urn := "urn:pulumi:dev::proj::" + token + "::x"
		_, err1 := s.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn})
		_, err2 := s.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn})
		_, err3 := s.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn})
		_, err4 := s.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn})
		_, err5 := s.Update(t.Context(), &pulumirpc.UpdateRequest{Urn: urn})
		_, err6 := s.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn})
		for _, err := range []error{err1, err2, err3, err4, err5, err6} {
			says(t, err, token, "is not implemented", "ENVCTL_PROVIDERS=official")
		}
	}
}

func TestInvoke(t *testing.T) {
	t.Parallel()
	f := newFake()
	s := testServer(t, f)
	answered := obj{"primarySharedKey": "key-one", "secondarySharedKey": "key-two"}
	path := rgPath("Microsoft.OperationalInsights/workspaces/logs/sharedKeys")
	f.post = func(p string) (obj, error) {
		if p != path {
			return nil, refusal(404, "ResourceNotFound", "no workspace "+p)
		}
		return answered, nil
	}
	ask := func(tok string, args property.Map, preview bool) (property.Map, []*pulumirpc.CheckFailure, error) {
		out, err := s.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: tok, Args: pack(t, args), Preview: preview})
		if err != nil {
			return property.Map{}, nil, err
		}
		return unpack(t, out.GetReturn()), out.GetFailures(), nil
	}
	args := toMap(obj{"resourceGroupName": "rg", "workspaceName": "logs"})
	for _, tok := range []string{"azure-native:operationalinsights:getSharedKeys", "azure-native:operationalinsights/v20200801:getSharedKeys"} {
		got, fails, err := ask(tok, args, false)
		must(t, err)
		if len(fails) > 0 || got.Get("primarySharedKey").AsString() != "key-one" || !got.Get("secondarySharedKey").Secret() {
			t.Errorf("%s: %v %v", tok, got.GoString(), fails)
		}
	}
	keysTok := "azure-native:operationalinsights:getSharedKeys"
	got, _, err := ask(keysTok, args.Set("workspaceName", property.New(property.Computed)), false)
	must(t, err)
	if !got.Get("primarySharedKey").IsComputed() {
		t.Errorf("keys of an unknown workspace: %v", got.GoString())
	}
	other := args.Set("workspaceName", property.New("other"))
	got, _, err = ask(keysTok, other, true)
	must(t, err)
	if !got.Get("primarySharedKey").IsComputed() {
		t.Errorf("keys in a preview: %v", got.GoString())
	}
	_, _, err = ask(keysTok, other, false)
	says(t, err, `"other"`, "ResourceNotFound")
	for _, bad := range []property.Map{args.Delete("workspaceName"), args.Set("workspaceName", property.New(1.0))} {
		_, fails, err := ask(keysTok, bad, false)
		must(t, err)
		if len(fails) != 1 || fails[0].GetProperty() != "workspaceName" {
			t.Errorf("failures %v", fails)
		}
	}
	path, answered = rgPath("Microsoft.Storage/storageAccounts/box/listKeys"), obj{"keys": []any{obj{"keyName": "key1", "value": "one", "creationTime": nil}}}
	got, fails, err := ask("azure-native:storage/v20230501:listStorageAccountKeys", toMap(obj{"resourceGroupName": "rg", "accountName": "box"}), false)
	must(t, err)
	if list := got.Get("keys"); len(fails) > 0 || !list.Secret() || list.AsArray().Get(0).AsMap().Get("value").AsString() != "one" {
		t.Errorf("keys %v %v", got.GoString(), fails)
	}
	who, _, err := ask("azure-native:authorization:getClientConfig", property.Map{}, false)
	must(t, err)
	want := toMap(obj{"clientId": "client-1", "objectId": "object-1", "subscriptionId": testSubscription, "tenantId": testTenant})
	if !who.Equals(want) {
		t.Errorf("client %v", who.GoString())
	}
	_, _, err = ask("azure-native:storage:listStorageAccountSAS", property.Map{}, false)
	says(t, err, "listStorageAccountSAS", "is not implemented")
}
