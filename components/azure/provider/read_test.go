package provider

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func goldenOf(t *testing.T, name string) golden {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "golden", name+".json"))
	must(t, err)
	var g golden
	must(t, json.Unmarshal(raw, &g))
	return g
}

// made is a golden resource that exists, and where.
func made(t *testing.T, name string) (*res, *fake, golden, string) {
	t.Helper()
	g := goldenOf(t, name)
	f := newFake()
	f.shape = func(string, obj) obj { return clone(g.Response) }
	r := resourceOf(t, testServer(t, f), g.Token, "name")
	must(t, r.create(g.Inputs))
	return r, f, g, strings.ToLower(pathOf(r.id))
}

func TestReadOfWhatIsGone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ContainerApp", "RoleAssignment", "ResourceGroup", "Budget"} {
		r, f, _, path := made(t, name)
		delete(f.objects, path)
		for k := range f.objects {
			delete(f.objects, k)
		}
		must(t, r.refresh())
		if r.id != "" {
			t.Errorf("%s is gone, and is read as %q", name, r.id)
		}
	}
	r, f, _, _ := made(t, "ContainerApp")
	f.fault = func(string, string, int) error { return refusal(http.StatusForbidden, "AuthorizationFailed", "no") }
	says(t, r.refresh(), "reading app:ContainerApp", "AuthorizationFailed")
}

// A change made by hand is brought into the inputs, and so is a difference; what
// Azure never returns, and what it added by itself, changes nothing.
func TestReadOfDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(live obj)
		want   []string // paths of the differences
	}{
		"nothing": {func(obj) {}, nil},
		"image": {func(live obj) {
			live["properties"].(obj)["template"].(obj)["containers"].([]any)[0].(obj)["image"] = "by-hand"
		}, []string{"template.containers[0].image"}},
		"a secret came": {func(live obj) {
			c := live["properties"].(obj)["configuration"].(obj)
			c["secrets"] = append([]any{obj{"name": "new"}}, c["secrets"].([]any)...)
		}, []string{"configuration.secrets[0]"}},
		"secrets went": {func(live obj) { delete(live["properties"].(obj)["configuration"].(obj), "secrets") },
			[]string{"configuration.secrets"}},
		"a tag":        {func(live obj) { live["tags"].(obj)["more"] = "x" }, []string{"tags.more"}},
		"an identity":  {func(live obj) { live["identity"].(obj)["userAssignedIdentities"] = obj{} }, []string{"identity.userAssignedIdentities[0]"}},
		"its spelling": {func(live obj) { live["location"] = "westeurope" }, nil},
		"a case": {func(live obj) {
			p := live["properties"].(obj)
			p["environmentId"] = strings.ToLower(p["environmentId"].(string))
		}, nil},
		"a revision":      {func(live obj) { live["properties"].(obj)["latestRevisionName"] = "web--2" }, nil},
		"Azure's default": {func(live obj) { live["properties"].(obj)["configuration"].(obj)["maxInactiveRevisions"] = 100.0 }, []string{"configuration.maxInactiveRevisions"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f, g, _ := made(t, "ContainerApp")
			path := strings.ToLower(rgPath("Microsoft.App/containerApps/web"))
			lower := strings.ToLower(pathOf(r.id))
			live := f.objects[path]
			f.objects[lower] = live
			c.change(live)
			must(t, r.refresh())
			d := r.diff(toMap(g.Inputs)).GetDetailedDiff()
			if len(d) != len(c.want) {
				t.Errorf("differences %v, expected %v", d, c.want)
			}
			for _, p := range c.want {
				if d[p] == nil {
					t.Errorf("no difference at %s: %v", p, d)
				}
			}
			// The program's next update sends its secret again.
			must(t, r.update(toMap(g.Inputs)))
			sent := f.sent(t, pathOf(r.id))["properties"].(obj)["configuration"].(obj)["secrets"].([]any)
			if len(sent) != 1 || sent[0].(obj)["value"] != "s3cret-value" {
				t.Errorf("secrets %v", sent)
			}
		})
	}
}

