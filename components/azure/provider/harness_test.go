package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

const ownerTag = "dev.envctl.instance"

func owned(tags map[string]string) bool { return tags[ownerTag] == "mine" }

// testServer is a server that is connected to a fake.
func testServer(t *testing.T, f *fake) *server {
	t.Helper()
	s, err := New(Options{
		Connect: func(context.Context) (Client, error) { return f, nil },
		Owned:   owned, Location: "westeurope", Poll: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*server)
}

// resource is one resource as an engine would keep it, driven over the server's
// own methods with values as they are on the wire.
type res struct {
	t      *testing.T
	srv    *server
	urn    string
	id     string
	inputs *structpb.Struct
	state  *structpb.Struct
}

func resourceOf(t *testing.T, srv *server, token, name string) *res {
	return &res{t: t, srv: srv, urn: fmt.Sprintf("urn:pulumi:dev::proj::%s::%s", token, name)}
}

func toMap(in obj) property.Map {
	return presource.FromResourcePropertyMap(presource.NewPropertyMapFromMap(in))
}

func pack(t *testing.T, m property.Map) *structpb.Struct {
	t.Helper()
	out, err := marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func unpack(t *testing.T, st *structpb.Struct) property.Map {
	t.Helper()
	out, err := unmarshal(st)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *res) check(in property.Map, edit ...func(*pulumirpc.CheckRequest)) (*structpb.Struct, []*pulumirpc.CheckFailure) {
	r.t.Helper()
	req := &pulumirpc.CheckRequest{Urn: r.urn, Olds: r.inputs, News: pack(r.t, in), RandomSeed: []byte("seed")}
	for _, e := range edit {
		e(req)
	}
	out, err := r.srv.Check(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return out.GetInputs(), out.GetFailures()
}

func (r *res) checked(in property.Map) *structpb.Struct {
	r.t.Helper()
	out, fails := r.check(in)
	if len(fails) > 0 {
		r.t.Fatalf("check of %v: %v", in, fails)
	}
	return out
}

// create checks and creates; what an init failure leaves is kept, as the engine
// does.
func (r *res) create(in obj) error { r.t.Helper(); return r.createMap(toMap(in)) }

func (r *res) createMap(in property.Map) error {
	r.t.Helper()
	checked := r.checked(in)
	out, err := r.srv.Create(r.t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: checked})
	if err != nil {
		if f := initFailure(err); f != nil {
			r.id, r.state, r.inputs = f.GetId(), f.GetProperties(), checked
		}
		return err
	}
	r.id, r.state, r.inputs = out.GetId(), out.GetProperties(), checked
	return nil
}

func (r *res) diff(in property.Map) *pulumirpc.DiffResponse {
	r.t.Helper()
	out, err := r.srv.Diff(r.t.Context(), &pulumirpc.DiffRequest{
		Id: r.id, Urn: r.urn, Olds: r.state, OldInputs: r.inputs, News: r.checked(in)})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *res) update(in property.Map) error {
	r.t.Helper()
	checked := r.checked(in)
	out, err := r.srv.Update(r.t.Context(), &pulumirpc.UpdateRequest{
		Id: r.id, Urn: r.urn, Olds: r.state, OldInputs: r.inputs, News: checked})
	if err != nil {
		return err
	}
	r.state, r.inputs = out.GetProperties(), checked
	return nil
}

// refresh reads and keeps what the engine would keep.
func (r *res) refresh() error {
	r.t.Helper()
	out, err := r.srv.Read(r.t.Context(), &pulumirpc.ReadRequest{Id: r.id, Urn: r.urn, Properties: r.state, Inputs: r.inputs})
	if err != nil {
		return err
	}
	r.id, r.state, r.inputs = out.GetId(), out.GetProperties(), out.GetInputs()
	return nil
}

func (r *res) delete() error {
	r.t.Helper()
	_, err := r.srv.Delete(r.t.Context(), &pulumirpc.DeleteRequest{Id: r.id, Urn: r.urn, Properties: r.state, OldInputs: r.inputs})
	return err
}

// initFailure are the details of a partial failure, nil for any other error.
func initFailure(err error) *pulumirpc.ErrorResourceInitFailed {
	e, ok := rpcerror.FromError(err)
	if !ok {
		return nil
	}
	for _, d := range e.Details() {
		if f, ok := d.(*pulumirpc.ErrorResourceInitFailed); ok {
			return f
		}
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// says wants an error with each of the words.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; expected one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error lacks %q:\n%v", w, err)
		}
	}
}

var errReset = errors.New("read: connection reset by peer") //nolint:gochecknoglobals // a test's constant

const (
	appToken  = "azure-native:app/v20240301:ContainerApp"
	envToken  = "azure-native:app/v20240301:ManagedEnvironment"
	accToken  = "azure-native:cognitiveservices/v20241001:Account"
	depToken  = "azure-native:cognitiveservices/v20241001:Deployment"
	roleToken = "azure-native:authorization/v20220401:RoleAssignment"
	regToken  = "azure-native:containerregistry/v20230701:Registry"
	budToken  = "azure-native:consumption/v20230501:Budget"
	rgToken   = "azure-native:resources/v20220901:ResourceGroup"
	idToken   = "azure-native:managedidentity/v20230131:UserAssignedIdentity"
)

func rgPath(rest string) string {
	return "/subscriptions/" + testSubscription + "/resourceGroups/rg/providers/" + rest
}

func mine() obj { return obj{ownerTag: "mine"} }
