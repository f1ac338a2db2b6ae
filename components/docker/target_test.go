package docker_test

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/components"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/docker/provider"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local/sandbox"
)

const (
	sum           = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	containerType = "docker:index/container:Container"
	networkType   = "docker:index/network:Network"
	imageType     = "docker:index/image:Image"
	remoteType    = "docker:index/remoteImage:RemoteImage"
)

// mocks stand for the engine: every resource is made as it was asked for, and
// published ports get a number.
type mocks struct {
	mu        sync.Mutex
	resources []pulumi.MockResourceArgs
}

func (m *mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.resources = append(m.resources, args)
	out := args.Inputs.Copy()
	if ports, ok := out["ports"]; ok {
		var published []resource.PropertyValue
		for _, p := range ports.ArrayValue() {
			port := p.ObjectValue().Copy()
			port["external"] = resource.NewProperty(port["internal"].NumberValue() + 40000)
			published = append(published, resource.NewProperty(port))
		}
		out["ports"] = resource.NewProperty(published)
	}
	return args.Name + "-id", out, nil
}

func (*mocks) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func (m *mocks) find(t *testing.T, token, name string) pulumi.MockResourceArgs {
	t.Helper()
	for _, r := range m.resources {
		if r.TypeToken == token && r.Name == name {
			return r
		}
	}
	t.Fatalf("no %s %q in %v", token, name, m.names())
	return pulumi.MockResourceArgs{}
}

// names are all resources as KIND NAME, sorted.
func (m *mocks) names() []string {
	var out []string
	for _, r := range m.resources {
		if strings.HasPrefix(r.TypeToken, "docker:") {
			out = append(out, strings.ToLower(r.TypeToken[strings.LastIndex(r.TypeToken, ":")+1:])+" "+r.Name)
		}
	}
	slices.Sort(out)
	return out
}