// A change by hand beside a secret keeps the secret in the inputs.
func TestReadKeepsSecrets(t *testing.T) {
	t.Parallel()
	r, f, _, _ := made(t, "ContainerApp")
	live := f.objects[strings.ToLower(rgPath("Microsoft.App/containerApps/web"))]
	f.objects[strings.ToLower(pathOf(r.id))] = live
	live["properties"].(obj)["configuration"].(obj)["secrets"].([]any)[0].(obj)["keyVaultUrl"] = "https://kv"
	must(t, r.refresh())
	s := unpack(t, r.inputs).Get("configuration").AsMap().Get("secrets").AsArray().Get(0).AsMap()
	if v := s.Get("value"); !v.Secret() || v.AsString() != "s3cret-value" || s.Get("keyVaultUrl").AsString() != "https://kv" {
		t.Errorf("secret %v", property.New(s).GoString())
	}
}

// An import makes inputs of the ID and of all that can be set; beside what Azure
// never returns they are the program's.
func TestImport(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*.json")
	must(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := goldenOf(t, name)
			f := newFake()
			id := g.Response["id"].(string)
			f.put(pathOf(id), g.Response)
			r := resourceOf(t, testServer(t, f), g.Token, "name")
			out, err := r.srv.Read(t.Context(), &pulumirpc.ReadRequest{Id: strings.TrimPrefix(id, "/"), Urn: r.urn})
			must(t, err)
			if out.GetId() != id {
				t.Errorf("ID %q, expected %q", out.GetId(), id)
			}
			rt, err := r.srv.typeOf(r.urn)
			must(t, err)
			in := unpack(t, out.GetInputs())
			if fails := rt.check(in); len(fails) > 0 {
				t.Errorf("the inputs are refused: %v", fails)
			}
			d := rt.diff(in, toMap(g.Inputs), unpack(t, out.GetProperties()))
			if len(d.GetReplaces()) > 0 {
				t.Errorf("an import replaces %v: %v", d.GetReplaces(), d.GetDetailedDiff())
			}
			for path, pd := range d.GetDetailedDiff() {
				hidden := strings.HasSuffix(path, ".value") || strings.HasSuffix(path, ".sharedKey")
				if pd.GetKind() == pulumirpc.PropertyDiff_ADD && !hidden {
					t.Errorf("%s is set and returned, and was not imported", path)
				}
			}
			again := unpack(t, out.GetProperties())
			if !again.Get(inputsKey).Secret() || again.Get(apiKey).AsString() != rt.api {
				t.Errorf("state %v", again.GoString())
			}
		})
	}
}

func TestReadRefusesOtherIDs(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, testServer(t, newFake()), appToken, "web")
	for _, id := range []string{"", "/", "/subscriptions/s", rgPath("Microsoft.App/jobs/web"), rgPath("Microsoft.App/containerApps/web/more"), rgPath("Microsoft.App/containerApps/")} {
		_, err := r.srv.Read(t.Context(), &pulumirpc.ReadRequest{Id: id, Urn: r.urn})
		says(t, err, "does not have the form", "Microsoft.App/containerApps/{containerAppName}")
	}
}

// A state that was never read from Azure keeps its inputs.
func TestReadOfPartialState(t *testing.T) {
	t.Parallel()
	r, f, g, path := made(t, "UserAssignedIdentity")
	f.objects[path] = f.objects[strings.ToLower(rgPath("Microsoft.ManagedIdentity/userAssignedIdentities/shop-id"))]
	m := unpack(t, r.inputs)
	rt, err := r.srv.typeOf(r.urn)
	must(t, err)
	r.state = pack(t, partialState(request{rt: rt, in: m}, r.id, nil))
	must(t, r.refresh())
	if d := r.diff(toMap(g.Inputs)); len(d.GetDetailedDiff()) > 0 {
		t.Errorf("%v", d.GetDetailedDiff())
	}
}
