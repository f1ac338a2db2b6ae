package provider

import (
	"reflect"
	"strings"
	"testing"

	"github.com/moby/moby/client"
	docker "github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// offline is a server whose engine is not there: what the tests here ask must
// be answered without one.
func offline(t *testing.T) pulumirpc.ResourceProviderServer {
	t.Helper()
	c, err := client.New(client.WithHost("unix:///nonexistent/docker.sock"))
	must(t, err)
	srv, err := New(Options{Client: c})
	must(t, err)
	return srv
}

// Every input of the official provider is either implemented or refused with
// the way out; none is accepted and ignored.
func TestEveryOfficialInputIsKnownOrRefused(t *testing.T) {
	t.Parallel()
	refused := map[string][]string{
		"Network": {}, "Volume": {"cluster"}, "RemoteImage": {"build"}, "Image": {"registry"},
		"Container": {"uploads", "containerReadRefreshTimeoutMilliseconds"},
	}
	for typ, args := range map[string]reflect.Type{
		"Network": reflect.TypeFor[docker.NetworkArgs](), "Volume": reflect.TypeFor[docker.VolumeArgs](),
		"Container": reflect.TypeFor[docker.ContainerArgs](), "RemoteImage": reflect.TypeFor[docker.RemoteImageArgs](),
		"Image": reflect.TypeFor[docker.ImageArgs](),
	} {
		var got []string
		official := map[string]bool{}
		r := resourceOf(t, offline(t), typ, "x")
		for i := range args.NumField() {
			prop := strings.ToLower(args.Field(i).Name[:1]) + args.Field(i).Name[1:]
			official[prop] = true
			_, fails := r.check(resource.PropertyMap{resource.PropertyKey(prop): unknown()})
			for _, f := range fails {
				if f.Property == prop && strings.Contains(f.Reason, "ENVCTL_PROVIDERS=official") {
					got = append(got, prop)
				}
			}
		}
		for _, prop := range got {
			if !strings.Contains(strings.Join(refused[typ], " "), prop) {
				t.Errorf("%s.%s is refused and not listed here", typ, prop)
			}
		}
		if len(got) != len(refused[typ]) {
			t.Errorf("%s refuses %v, want %v", typ, got, refused[typ])
		}
		for _, prop := range newKinds(Options{Client: &client.Client{}})[r.urnType()].names() {
			if !official[prop] {
				t.Errorf("%s.%s is no input of the official provider", typ, prop)
			}
		}
	}
}

// Every implemented property of a container reaches the engine or is one that
// the provider acts on by itself.
func TestEveryContainerPropertyHasAnEffect(t *testing.T) {
	t.Parallel()
	own := map[string]bool{"attach": true, "destroyGraceSeconds": true, "logs": true, "mustRun": true, "removeVolumes": true,
		"start": true, "wait": true, "waitTimeout": true}
	plain, err := containerInputs{Image: "i"}.spec()
	must(t, err)
	typ := reflect.TypeFor[containerInputs]()
	for i := range typ.NumField() {
		name, _ := tag(typ.Field(i))
		if own[name] {
			continue
		}
		in := containerInputs{Image: "i"}
		if example(reflect.ValueOf(&in).Elem().Field(i)); in.Cpus != "" {
			in.Cpus = "1"
		}
		got, err := in.spec()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if reflect.DeepEqual(got, plain) {
			t.Errorf("%s has no effect", name)
		}
	}
}

// example fills a field with something that is valid wherever it may stand.
func example(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("all") // gpus takes no other
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k": "v"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Type() == reflect.TypeFor[*healthcheck]() {
			v.Elem().Field(4).Set(reflect.ValueOf([]string{"NONE"}))
			return
		}
		example(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			example(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		switch e := v.Index(0).Addr().Interface().(type) {
		case *networkAttach:
			*e = networkAttach{Name: "n"}
		case *portInput:
			*e = portInput{Internal: 80}
		case *mountInput:
			*e = mountInput{Type: "tmpfs", Target: "/t"}
		case *volumeAttach:
			*e = volumeAttach{VolumeName: "v", ContainerPath: "/v"}
		case *string:
			*e = "192.0.2.1" // dns takes addresses
		default:
			example(v.Index(0))
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	base := obj{"image": "i", "name": "n"}
	for _, tc := range []struct {
		typ            string
		in             obj
		property, says string
	}{
		{"Container", with(base, "image", nil), "image", "required"},
		{"Container", with(base, "memori", 1), "memori", "ENVCTL_PROVIDERS=official"},
		{"Container", with(base, "memory", "64m"), "memory", "is a string, expected a number"},
		{"Container", with(base, "cpuShares", 1.5), "cpuShares", "is the number 1.5, expected a whole number"},
		{"Container", with(base, "envs", []any{"A=1", 2}), "envs[1]", "expected a string"},
		{"Container", with(base, "ports", []any{obj{"internal": 80, "hostname": "x"}}), "ports[0].hostname", "not implemented"},
		{"Container", with(base, "ports", []any{obj{"external": 80}}), "ports[0].internal", "required"},
		{"Container", with(base, "ports", []any{obj{"internal": 80, "ip": "localhost"}}), "ports[0].ip", `"localhost" is not an IP address`},
		{"Container", with(base, "ports", []any{obj{"internal": 80000}}), "ports[0]", "80000"},
		{"Container", with(base, "cpus", "many"), "cpus", `"many"`},
		{"Container", with(base, "cpus", "-1"), "cpus", `"-1"`},
		{"Container", with(base, "dns", []any{"dns.example"}), "dns[0]", `"dns.example"`},
		{"Container", with(base, "labels", labels("x", LabelPids, "lots")), "labels", `"lots"`},
		{"Container", with(base, "labels", labels("x", LabelOOMScoreAdj, "1001")), "labels", `"1001"`},
		{"Container", with(base, "healthcheck", obj{"tests": []any{"NONE"}, "interval": "5"}), "healthcheck.interval", `"5"`},
		{"Container", with(base, "restart", "sometimes"), "restart", "sometimes"},
		{"Container", with(base, "logs", true), "logs", "attach"},
		{"Container", with(base, "gpus", "2"), "gpus", `"2"`},
		{"Container", with(base, "volumes", []any{obj{"containerPath": "/x"}}), "volumes[0]", "names no source"},
		{"Container", with(base, "mounts", []any{obj{"type": "npipe", "target": "/x"}}), "mounts[0]", `"npipe"`},
		{"Container", with(base, "networksAdvanced", []any{obj{"name": "n", "ipv4Address": "x"}}), "networksAdvanced[0]", `"x"`},
		{"Network", obj{"checkDuplicate": false}, "checkDuplicate", "leave it out"},
		{"Network", obj{"ipamConfigs": []any{obj{"subnet": "10.0.0.0"}}}, "ipamConfigs[0]", `"10.0.0.0"`},
		{"RemoteImage", obj{"name": "Not A Name"}, "name", `"Not A Name"`},
		{"Image", obj{"imageName": "a:0123456789abcdef"}, "skipPush", "ENVCTL_PROVIDERS=official"},
		{"Image", obj{"imageName": "a:latest", "skipPush": true}, "imageName", "hash of the image's sources"},
		{"Image", obj{"imageName": "a:0123456789abcdef", "skipPush": true, "build": obj{"network": "host"}}, "build.network", "not implemented"},
		{"Image", obj{"imageName": "a:0123456789abcdef", "skipPush": true, "build": obj{"builderVersion": "BuilderV1"}}, "build.builderVersion", "BuilderV1"},
		{"Image", obj{"imageName": "a:0123456789abcdef", "skipPush": true, "buildOnPreview": true}, "buildOnPreview", "preview"},
	} {
		_, fails := resourceOf(t, offline(t), tc.typ, "x").check(resource.NewPropertyMapFromMap(tc.in))
		found := false
		for _, f := range fails {
			found = found || f.Property == tc.property && strings.Contains(f.Reason, tc.says)
		}
		if !found {
			t.Errorf("%s %v: failures %v, want %s: …%s…", tc.typ, tc.in, fails, tc.property, tc.says)
		}
	}
}

func TestNameThatIsNotGiven(t *testing.T) {
	t.Parallel()
	r := resourceOf(t, offline(t), "Network", "net")
	first, _ := r.check(resource.PropertyMap{})
	second, _ := r.check(resource.PropertyMap{})
	name := unmarshal(t, first)["name"].StringValue()
	if !strings.HasPrefix(name, "net-") || name != unmarshal(t, second)["name"].StringValue() {
		t.Errorf("names %q and %v: expected the same both times, so that what a crash leaves is found", name, second)
	}
	r.inputs = marshal(t, resource.NewPropertyMapFromMap(obj{"name": "net-f00"}))
	if kept, _ := r.check(resource.PropertyMap{}); unmarshal(t, kept)["name"].StringValue() != "net-f00" {
		t.Errorf("the name in the state was not kept: %v", kept)
	}
}

func TestWhatIsNotImplemented(t *testing.T) {
	t.Parallel()
	srv := offline(t)
	_, err := srv.Check(t.Context(), &pulumirpc.CheckRequest{Urn: "urn:pulumi:dev::proj::docker:index/plugin:Plugin::x"})
	if err == nil || !strings.Contains(err.Error(), "ENVCTL_PROVIDERS=official") || !strings.Contains(err.Error(), "docker:index/plugin:Plugin") {
		t.Errorf("type: %v", err)
	}
	_, err = srv.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "docker:index/getNetwork:getNetwork"})
	if err == nil || !strings.Contains(err.Error(), "ENVCTL_PROVIDERS=official") {
		t.Errorf("function: %v", err)
	}
	_, err = srv.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: marshal(t, resource.NewPropertyMapFromMap(obj{"host": "ssh://x", "version": "4"}))})
	if err == nil || !strings.Contains(err.Error(), "docker:host") {
		t.Errorf("configuration: %v", err)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("New without a client succeeds")
	}
}

func TestEngineThatIsNotThere(t *testing.T) {
	t.Parallel()
	err := resourceOf(t, offline(t), "Container", "x").create(obj{"image": "i"})
	if err == nil || !strings.Contains(err.Error(), "sudo systemctl start docker") || !strings.Contains(err.Error(), "/nonexistent/docker.sock") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkNew(b *testing.B) {
	c, err := client.New(client.WithHost("unix:///nonexistent/docker.sock"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := New(Options{Client: c}); err != nil {
			b.Fatal(err)
		}
	}
}