var expires = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// settled is a plan with everything that the target treats in a way of its own.
func settled(t *testing.T, change func(*definition.Definition)) *plan.Plan {
	t.Helper()
	user := int64(1000)
	def := &definition.Definition{
		Name: "exp",
		Apps: map[string]definition.App{
			"api": {
				Workload: definition.Workload{
					Image: "x", CPU: 0.25, Memory: 512 << 20, Scratch: 32 << 20, User: &user, Needs: []string{"store"},
					Command: []string{"/api"}, Args: []string{"serve", "-v"}, Env: map[string]string{"LOG": "info"},
					Secrets: map[string]string{"PASSWORD": "db"},
				},
				Ingress: &definition.Ingress{Port: 8080, Public: true},
				Health: &definition.Health{
					Path: "/healthz", Interval: definition.Duration(time.Second), Timeout: definition.Duration(2 * time.Second),
					Retries: 3, Grace: definition.Duration(20 * time.Second),
				},
			},
			"store": {Workload: definition.Workload{Image: "x", CPU: 0.5, Memory: 1 << 30}, Ingress: &definition.Ingress{Port: 6379}},
		},
		Jobs: map[string]definition.Job{"analyze": {Workload: definition.Workload{Image: "x", CPU: 0.25, Memory: 512 << 20}}},
	}
	if change != nil {
		change(def)
	}
	images := map[string]plan.Image{
		"api": {Ref: sum, Tag: "envctl/exp.default/api:1", Build: &plan.Build{
			Context: "/src", Dockerfile: "Dockerfile", Target: "run", Args: map[string]string{"V": "1"}, Source: sum}},
		"store":   {Ref: "redis@" + sum},
		"analyze": {Ref: "mine@" + sum, Keep: true},
	}
	for name := range images {
		_, app := def.Apps[name]
		if _, job := def.Jobs[name]; !app && !job {
			delete(images, name)
		}
	}
	p, err := plan.New(def, plan.Options{Instance: "default", Target: "local", Expires: expires, Images: images})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// register runs the program of a plan and returns what it registered and where
// its apps answer.
func register(t *testing.T, p *plan.Plan) (*mocks, map[string]string) {
	t.Helper()
	m := &mocks{}
	var wg sync.WaitGroup
	var apps string
	program := func(ctx *pulumi.Context) error {
		e, err := components.NewExperiment(ctx, "exp", components.ExperimentArgs{
			Plan: p, Target: &docker.Sandbox{Plan: p, GatewayRef: "envctl/gateway:1", Subnet: subnet, Runtime: "runsc", GatewayRuntime: "runc"},
			Secrets: map[string]components.SecretSource{"db": {Value: "s3cret"}},
		})
		if err != nil {
			return err
		}
		wg.Add(1)
		pulumi.ToOutput(e.Outputs["apps"]).ApplyT(func(v any) any {
			defer wg.Done()
			apps = fmt.Sprint(v)
			return v
		})
		return nil
	}
	if err := pulumi.RunErr(program, pulumi.WithMocks("envctl", "exp.default.local", m)); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	urls := map[string]string{}
	for name := range p.Spec().Workloads {
		app := p.Spec().Workloads[name].Name
		if _, after, ok := strings.Cut(apps, app+":map[image:"); ok {
			_, url, _ := strings.Cut(after, "url:")
			urls[app], _, _ = strings.Cut(url, "]")
		}
	}
	return m, urls
}

// plain is what a property map says, with lists of one-key objects as they are.
func plain(in resource.PropertyMap) map[string]any { return in.Mappable() }

// labels are the labels among a resource's inputs.
func labels(in map[string]any) map[string]string {
	out := map[string]string{}
	list, _ := in["labels"].([]any)
	for _, entry := range list {
		l := entry.(map[string]any)
		out[fmt.Sprint(l["label"])] = fmt.Sprint(l["value"])
	}
	return out
}

// subnet is the range of the tests' network.
var subnet = netip.MustParsePrefix("198.19.7.128/25")

func hostsOf(in map[string]any) (out []string) {
	list, _ := in["hosts"].([]any)
	for _, h := range list {
		entry := h.(map[string]any)
		out = append(out, fmt.Sprint(entry["host"], ":", entry["ip"]))
	}
	return out
}

func volumesOf(in map[string]any) (out []sandbox.Volume) {
	list, _ := in["mounts"].([]any)
	for _, m := range list {
		entry := m.(map[string]any)
		readOnly, _ := entry["readOnly"].(bool)
		out = append(out, sandbox.Volume{Name: fmt.Sprint(entry["source"]), Path: fmt.Sprint(entry["target"]), ReadOnly: readOnly})
	}
	return out
}

// withModels gives api a model, and a way out to one host.
func withModels(d *definition.Definition) {
	api := d.Apps["api"]
	api.Models, api.Egress = []string{"chat"}, []string{"api.github.com"}
	d.Apps["api"] = api
	d.Models = map[string]definition.Model{"chat": {Model: "gpt-4o-mini", SKU: "GlobalStandard", Capacity: 10}}
	d.Targets.Local = &definition.Local{Models: &definition.LocalModels{Provider: "echo"}}
}

// wanted says, for each field of a profile, what the inputs of a container must
// say. A field that is new has to be put here, and into the inputs.
func wanted(p sandbox.Profile, in map[string]any) map[string][2]any {
	const mib = 1 << 20
	var ulimits []any
	for _, u := range p.Ulimits {
		ulimits = append(ulimits, map[string]any{"name": u.Name, "soft": float64(u.Value), "hard": float64(u.Value)})
	}
	capabilities, _ := in["capabilities"].(map[string]any)
	var networks []string
	list, _ := in["networksAdvanced"].([]any)
	for _, n := range list {
		networks = append(networks, fmt.Sprint(n.(map[string]any)["name"]))
	}
	_, publishes := in["ports"]
	return map[string][2]any{
		"Kind":         {"", ""}, // says which profile it is; nothing of the engine's
		"User":         {p.User, in["user"]},
		"Runtime":      {p.Runtime, in["runtime"]},
		"CapDrop":      {p.CapDrop, capabilities["drops"]},
		"SecurityOpts": {p.SecurityOpts, in["securityOpts"]},
		"ReadOnly":     {p.ReadOnly, in["readOnly"]},
		"Init":         {p.Init, in["init"]},
		"Tmpfs":        {p.Tmpfs, in["tmpfs"]},
		"ShmSize":      {p.ShmSize / mib, in["shmSize"]},
		"Memory":       {p.Memory / mib, in["memory"]},
		"MemorySwap":   {p.MemorySwap / mib, in["memorySwap"]},
		"PidsLimit":    {p.PidsLimit, labels(in)[provider.LabelPids]},
		"CPUPeriod":    {p.CPUPeriod, in["cpuPeriod"]},
		"CPUQuota":     {p.CPUQuota, in["cpuQuota"]},
		"OOMScoreAdj":  {p.OOMScoreAdj, labels(in)[provider.LabelOOMScoreAdj]},
		"Ulimits":      {ulimits, in["ulimits"]},
		"IpcMode":      {p.IpcMode, in["ipcMode"]},
		"CgroupnsMode": {p.CgroupnsMode, in["cgroupnsMode"]},
		"Networks":     {p.Networks, networks},
		"DNS":          {p.DNS, in["dns"]},
		"DNSSearch":    {p.DNSSearch, in["dnsSearches"]},
		"DNSOptions":   {p.DNSOptions, in["dnsOpts"]},
		"Sysctls":      {p.Sysctls, in["sysctls"]},
		"Hosts":        {p.Hosts, hostsOf(in)},
		"Volumes":      {p.Volumes, volumesOf(in)},
		"Publish":      {p.Publish, publishes},
		"Restart":      {p.Restart, in["restart"]},
		"MaxRetries":   {p.MaxRetries, in["maxRetryCount"]},
		"LogDriver":    {p.LogDriver, in["logDriver"]},
		"LogOpts":      {p.LogOpts, in["logOpts"]},
	}
}

func TestEveryFieldOfTheProfileIsInTheContainer(t *testing.T) {
	t.Parallel()
	p := settled(t, withModels)
	m, _ := register(t, p)
	gateway, _ := docker.GatewayProfile(p.Spec(), false)
	profiles := map[string]sandbox.Profile{"gateway": gateway}
	for _, w := range p.Spec().Workloads {
		if w.Kind == plan.App {
			profiles[w.Name] = docker.Profile(p.Spec(), w, subnet)
		}
	}
	if len(profiles) != 3 {
		t.Fatalf("profiles of %v", slices.Collect(maps.Keys(profiles)))
	}
	for name, profile := range profiles {
		profile.Runtime = "runsc"
		if name == "gateway" {
			profile.Runtime = "runc" // whatever the apps have
		}
		in := plain(m.find(t, containerType, name).Inputs)
		pairs := wanted(profile, in)
		for _, field := range reflect.VisibleFields(reflect.TypeFor[sandbox.Profile]()) {
			pair, ok := pairs[field.Name]
			if !ok {
				t.Errorf("the profile's %s is not known here", field.Name)
				continue
			}
			if want, got := text(pair[0]), text(pair[1]); want != got {
				t.Errorf("%s: %s is %s in the profile and %s in the container", name, field.Name, want, got)
			}
		}
	}
}

// text writes lists, maps and numbers the same whatever their type; nothing and
// empty are one.
func text(v any) string {
	s := fmt.Sprint(v)
	switch s {
	case "map[]", "[]", "<nil>":
		return ""
	}
	return s
}

// What a hardened container must not have is not asked for either.
func TestNothingWeakensAContainer(t *testing.T) {
	t.Parallel()
	m, _ := register(t, settled(t, nil))
	for _, name := range []string{"api", "store", "gateway"} {
		in := plain(m.find(t, containerType, name).Inputs)
		for _, weak := range []string{
			"privileged", "mounts", "volumes", "devices", "links", "groupAdds", "pidMode", "networkMode", "usernsMode",
			"publishAllPorts", "gpus", "uploads", "storageOpts", "containerReadRefreshTimeoutMilliseconds", "cpuSet",
		} {
			if v, ok := in[weak]; ok && v != false {
				t.Errorf("%s has %s = %v", name, weak, v)
			}
		}
		for _, host := range hostsOf(in) {
			if !strings.HasSuffix(host, ":198.19.7.254") {
				t.Errorf("%s finds %s, which is not the gateway", name, host)
			}
		}
		if capabilities, _ := in["capabilities"].(map[string]any); capabilities["adds"] != nil {
			t.Errorf("%s gets %v", name, capabilities["adds"])
		}
	}
	for _, p := range plain(m.find(t, containerType, "gateway").Inputs)["ports"].([]any) {
		if port := p.(map[string]any); port["ip"] != "127.0.0.1" || port["external"] != nil {
			t.Errorf("the gateway publishes %v", port)
		}
	}
}

func TestNamesLabelsAndContent(t *testing.T) {
	t.Parallel()
	p := settled(t, nil)
	m, urls := register(t, p)
	want := []string{
		"container api", "container gateway", "container store", "image api", "network sandbox",
		"remoteimage gateway", "remoteimage store",
	}
	if got := m.names(); !slices.Equal(got, want) {
		t.Errorf("registered %q, want %q", got, want)
	}
	owner := map[string]string{
		"dev.envctl.experiment": "exp", "dev.envctl.instance": "default", "dev.envctl.target": "local",
		"dev.envctl.expires": "2026-11-24T09:00:00Z",
	}
	for _, tt := range []struct{ token, name, object, kind, component string }{
		{networkType, "sandbox", "envctl.exp.default", "network", ""},
		{containerType, "gateway", "envctl.exp.default.gateway", "gateway", "gateway"},
		{containerType, "api", "envctl.exp.default.api", "app", "api"},
		{containerType, "store", "envctl.exp.default.store", "app", "store"},
	} {
		in := plain(m.find(t, tt.token, tt.name).Inputs)
		got := labels(in)
		all := maps.Clone(owner)
		all["dev.envctl.kind"] = tt.kind
		if tt.component != "" {
			all["dev.envctl.component"] = tt.component
		}
		if tt.kind == "app" {
			all["dev.envctl.plan"] = p.WorkloadHash(tt.name)
		}
		for label, value := range all {
			if got[label] != value {
				t.Errorf("%s: the label %s is %q, want %q", tt.object, label, got[label], value)
			}
		}
		if in["name"] != tt.object {
			t.Errorf("%s is called %v, want %s", tt.name, in["name"], tt.object)
		}
	}
	api := m.find(t, containerType, "api")
	in := plain(api.Inputs)
	for key, value := range map[string]string{
		"image": sum, "hostname": "api", "entrypoints": "[/api]", "command": "[serve -v]", "wait": "true", "mustRun": "true",
	} {
		if fmt.Sprint(in[key]) != value {
			t.Errorf("api: %s is %v, want %s", key, in[key], value)
		}
	}
	if wait, ok := in["waitTimeout"].(float64); !ok || wait < 22 { // grace and timeout; the gateway gives up first
		t.Errorf("api: waits %v seconds", in["waitTimeout"])
	}
	if urls["api"] != "http://127.0.0.1:48001" || urls["store"] != "" {
		t.Errorf("apps answer at %v", urls)
	}
	for _, need := range []string{"::store", "::api"} { // the app it needs, and its image
		if !slices.ContainsFunc(api.RegisterRPC.Dependencies, func(urn string) bool { return strings.HasSuffix(urn, need) }) {
			t.Errorf("api does not wait for %s: %v", need, api.RegisterRPC.Dependencies)
		}
	}
}

func TestSecretsStaySecretInAContainer(t *testing.T) {
	t.Parallel()
	m, _ := register(t, settled(t, nil))
	envs := m.find(t, containerType, "api").Inputs["envs"]
	if !envs.ContainsSecrets() {
		t.Errorf("the variables of api are not secret: %v", envs)
	}
	if store := m.find(t, containerType, "store").Inputs["envs"]; strings.Contains(fmt.Sprint(store), "s3cret") {
		t.Errorf("store has api's secret: %v", store)
	}
	var got []string
	value := envs
	if value.IsSecret() {
		value = value.SecretValue().Element
	}
	for _, v := range value.ArrayValue() {
		if v.IsSecret() {
			v = v.SecretValue().Element
		}
		got = append(got, v.StringValue())
	}
	for _, want := range []string{"PASSWORD=s3cret", "LOG=info", "STORE_URL=http://store", "CONTAINER_APP_PORT=8080", "ENVCTL_TARGET=local"} {
		if !slices.Contains(got, want) {
			t.Errorf("api has not %s: %q", want, got)
		}
	}
	if !slices.IsSorted(got) {
		t.Errorf("the variables are in no fixed order: %q", got)
	}
}

func TestTheGatewayIsMadeOnlyForIngress(t *testing.T) {
	t.Parallel()
	noIngress := settled(t, func(def *definition.Definition) {
		api := def.Apps["api"]
		api.Ingress, api.Health, api.Needs = nil, nil, nil
		def.Apps = map[string]definition.App{"api": api}
		def.Jobs = nil
	})
	m, urls := register(t, noIngress)
	if got := m.names(); !slices.Equal(got, []string{"container api", "image api", "network sandbox"}) || urls["api"] != "" {
		t.Errorf("without ingress: %q, %v", got, urls)
	}
	if in := plain(m.find(t, containerType, "api").Inputs); in["wait"] == true || in["ports"] != nil {
		t.Errorf("an app without ingress is waited for: %v", in["wait"])
	} else if watcher, said := labels(in)["dev.envctl.ready"]; !said || watcher != "" {
		t.Errorf("the image of an app without ingress may say who knows that it is ready: %q, %v", watcher, said)
	}
	private := settled(t, func(def *definition.Definition) {
		def.Apps = map[string]definition.App{"store": def.Apps["store"]}
		def.Jobs = nil
	})
	m, urls = register(t, private)
	if in := plain(m.find(t, containerType, "gateway").Inputs); text(in["ports"]) != "" || urls["store"] != "" {
		t.Errorf("a private app is published: %v, %v", in["ports"], urls)
	}
}

func TestImagesThatDownRemoves(t *testing.T) {
	t.Parallel()
	m, _ := register(t, settled(t, nil))
	in := plain(m.find(t, imageType, "api").Inputs)
	build, _ := in["build"].(map[string]any)
	if in["imageName"] != "envctl/exp.default/api:1" || in["skipPush"] != true || build["context"] != "/src" ||
		build["dockerfile"] != "Dockerfile" || build["target"] != "run" || fmt.Sprint(build["args"]) != "map[V:1]" {
		t.Errorf("the image that is built: %v", in)
	}
	if in := plain(m.find(t, remoteType, "store").Inputs); in["name"] != "redis@"+sum || in["keepLocally"] != false {
		t.Errorf("the image that was pulled: %v", in)
	}
	if slices.Contains(m.names(), "remoteimage analyze") {
		t.Error("an image that was there before would be removed")
	}
	network := plain(m.find(t, networkType, "sandbox").Inputs)
	profile := sandbox.InternalNetwork()
	if network["internal"] != profile.Internal || network["driver"] != profile.Driver || text(network["options"]) != text(profile.Options) ||
		network["attachable"] == true || network["ipv6"] == true {
		t.Errorf("the network: %v", network)
	}
}
