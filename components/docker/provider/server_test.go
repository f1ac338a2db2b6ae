package provider

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

type obj = map[string]any

// res is one resource as an engine would keep it, driven over the gRPC server's
// own methods with values as they are on the wire.
type res struct {
	t      *testing.T
	srv    pulumirpc.ResourceProviderServer
	urn    string
	id     string
	inputs *structpb.Struct
	state  *structpb.Struct
}

var wire = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepOutputValues: true, KeepResources: true}

func server(t *testing.T, e *engine, edit ...func(*Options)) pulumirpc.ResourceProviderServer {
	t.Helper()
	opts := Options{Client: e.Client}
	for _, f := range edit {
		f(&opts)
	}
	srv, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

var types = map[string]string{"Network": "network", "Volume": "volume", "Container": "container", "RemoteImage": "remoteImage", "Image": "image"}

func resourceOf(t *testing.T, srv pulumirpc.ResourceProviderServer, typ, name string) *res {
	return &res{t: t, srv: srv, urn: fmt.Sprintf("urn:pulumi:dev::proj::docker:index/%s:%s::%s", types[typ], typ, name)}
}

func marshal(t *testing.T, m resource.PropertyMap) *structpb.Struct {
	t.Helper()
	s, err := plugin.MarshalProperties(m, wire)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unmarshal(t *testing.T, s *structpb.Struct) resource.PropertyMap {
	t.Helper()
	m, err := plugin.UnmarshalProperties(s, wire)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (r *res) check(in resource.PropertyMap) (*structpb.Struct, []*pulumirpc.CheckFailure) {
	r.t.Helper()
	c, err := r.srv.Check(r.t.Context(), &pulumirpc.CheckRequest{Urn: r.urn, Olds: r.inputs, News: marshal(r.t, in)})
	if err != nil {
		r.t.Fatal(err)
	}
	return c.Inputs, c.Failures
}

// create checks and creates; what an init failure leaves is kept, as the engine
// does.
func (r *res) create(in obj) error {
	r.t.Helper()
	return r.createMap(resource.NewPropertyMapFromMap(in))
}

func (r *res) createMap(in resource.PropertyMap) error {
	r.t.Helper()
	news, fails := r.check(in)
	if len(fails) > 0 {
		r.t.Fatalf("check: %v", fails)
	}
	resp, err := r.srv.Create(r.t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: news})
	r.inputs = news
	if init := initFailed(err); init != nil {
		r.id, r.state = init.Id, init.Properties
		return err
	}
	if err == nil {
		r.id, r.state = resp.Id, resp.Properties
	}
	return err
}

func (r *res) mustCreate(in obj) {
	r.t.Helper()
	if err := r.create(in); err != nil {
		r.t.Fatal(err)
	}
}

func initFailed(err error) *pulumirpc.ErrorResourceInitFailed {
	if err == nil {
		return nil
	}
	rpcErr, ok := rpcerror.FromError(err)
	if !ok {
		return nil
	}
	for _, d := range rpcErr.Details() {
		if f, ok := d.(*pulumirpc.ErrorResourceInitFailed); ok {
			return f
		}
	}
	return nil
}

func (r *res) diff(in obj) *pulumirpc.DiffResponse {
	r.t.Helper()
	news, fails := r.check(resource.NewPropertyMapFromMap(in))
	if len(fails) > 0 {
		r.t.Fatalf("check: %v", fails)
	}
	d, err := r.srv.Diff(r.t.Context(), &pulumirpc.DiffRequest{Id: r.id, Urn: r.urn, Olds: r.state, OldInputs: r.inputs, News: news})
	if err != nil {
		r.t.Fatal(err)
	}
	return d
}

func (r *res) update(in obj) error {
	r.t.Helper()
	news, fails := r.check(resource.NewPropertyMapFromMap(in))
	if len(fails) > 0 {
		r.t.Fatalf("check: %v", fails)
	}
	u, err := r.srv.Update(r.t.Context(), &pulumirpc.UpdateRequest{Id: r.id, Urn: r.urn, Olds: r.state, OldInputs: r.inputs, News: news})
	if init := initFailed(err); init != nil {
		r.inputs, r.state = news, init.Properties
	}
	if err == nil {
		r.inputs, r.state = news, u.Properties
	}
	return err
}

// refresh reads the resource; false: it is gone.
func (r *res) refresh() bool {
	r.t.Helper()
	got, err := r.srv.Read(r.t.Context(), &pulumirpc.ReadRequest{Id: r.id, Urn: r.urn, Properties: r.state, Inputs: r.inputs})
	if err != nil {
		r.t.Fatal(err)
	}
	if got.Id == "" {
		return false
	}
	r.id, r.state, r.inputs = got.Id, got.Properties, got.Inputs
	return true
}

func (r *res) delete() error {
	r.t.Helper()
	_, err := r.srv.Delete(r.t.Context(), &pulumirpc.DeleteRequest{Id: r.id, Urn: r.urn, Properties: r.state, OldInputs: r.inputs})
	return err
}

func (r *res) out(key string) any {
	r.t.Helper()
	v := unmarshal(r.t, r.state)[resource.PropertyKey(key)]
	for v.IsSecret() {
		v = v.SecretValue().Element
	}
	return v.Mappable()
}

// labels are ownership labels for experiment and, in pairs, others.
func labels(experiment string, more ...string) []any {
	l := func(k, v string) any { return obj{"label": k, "value": v} }
	out := []any{l(labelExperiment, experiment), l(labelInstance, "i"), l(labelTarget, "local")}
	for i := 0; i < len(more); i += 2 {
		out = append(out, l(more[i], more[i+1]))
	}
	return out
}

// with is a copy of o with entries changed; a nil value takes one out.
func with(o obj, more ...any) obj {
	out := obj{}
	for k, v := range o {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		k := more[i].(string)
		if out[k] = more[i+1]; more[i+1] == nil {
			delete(out, k)
		}
	}
	return out
}

func readRequest(r *res) *pulumirpc.ReadRequest {
	return &pulumirpc.ReadRequest{Id: r.id, Urn: r.urn, Properties: r.state, Inputs: r.inputs}
}

// preview asks what create would give; the name of what is only known later
// must come back unknown.
func (r *res) preview(news *structpb.Struct) error {
	r.t.Helper()
	resp, err := r.srv.Create(r.t.Context(), &pulumirpc.CreateRequest{Urn: r.urn, Properties: news, Preview: true})
	if err == nil && (resp.Id != "" || !unmarshal(r.t, resp.Properties).ContainsUnknowns()) {
		r.t.Errorf("%s: id %q and %v", r.urn, resp.Id, resp.Properties)
	}
	return err
}

func (r *res) previewUpdate(in obj) error {
	r.t.Helper()
	news, _ := r.check(resource.NewPropertyMapFromMap(in))
	_, err := r.srv.Update(r.t.Context(), &pulumirpc.UpdateRequest{Id: r.id, Urn: r.urn, Olds: r.state, OldInputs: r.inputs, News: news, Preview: true})
	return err
}

func (r *res) urnType() string { return string(resource.URN(r.urn).Type()) }
