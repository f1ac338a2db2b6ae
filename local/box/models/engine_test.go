package models_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/box"
	boxmodels "github.com/envctl/envctl/local/box/models"
	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
	"github.com/envctl/envctl/local/isolation"
	"github.com/envctl/envctl/local/isolation/isolationtest"
	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

// caller is the static program of the tests' images.
var caller = dockertest.Program("./testdata/caller")

// rig is a project with models, and a manager of boxes on a real engine.
type rig struct {
	*box.Manager
	t       *testing.T
	project *boxmodels.Project
	image   string
	runtime string
}

// underEach runs a test under each level of isolation.
func underEach(t *testing.T, test func(t *testing.T, c isolation.Choice)) {
	t.Parallel()
	isolationtest.Each(t, dockertest.Engine(t), func(t *testing.T, c isolation.Choice) {
		t.Parallel()
		test(t, c)
	})
}

// newRig has a project with the models chat, other and secret of a server, and a
// budget where 1 pays for a million tokens.
func newRig(t *testing.T, c isolation.Choice, server models.Config) *rig {
	t.Helper()
	e := dockertest.Engine(t)
	own := dockertest.Labels(t, e)
	path := filepath.Join(t.TempDir(), "ledger")
	server.Ledger = ledger.Open(path, ledger.Options{Now: time.Now, Self: "self"})
	server.Models = map[string]models.Model{}
	for _, name := range []string{"chat", "other", "secret"} {
		server.Models[name] = models.Model{
			Model: "gpt-4o", Price: ledger.Price{Input: 1, Output: 1}, Limits: price.Limits{Context: 10_000_000, Output: 4_000_000},
		}
	}
	handler, err := models.New(context.WithoutCancel(t.Context()), server)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, image: dockertest.Image(t, e, own, caller(t)).ID, runtime: c.Runtime,
		Manager: &box.Manager{
			Engine: e, Owner: "here/" + own[dockertest.Label], Gone: func(string) bool { return false }, Labels: own, Most: 40, Now: time.Now,
		},
		project: &boxmodels.Project{
			Experiment: "demo", Instance: "default", Names: []string{"chat", "other", "secret"}, Budget: server.Budget, Ledger: path,
			Handler: handler, Now: time.Now,
		},
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := r.DestroyAll(ctx); err != nil {
			t.Error(err)
		}
		if err := handler.Close(); err != nil {
			t.Error(err)
		}
		r.settled()
		if err := server.Ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// stops is a budget of 10 that stops.
var stops = ledger.Budget{Amount: ledger.Units(10), Currency: "USD", Stop: true}

// settled fails unless nothing is reserved any more.
func (r *rig) settled() {
	r.t.Helper()
	if totals := r.totals(); totals.Reserved != 0 || len(totals.Open) != 0 {
		r.t.Errorf("%s are reserved, calls of %v are open", totals.Reserved, totals.Open)
	}
}

func (r *rig) totals() ledger.Totals {
	r.t.Helper()
	totals, err := ledger.Read(r.project.Ledger, time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return totals
}

// create makes a box that may call some models.
func (r *rig) create(names ...string) string {
	r.t.Helper()
	services, err := r.project.Services(names)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := r.Create(r.t.Context(), box.Spec{
		Image: r.image, Ref: "caller", CPU: 1, Memory: 256 << 20, Storage: 16 << 20, TTL: 10 * time.Minute, Runtime: r.runtime, Services: services,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return b.ID
}

func (r *rig) start(id string, args ...string) *box.Program {
	r.t.Helper()
	p, err := r.Start(r.t.Context(), id, box.Command{Argv: append([]string{"/tool"}, args...)})
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// run runs the caller to its end and returns what it printed.
func (r *rig) run(id string, args ...string) string {
	r.t.Helper()
	p := r.start(id, args...)
	select {
	case <-p.Done():
	case <-time.After(2 * time.Minute):
		r.t.Fatalf("%q does not end", args)
	}
	if err := p.Result().Err; err != nil {
		r.t.Fatal(err)
	}
	return said(p)
}

func said(p *box.Program) string {
	return string(p.Stdout.Window(0, 1<<20).Head) + string(p.Stderr.Window(0, 1<<20).Head)
}

// says waits until a program has printed something.
func (r *rig) says(p *box.Program, text string) {
	r.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !strings.Contains(said(p), text); time.Sleep(20 * time.Millisecond) {
		if p.Ended() || time.Now().After(deadline) {
			r.t.Fatalf("%q does not say %q but %q", p.Argv, text, said(p))
		}
	}
}

// answered fails unless a call is answered; the way to the box may be opening again.
func (r *rig) answered(id string, what string) {
	r.t.Helper()
	var got string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if got = r.run(id, "chat", "chat"); strings.HasPrefix(got, "200 ") && strings.Contains(got, "hello box") {
			return
		}
	}
	r.t.Errorf("%s: %q", what, got)
}

// A program finds its models as an app of a sandbox does, and each call is paid.
func TestProgramsCallModels(t *testing.T) { underEach(t, calls) }

func calls(t *testing.T, c isolation.Choice) {
	r := newRig(t, c, models.Config{Provider: models.ProviderEcho, Budget: stops})
	began := time.Now()
	id := r.create("chat", "other")
	t.Logf("a box with models in %v", time.Since(began))
	began = time.Now()
	for _, how := range []string{"chat", "openai"} {
		for _, model := range []string{"chat", "other"} {
			if got := r.run(id, how, model); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, "hello box") {
				t.Errorf("%s of %s: %q", how, model, got)
			}
		}
	}
	t.Logf("four calls in %v", time.Since(began))
	if got := r.run(id, "env", "AZURE_OPENAI_DEPLOYMENT", "OTHER_DEPLOYMENT", "CHAT_ENDPOINT", "OPENAI_API_VERSION", "NODE_EXTRA_CA_CERTS"); got !=
		"chat other https://models.envctl.internal/ 2024-10-21 /run/envctl/trust/ca.pem   " {
		t.Errorf("variables %q", got)
	}
	if got := r.run(id, "list"); !strings.Contains(got, `"chat"`) || strings.Contains(got, "secret") {
		t.Errorf("the list is %q", got)
	}
	spent := r.totals()
	if n := spent.Apps[boxmodels.App]; n.Calls != 4 || spent.Spent == 0 {
		t.Errorf("the ledger has %+v", spent)
	}
	now, err := r.project.Spending()
	if err != nil || now.Spent != spent.Spent || now.Left != ledger.Units(10)-spent.Spent || !now.Limited || now.Currency != "USD" {
		t.Errorf("%+v, %v", now, err)
	}
}

// What the definition or the box's own list does not allow cannot be had.
func TestWhatIsNotAllowedIsRefused(t *testing.T) { underEach(t, refused) }

func refused(t *testing.T, c isolation.Choice) {
	r := newRig(t, c, models.Config{Provider: models.ProviderEcho, Budget: stops})
	id, other := r.create("chat"), r.create("secret")
	for _, how := range []string{"chat", "openai", "lie"} {
		if got := r.run(id, how, "secret"); !strings.HasPrefix(got, "404 ") || !strings.Contains(got, "DeploymentNotFound") {
			t.Errorf("%s: %q", how, got)
		}
	}
	stolen := r.run(other, "token")
	if got := r.run(id, "with", stolen, "secret"); !strings.HasPrefix(got, "401 ") {
		t.Errorf("the token of another box: %q", got)
	}
	if got := r.run(other, "with", stolen, "secret"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("its own token: %q", got)
	}
	if got := r.run(id, "tap"); !strings.Contains(got, "permission denied") {
		t.Errorf("the stream of what carries connections is written to: %q", got)
	}
	totals := r.totals()
	if n := totals.Apps["api"]; n.Calls+n.Refused != 0 || totals.Models["secret"].Calls != 1 {
		t.Errorf("the ledger has %+v", totals)
	}

	// A call that might exceed the budget is none.
	if got := r.run(id, "chat", "chat", "4000000"); !strings.HasPrefix(got, "200 ") {
		t.Errorf("a dear call that fits: %.200q", got)
	}
	tight := newRig(t, c, models.Config{Provider: models.ProviderEcho, Budget: ledger.Budget{Amount: ledger.Units(1), Currency: "USD", Stop: true}})
	id = tight.create("chat")
	if got := tight.run(id, "chat", "chat", "4000000"); !strings.HasPrefix(got, "429 ") || !strings.Contains(got, "budget_exceeded") {
		t.Errorf("beyond the budget: %q", got)
	}
	tight.answered(id, "within the budget")
}

// What a server answered once is answered again without it, and what it was not asked
// is an error.
func TestAReplayAnswers(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"choices":[{"message":{"role":"assistant","content":"as recorded"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "recording.jsonl")
	record := newRig(t, isolation.Choice{}, models.Config{Provider: models.ProviderReplay, File: file, URL: server.URL + "/v1", Budget: stops})
	if got := record.run(record.create("chat"), "openai", "chat"); !strings.HasPrefix(got, "200 ") {
		t.Fatalf("%q", got)
	}
	server.Close()
	r := newRig(t, isolation.Choice{}, models.Config{Provider: models.ProviderReplay, File: file, Budget: stops})
	id := r.create("chat")
	if got := r.run(id, "openai", "chat"); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, "as recorded") {
		t.Errorf("%q", got)
	}
	if got := r.run(id, "openai", "chat", "17"); !strings.HasPrefix(got, "502 ") || !strings.Contains(got, "not_recorded") {
		t.Errorf("what is not recorded: %q", got)
	}
	if spent := r.totals().Spent; spent != 5000 { // billionths: 5 tokens at 1 a million
		t.Errorf("spent %s", spent)
	}
}

// Whatever hostile code does, the host stays up, what it may have is bounded, and the
// box can call models again.
func TestHostileBoxes(t *testing.T) { underEach(t, hostile) }

func hostile(t *testing.T, c isolation.Choice) {
	r := newRig(t, c, models.Config{Provider: models.ProviderEcho, Budget: ledger.Budget{Amount: ledger.Units(1e6), Currency: "USD", Stop: true}})
	id, bystander := r.create("chat"), r.create("chat")

	if got := r.run(id, "hangup", "chat"); !strings.HasPrefix(got, "200") {
		t.Errorf("a stream: %q", got)
	}
	if got := r.run(id, "noise"); got != "" {
		t.Errorf("noise: %q", got)
	}
	r.answered(id, "after noise")

	crowd := r.start(id, "crowd", "300")
	r.says(crowd, "made")
	r.answered(bystander, "another box beside a crowd")
	if n := runtime.NumGoroutine(); n > 3000 {
		t.Errorf("%d goroutines", n)
	}
	if err := crowd.Kill(t.Context(), box.Cancelled); err != nil {
		t.Fatal(err)
	}
	r.answered(id, "after a crowd")

	deaf := r.start(id, "deaf", "chat")
	r.says(deaf, "asked")
	r.answered(bystander, "another box beside one that does not read")
	if err := deaf.Kill(t.Context(), box.Cancelled); err != nil {
		t.Fatal(err)
	}
	r.answered(id, "after one that did not read")

	if got := r.run(id, "helper", "9"); got != "" {
		t.Errorf("kill what carries connections: %q", got)
	}
	r.answered(id, "after what carries connections was killed")
	const sigstop = "19"
	if got := r.run(id, "helper", sigstop); got != "" {
		t.Errorf("stop what carries connections: %q", got)
	}
	r.answered(bystander, "another box at the end")
}

// The services of a box end with it: nothing runs on the host for a box that is gone.
func TestServicesEndWithTheBox(t *testing.T) {
	t.Parallel()
	r := newRig(t, isolation.Choice{}, models.Config{Provider: models.ProviderEcho, Budget: stops})
	served := make(chan struct{}, 10)
	create := func(ttl time.Duration) string {
		services, err := r.project.Services([]string{"chat"})
		if err != nil {
			t.Fatal(err)
		}
		serve := services.Serve
		services.Serve = func(ctx context.Context, at map[int]net.Listener) error {
			context.AfterFunc(ctx, func() { served <- struct{}{} })
			return serve(ctx, at)
		}
		b, err := r.Create(t.Context(), box.Spec{Image: r.image, CPU: 1, Memory: 64 << 20, TTL: ttl, Services: services})
		if err != nil {
			t.Fatal(err)
		}
		return b.ID
	}
	ended := func(what string) {
		t.Helper()
		select {
		case <-served:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: its services go on", what)
		}
	}
	id := create(10 * time.Minute)
	if _, err := r.Destroy(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ended("a box that was destroyed")
	create(5 * time.Second)
	ended("a box whose time is over")
}

// A box without room for another process, or with a port that is taken, is not made.
func TestABoxWithoutItsServicesIsNotMade(t *testing.T) {
	t.Parallel()
	r := newRig(t, isolation.Choice{}, models.Config{Provider: models.ProviderEcho, Budget: stops})
	services, err := r.project.Services([]string{"chat"})
	if err != nil {
		t.Fatal(err)
	}
	services.Ports = append(services.Ports, services.Ports[0])
	if _, err = r.Create(t.Context(), box.Spec{Image: r.image, CPU: 1, Memory: 64 << 20, TTL: time.Minute, Services: services}); err == nil ||
		!strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
	left, err := r.Engine.Containers(t.Context(), docker.Filter{Labels: map[string]string{box.LabelOwner: r.Owner}})
	if err != nil || len(left) > 0 {
		t.Errorf("%d containers are left, %v", len(left), err)
	}
}
