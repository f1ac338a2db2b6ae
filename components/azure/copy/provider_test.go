package copy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/armsim"
	imagecopy "github.com/envctl/envctl/components/azure/copy"
	"github.com/envctl/envctl/local/registry"
	"github.com/envctl/envctl/stacks/images"
)

const urn = "urn:pulumi:a.b.azure::envctl::envctl:index:Image::web"

// world is a simulated subscription with one Container Registry, and a registry
// that has an image.
type world struct {
	t      *testing.T
	client *arm.Client
	login  string // server
	id     string
	local  *registry.Store
	host   string // of local
	server pulumirpc.ResourceProviderServer

	mu     sync.Mutex
	copied []images.CopyResult
}

func newWorld(t *testing.T) *world {
	t.Helper()
	sim, err := armsim.New(armsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	if _, err := sim.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := sim.Env()
	w := &world{t: t}
	if w.client, err = arm.Connect(t.Context(), arm.Options{Getenv: func(name string) string { return env[name] }}); err != nil {
		t.Fatal(err)
	}
	group := "/subscriptions/" + w.client.Subscription() + "/resourceGroups/x"
	w.put(group, "2022-09-01", arm.Object{"location": "swedencentral"})
	w.id = group + "/providers/Microsoft.ContainerRegistry/registries/copytest1"
	made := w.put(w.id, "2023-07-01", arm.Object{
		"location": "swedencentral", "sku": arm.Object{"name": "Basic"}, "properties": arm.Object{"adminUserEnabled": false},
	})
	w.login = made["properties"].(map[string]any)["loginServer"].(string)
	if w.local, err = registry.Open(filepath.Join(t.TempDir(), "registry")); err != nil {
		t.Fatal(err)
	}
	served := httptest.NewServer(w.local.Handler(registry.Options{}))
	t.Cleanup(served.Close)
	w.host = strings.TrimPrefix(served.URL, "http://")
	w.server, err = imagecopy.New(imagecopy.Options{
		Client: func(context.Context) (*arm.Client, error) { return w.client, nil },
		Wait:   50 * time.Millisecond, Poll: time.Millisecond,
		Copied: func(name string, r images.CopyResult) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.copied = append(w.copied, r)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.server.Configure(t.Context(), &pulumirpc.ConfigureRequest{AcceptSecrets: true}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) put(path, version string, body arm.Object) arm.Object {
	w.t.Helper()
	out, err := w.client.Put(w.t.Context(), path, version, body)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// image puts an image into the registry that is copied from.
func (w *world) image(content string) string {
	w.t.Helper()
	describe := func(mediaType string, b []byte) ocispec.Descriptor {
		if _, _, err := w.local.PutBlob(w.t.Context(), "x/web", bytes.NewReader(b), ""); err != nil {
			w.t.Fatal(err)
		}
		return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(b), Size: int64(len(b))}
	}
	raw, err := json.Marshal(ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, Config: describe(ocispec.MediaTypeImageConfig, []byte(`{"of":"`+content+`"}`)),
		Layers: []ocispec.Descriptor{describe(ocispec.MediaTypeImageLayer, bytes.Repeat([]byte(content), 1000))},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := w.local.PutManifest(w.t.Context(), "x/web", "t-"+content, "", raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.String()
}

func (w *world) inputs(d string) map[string]any {
	return map[string]any{
		"source": w.host + "/x/web@" + d, "digest": d, "repository": "x/web", "registry": w.login, "registryId": w.id,
	}
}

var wire = plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true}

func (w *world) marshal(props map[string]any) *structpb.Struct {
	w.t.Helper()
	out, err := plugin.MarshalProperties(presource.NewPropertyMapFromMap(props), wire)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) create(d string) (*pulumirpc.CreateResponse, error) {
	return w.server.Create(w.t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: w.marshal(w.inputs(d))})
}

func (w *world) read(id, d string) *pulumirpc.ReadResponse {
	w.t.Helper()
	in := w.marshal(w.inputs(d))
	out, err := w.server.Read(w.t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: id, Inputs: in, Properties: in})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestTheLifeOfACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.image("one"), w.image("two")
	made, err := w.create(one)
	if err != nil {
		t.Fatal(err)
	}
	if ref := made.Properties.Fields["ref"].GetStringValue(); ref != w.login+"/x/web@"+one {
		t.Errorf("ref %q", ref)
	}
	if w.copied[0].Sent != 2 || w.copied[0].Bytes < 3000 {
		t.Errorf("%+v", w.copied)
	}
	if got := w.read(made.Id, one); got.Id != made.Id {
		t.Errorf("read %v", got)
	}
	if got := w.read(made.Id, two); got.Id != "" {
		t.Errorf("an image that is not there is read as %v", got)
	}
	// A second copy of the same moves nothing.
	if _, err := w.create(one); err != nil || w.copied[1].Bytes != 0 || w.copied[1].Manifests != 0 {
		t.Errorf("%+v, %v", w.copied, err)
	}
	changed, err := w.server.Update(t.Context(), &pulumirpc.UpdateRequest{
		Urn: urn, Id: made.Id, Olds: made.Properties, OldInputs: w.marshal(w.inputs(one)), News: w.marshal(w.inputs(two)),
	})
	if err != nil || changed.Properties.Fields["ref"].GetStringValue() != w.login+"/x/web@"+two {
		t.Fatalf("%v, %v", changed, err)
	}
	if got := w.read(made.Id, one); got.Id == "" {
		t.Error("an update removes what an earlier revision may still run")
	}
	if _, err := w.server.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn, Id: made.Id, Properties: changed.Properties}); err != nil {
		t.Error(err)
	}
	for _, want := range []int{1, 0} {
		if n, err := imagecopy.Remove(t.Context(), w.client, w.login, "x/"); n != want || err != nil {
			t.Errorf("removed %d, %v; expected %d", n, err, want)
		}
	}
	if got := w.read(made.Id, one); got.Id != "" {
		t.Errorf("left: %v", got)
	}
	if _, err := imagecopy.Remove(t.Context(), w.client, w.login, "x"); err == nil {
		t.Error("a prefix that is another name's, too, is taken")
	}
}

func TestDiffAndCheck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.image("one"), w.image("two")
	for name, c := range map[string]struct {
		change  func(map[string]any)
		changes pulumirpc.DiffResponse_DiffChanges
		replace bool
	}{
		"nothing":          {func(map[string]any) {}, pulumirpc.DiffResponse_DIFF_NONE, false},
		"source's address": {func(m map[string]any) { m["source"] = "127.0.0.1:1/x/web@" + one }, pulumirpc.DiffResponse_DIFF_NONE, false},
		"digest":           {func(m map[string]any) { m["digest"] = two }, pulumirpc.DiffResponse_DIFF_SOME, false},
		"repository":       {func(m map[string]any) { m["repository"] = "y/web" }, pulumirpc.DiffResponse_DIFF_SOME, true},
		"registry":         {func(m map[string]any) { m["registry"] = "other.azurecr.io" }, pulumirpc.DiffResponse_DIFF_SOME, true},
	} {
		news := w.inputs(one)
		c.change(news)
		got, err := w.server.Diff(t.Context(), &pulumirpc.DiffRequest{
			Urn: urn, Id: "x", Olds: w.marshal(w.inputs(one)), OldInputs: w.marshal(w.inputs(one)), News: w.marshal(news),
		})
		if err != nil || got.Changes != c.changes || len(got.Replaces) > 0 != c.replace {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, change := range map[string]func(map[string]any){
		"digest":     func(m map[string]any) { m["digest"] = "latest" },
		"source":     func(m map[string]any) { m["source"] = w.host + "/x/web@" + two },
		"repository": func(m map[string]any) { delete(m, "repository") },
		"registry":   func(m map[string]any) { m["registry"] = "" },
	} {
		news := w.inputs(one)
		change(news)
		got, err := w.server.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: w.marshal(news)})
		if err != nil || len(got.Failures) == 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	unknown := w.inputs(one)
	unknown["registry"] = presource.MakeComputed(presource.NewProperty(""))
	if got, err := w.server.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: w.marshal(unknown)}); err != nil || len(got.Failures) > 0 {
		t.Errorf("a registry that is not made yet: %v, %v", got, err)
	}
	if _, err := w.server.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: w.marshal(unknown), Preview: true}); err != nil {
		t.Errorf("its preview: %v", err)
	}
	if w.copied != nil {
		t.Error("something was copied")
	}
}

func TestACopyThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := w.image("one")
	absent := digest.FromString("absent").String()
	if _, err := w.create(absent); err == nil || !strings.Contains(err.Error(), "has no image") {
		t.Errorf("an image that the source does not have: %v", err)
	}
	in := w.inputs(one)
	in["registry"] = "example.com"
	_, err := w.server.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn, Properties: w.marshal(in)})
	if err == nil || !strings.Contains(err.Error(), "no token is sent") {
		t.Errorf("a registry that is none of Azure's: %v", err)
	}
	if _, err := w.server.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "x"}); err == nil || !strings.Contains(err.Error(), "imported") {
		t.Errorf("an import: %v", err)
	}
}
