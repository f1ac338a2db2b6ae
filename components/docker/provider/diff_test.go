package provider

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	base := obj{"name": "n", "image": "i", "memory": 64, "labels": []any{obj{"label": "a", "value": "1"}, obj{"label": "b", "value": "2"}}}
	const (
		none    = "none"
		inPlace = "update"
		anew    = "replace"
	)
	for _, tc := range []struct {
		name     string
		old, new obj
		key      string
		want     string
	}{
		{"nothing", base, base, "", none},
		{"order of labels", base, with(base, "labels", []any{obj{"label": "b", "value": "2"}, obj{"label": "a", "value": "1"}}), "", none},
		{"defaults spelled out", base, with(base, "start", true, "mustRun", true, "restart", "no", "networkMode", "bridge", "wait", false,
			"waitTimeout", 60, "removeVolumes", true, "privileged", false, "envs", []any{}, "tmpfs", obj{}), "", none},
		{"state of the official plugin", with(base, "__defaults", []any{"name"}, "start", true), base, "", none},
		{"order of aliases", with(base, "networksAdvanced", []any{obj{"name": "x", "aliases": []any{"b", "a"}}}),
			with(base, "networksAdvanced", []any{obj{"name": "x", "aliases": []any{"a", "b"}}}), "", none},
		{"order of the command", with(base, "command", []any{"a", "b"}), with(base, "command", []any{"b", "a"}), "command", anew},
		{"order of dns", with(base, "dns", []any{"1.1.1.1", "2.2.2.2"}), with(base, "dns", []any{"2.2.2.2", "1.1.1.1"}), "dns", anew},
		{"image", base, with(base, "image", "j"), "image", anew},
		{"label", base, with(base, "labels", []any{obj{"label": "a", "value": "2"}}), "labels", anew},
		{"memory", base, with(base, "memory", 65), "memory", inPlace},
		{"memory limit taken away", base, with(base, "memory", nil), "memory", anew},
		{"cpus added", base, with(base, "cpus", "1"), "cpus", inPlace},
		{"restart added", base, with(base, "restart", "always"), "restart", inPlace},
		{"restart taken away", with(base, "restart", "always"), base, "restart", inPlace},
		{"stopped by hand", with(base, "start", false), base, "start", inPlace},
		{"wait", base, with(base, "wait", true), "wait", inPlace},
		{"read only", base, with(base, "readOnly", true), "readOnly", anew},
		{"capability", base, with(base, "capabilities", obj{"adds": []any{"SYS_ADMIN"}}), "capabilities", anew},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := resourceOf(t, offline(t), "Container", "x")
			r.inputs = marshal(t, resource.NewPropertyMapFromMap(tc.old))
			d := r.diff(tc.new)
			got := none
			if d.Changes == pulumirpc.DiffResponse_DIFF_SOME {
				got = inPlace
			}
			if len(d.Replaces) > 0 {
				got = anew
			}
			if got != tc.want || (tc.key != "" && !slices.Equal(d.Diffs, []string{tc.key})) || d.DeleteBeforeReplace != (tc.want == anew) {
				t.Errorf("%s of %v (delete first: %v), want %s of %q", got, d.Diffs, d.DeleteBeforeReplace, tc.want, tc.key)
			}
			for _, pd := range d.DetailedDiff {
				if !pd.InputDiff {
					t.Error("the difference is not marked as one of the inputs")
				}
			}
		})
	}
}

func TestDiffOfUnknownsAndSecrets(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, offline(t), "Container", "x")
	old := resource.NewPropertyMapFromMap(obj{"image": "i", "name": "n", "envs": []any{"A=1"}})
	r.inputs = marshal(t, old)
	diff := func(in resource.PropertyMap) *pulumirpc.DiffResponse {
		d, err := r.srv.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: r.urn, OldInputs: r.inputs, News: marshal(t, in)})
		must(t, err)
		return d
	}
	secret := old.Copy()
	secret["envs"] = resource.NewProperty([]resource.PropertyValue{resource.MakeSecret(resource.NewProperty("A=1"))})
	if d := diff(secret); len(d.Diffs) > 0 {
		t.Errorf("a value that became secret is a difference: %v", d.Diffs)
	}
	later := old.Copy()
	later["image"] = unknown()
	if d := diff(later); !slices.Equal(d.Replaces, []string{"image"}) {
		t.Errorf("an image that is not known yet: %v", d)
	}
	in := r.inputs
	d, err := r.srv.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: r.urn, OldInputs: in, News: marshal(t, later), IgnoreChanges: []string{"image"}})
	must(t, err)
	if len(d.Diffs) > 0 {
		t.Errorf("ignoreChanges is not kept: %v", d.Diffs)
	}
}

func TestErrorsSayHowToMend(t *testing.T) {
	t.Parallel()
	for engineSays, want := range map[string]string{
		"driver failed programming external connectivity on endpoint x (1): Bind for 127.0.0.1:8080 failed: port is already allocated": "port 127.0.0.1:8080 is in use",
		"driver failed …: Error starting userland proxy: listen tcp4 127.0.0.1:8081: bind: address already in use":                     "port 127.0.0.1:8081 is in use",
		"failed to set up container networking: … failed to bind host port 127.0.0.1:8082/tcp: address already in use":                 "port 127.0.0.1:8082 is in use",
		"Error response from daemon: write /var/lib/docker/tmp/x: no space left on device":                                             "docker system df",
		"invalid reference format: repository name must be lowercase":                                                                  "NAME[:TAG]",
		"No such image: foo:latest": "build or pull it",
		"could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network": "docker network ls",
		"permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock":       "group docker",
	} {
		got := explain(errors.New(engineSays), "unix:///x", "make container \"a\"").Error()
		if !strings.Contains(got, want) || !strings.Contains(got, engineSays) || !strings.HasPrefix(got, `make container "a": `) {
			t.Errorf("%q\nbecomes %q\nwant …%s…", engineSays, got, want)
		}
	}
	if explain(nil, "", "x") != nil {
		t.Error("no error became one")
	}
}
