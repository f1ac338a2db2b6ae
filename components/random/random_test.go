package random_test

import (
	"math"
	"strings"
	"testing"

	presource "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	pbempty "google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/envctl/envctl/components/random"
)

const urn = "urn:pulumi:a.b.local::envctl::random:index/randomPassword:RandomPassword::db"

var wire = plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true}

func server(t *testing.T) pulumirpc.ResourceProviderServer {
	t.Helper()
	s, err := random.New()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Configure(t.Context(), &pulumirpc.ConfigureRequest{AcceptSecrets: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

func inputs(t *testing.T, props map[string]any) *structpb.Struct {
	t.Helper()
	out, err := plugin.MarshalProperties(presource.NewPropertyMapFromMap(props), wire)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// create makes a password and returns what is recorded of it.
func create(t *testing.T, s pulumirpc.ResourceProviderServer, length int, preview bool) presource.PropertyMap {
	t.Helper()
	made, err := s.Create(t.Context(), &pulumirpc.CreateRequest{
		Urn: urn, Properties: inputs(t, map[string]any{"length": length, "special": false}), Preview: preview,
	})
	if err != nil {
		t.Fatal(err)
	}
	props, err := plugin.UnmarshalProperties(made.Properties, wire)
	if err != nil {
		t.Fatal(err)
	}
	return props
}

func TestPasswordsAreRandomAndSecret(t *testing.T) {
	t.Parallel()
	s := server(t)
	seen := map[string]bool{}
	counts := map[rune]int{}
	const n, length = 200, 64
	for range n {
		result := create(t, s, length, false)["result"]
		if !result.IsSecret() {
			t.Fatal("a password is recorded in clear")
		}
		value := result.SecretValue().Element.StringValue()
		if len(value) != length || seen[value] {
			t.Fatalf("%q has %d characters, or comes twice", value, len(value))
		}
		seen[value] = true
		for _, c := range value {
			counts[c]++
		}
	}
	// 12,800 draws of 62 characters: each about 206 times, with a deviation of 14.
	mean := float64(n*length) / 62
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" {
		if off := math.Abs(float64(counts[c]) - mean); off > 8*math.Sqrt(mean) {
			t.Errorf("%q comes %d times, %.0f are expected", c, counts[c], mean)
		}
		delete(counts, c)
	}
	if len(counts) > 0 {
		t.Errorf("characters that need quoting somewhere: %v", counts)
	}
}

func TestAPreviewMakesNoPassword(t *testing.T) {
	t.Parallel()
	result := create(t, server(t), 16, true)["result"]
	if !result.ContainsUnknowns() || !result.IsSecret() {
		t.Errorf("a preview has the result %v", result)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := server(t)
	for name, tt := range map[string]struct {
		props map[string]any
		want  string // in the reason of the only failure; empty: none
	}{
		"right":          {map[string]any{"length": 16, "special": false}, ""},
		"the longest":    {map[string]any{"length": 1024, "special": false}, ""},
		"no length":      {map[string]any{"special": false}, "1 to 1024"},
		"too short":      {map[string]any{"length": 0, "special": false}, "1 to 1024"},
		"too long":       {map[string]any{"length": 1025, "special": false}, "1 to 1024"},
		"no whole":       {map[string]any{"length": 2.5, "special": false}, "1 to 1024"},
		"with specials":  {map[string]any{"length": 16, "special": true}, "special must be false"},
		"others' inputs": {map[string]any{"length": 16, "special": false, "minUpper": 1}, "ENVCTL_PROVIDERS=official"},
	} {
		got, err := s.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn, News: inputs(t, tt.props)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tt.want == "" && len(got.Failures) > 0 ||
			tt.want != "" && (len(got.Failures) != 1 || !strings.Contains(got.Failures[0].Reason, tt.want)) {
			t.Errorf("%s: %v, want %q", name, got.Failures, tt.want)
		}
	}
	other := strings.Replace(urn, "randomPassword:RandomPassword", "randomPet:RandomPet", 1)
	if _, err := s.Check(t.Context(), &pulumirpc.CheckRequest{Urn: other, News: inputs(t, nil)}); err == nil ||
		!strings.Contains(err.Error(), "RandomPet") {
		t.Errorf("another type: %v", err)
	}
}

func TestAPasswordStaysUntilItsLengthChanges(t *testing.T) {
	t.Parallel()
	s := server(t)
	old := inputs(t, map[string]any{"length": 16, "special": false})
	for length, want := range map[int]pulumirpc.DiffResponse_DiffChanges{
		16: pulumirpc.DiffResponse_DIFF_NONE, 17: pulumirpc.DiffResponse_DIFF_SOME,
	} {
		got, err := s.Diff(t.Context(), &pulumirpc.DiffRequest{
			Urn: urn, Id: "none", Olds: old, OldInputs: old, News: inputs(t, map[string]any{"length": length, "special": false}),
		})
		if err != nil || got.Changes != want || (len(got.Replaces) > 0) != (length == 17) {
			t.Errorf("length %d: %v, %v", length, got, err)
		}
	}
	recorded := inputs(t, map[string]any{"length": 16, "special": false, "result": "kept"})
	read, err := s.Read(t.Context(), &pulumirpc.ReadRequest{Urn: urn, Id: "none", Properties: recorded, Inputs: old})
	if err != nil || read.Id != "none" || read.Properties.Fields["result"].GetStringValue() != "kept" {
		t.Errorf("read: %v, %v", read, err)
	}
	if _, err := s.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn, Id: "none", Properties: recorded}); err != nil {
		t.Errorf("delete: %v", err)
	}
}

func TestItSaysWhichVersionItStandsFor(t *testing.T) {
	t.Parallel()
	info, err := server(t).GetPluginInfo(t.Context(), &pbempty.Empty{})
	if err != nil || info.Version != random.Version {
		t.Errorf("%v, %v", info, err)
	}
}
