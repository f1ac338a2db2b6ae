package provider

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/protobuf/types/known/structpb"
)

var update = flag.Bool("update", false, "write body and state of the golden files anew")

// golden is a resource on its way: what the program gives and Azure answers is
// written by hand, from Azure's documented examples; what is sent and what is
// recorded is compared.
type golden struct {
	Token    string `json:"token"`
	Inputs   obj    `json:"inputs"`
	Response obj    `json:"response"`
	Body     obj    `json:"body"`
	State    obj    `json:"state"`
}

func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*.json")
	must(t, err)
	if len(files) != 20 {
		t.Fatalf("%d golden files, expected 20", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			must(t, err)
			var g golden
			must(t, json.Unmarshal(raw, &g))
			f := newFake()
			f.shape = func(string, obj) obj { return clone(g.Response) }
			r := resourceOf(t, testServer(t, f), g.Token, "name")
			must(t, r.create(g.Inputs))
			rt, err := r.srv.typeOf(r.urn)
			must(t, err)
			path, err := rt.path.fill(testSubscription, toMap(g.Inputs))
			must(t, err)
			got := g
			got.Body = f.sent(t, path)
			f.put(path, g.Response) // without what the fake adds
			must(t, r.refresh())
			got.State = plain(t, r.state)
			if *update {
				must(t, os.WriteFile(file, indented(t, got), 0o600))
				return
			}
			if want, have := indented(t, g), indented(t, got); !bytes.Equal(want, have) {
				t.Errorf("%s differs; run the test with -update and look at the difference.\n%s", file, have)
			}
			if d := r.diff(toMap(g.Inputs)); len(d.GetDetailedDiff()) > 0 {
				t.Errorf("after a refresh there are differences: %v", d.GetDetailedDiff())
			}
		})
	}
}

// plain shows a state as JSON in which a secret is {"secret": …}.
func plain(t *testing.T, st *structpb.Struct) obj {
	t.Helper()
	m, err := plugin.UnmarshalProperties(st, wire())
	must(t, err)
	out := obj{}
	for k, v := range m {
		out[string(k)] = plainValue(v)
	}
	return clone(out)
}

func plainValue(v presource.PropertyValue) any {
	switch {
	case v.IsSecret():
		return obj{"secret": plainValue(v.SecretValue().Element)}
	case v.IsComputed():
		return obj{"computed": true}
	case v.IsObject():
		out := obj{}
		for k, e := range v.ObjectValue() {
			out[string(k)] = plainValue(e)
		}
		return out
	case v.IsArray():
		out := []any{}
		for _, e := range v.ArrayValue() {
			out = append(out, plainValue(e))
		}
		return out
	}
	return v.V
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	must(t, e.Encode(v))
	return b.Bytes()
}
