package local_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/definition"
	target "github.com/envctl/envctl/components/docker"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/local"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/gateway/protocol"
	"github.com/envctl/envctl/stacks"
)

// fakeGateway runs a container that tells what testdata/told recorded.
func fakeGateway(t *testing.T, on *local.Target, ref stacks.Ref) {
	t.Helper()
	own := target.Selector(ref.Experiment, ref.Instance)
	own[dockertest.Label] = ref.Experiment
	image := dockertest.Image(t, on.Engine, own, dockertest.Program("./testdata/told")(t))
	api := on.Engine.Client()
	made, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: target.ContainerName(ref.Experiment, ref.Instance, target.Gateway),
		Config: &container.Config{Image: image.ID, Cmd: []string{"/tool"}, NetworkDisabled: true,
			Labels: labelled(ref, target.LabelKind, target.Gateway, target.LabelComponent, target.Gateway)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	wait := api.ContainerWait(t.Context(), made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case <-wait.Result:
	case err := <-wait.Error:
		t.Fatal(err)
	}
}

// twoApps is a plan of two apps with a model and one without.
func twoApps(t *testing.T) *plan.Plan {
	t.Helper()
	const text = `
name: exp
apps:
  api: {image: 'x:1', models: [chat]}
  idle: {image: 'x:1', models: [chat]}
  store: {image: 'x:1'}
models: {chat: {model: gpt-4o-mini, version: "2024-07-18", sku: GlobalStandard, capacity: 10}}
`
	def, err := definition.Read([]byte(text), definition.ReadOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	image := plan.Image{Ref: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}
	p, err := plan.New(def, plan.Options{Instance: "default", Target: target.Target,
		Images: map[string]plan.Image{"api": image, "idle": image, "store": image}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatTheGatewayTold(t *testing.T) {
	t.Parallel()
	on, ref := ground(t)
	all := local.LogOptions{Tail: -1}
	nobody := func(protocol.Event) error { return nil }
	if err := on.Egress(t.Context(), ref, all, nobody); !errors.As(err, new(*local.NoGatewayError)) {
		t.Errorf("without a gateway: %v", err)
	}
	uses, err := on.Identity(t.Context(), ref, twoApps(t))
	if err != nil || len(uses) != 2 || !uses[0].Unused() || !uses[1].Unused() {
		t.Errorf("identity without a gateway: %+v, %v", uses, err)
	}
	fakeGateway(t, on, ref)
	for name, test := range map[string]struct {
		o    local.LogOptions
		want []string
	}{
		"all": {all, []string{"canary 192.0.2.1:443", "egress pypi.org:443", "egress evil.example:443", "egress 169.254.169.254:80",
			"egress evil.example:443 [2J"}},
		"of an app": {local.LogOptions{App: "api", Tail: -1}, []string{"egress pypi.org:443", "egress evil.example:443"}},
		"the last":  {local.LogOptions{Tail: 2}, []string{"egress 169.254.169.254:80", "egress evil.example:443 [2J"}},
		"none":      {local.LogOptions{Tail: 0}, nil},
		"followed":  {local.LogOptions{App: "store", Tail: -1, Follow: true}, []string{"egress 169.254.169.254:80"}},
		"later":     {local.LogOptions{Tail: -1, Since: time.Now().Add(time.Hour)}, nil},
	} {
		var got []string
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := on.Egress(ctx, ref, test.o, func(e protocol.Event) error { got = append(got, e.Event+" "+e.Host); return nil })
		cancel()
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q, %v", name, got, test.want, err)
		}
	}
	stop := errors.New("enough")
	if err := on.Egress(t.Context(), ref, all, func(protocol.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("who reads has enough: %v", err)
	}
}

func TestWhichRolesWereUsed(t *testing.T) {
	t.Parallel()
	on, ref := ground(t)
	fakeGateway(t, on, ref)
	got, err := on.Identity(t.Context(), ref, twoApps(t))
	if err != nil {
		t.Fatal(err)
	}
	const role = "Cognitive Services OpenAI User"
	at := func(second int) time.Time { return time.Date(2026, 11, 24, 12, 0, second, 0, time.UTC) }
	want := []stacks.IdentityUse{
		{App: "api", Resource: "https://vault.azure.net", Refused: 2, Reason: "it was not given", Last: at(9)},
		{App: "api", Role: role, Resource: "https://cognitiveservices.azure.com", Given: true, Granted: 4, Last: at(7)},
		{App: "idle", Resource: "https://storage.azure.com", Refused: 1, Reason: "it was not given", Last: at(10)},
		{App: "idle", Role: role, Given: true},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}
