package azure_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/names"
	"github.com/envctl/envctl/components/definition"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/azure"
	"github.com/envctl/envctl/stacks/azure/ask/asktest"
)

const (
	sub    = "/subscriptions/0000"
	group  = sub + "/resourceGroups/envctl-exp-default"
	apps   = group + "/providers/Microsoft.App/containerApps"
	jobs   = group + "/providers/Microsoft.App/jobs"
	digest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
	// storageName is the name of the plan's storage account.
	storageName = "expnoczzk5mqtzi5"
	other       = "sha256:3333333333333333333333333333333333333333333333333333333333333333"
	ours        = `"dev.envctl.experiment":"exp","dev.envctl.instance":"default"`
)

var ref = stacks.Ref{Experiment: "exp", Instance: "default", Target: "azure"}

// client is a Resource Manager of a test with the data planes beside it.
type client struct {
	*asktest.Manager
	http      *http.Client
	endpoint  string
	simulated bool
}

func (c *client) Token(context.Context, string) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "aad"}, nil
}
func (c *client) HTTPClient() *http.Client { return c.http }

// Stream sends without asking again.
func (c *client) Stream(ctx context.Context, method, target string, header http.Header, body io.ReadSeeker) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil || body != nil {
		return nil, errors.Join(err, errors.New("nothing is sent with a body"))
	}
	r.Header = header
	answer, err := c.http.Do(r)
	if err != nil || answer.StatusCode < 300 {
		return answer, err
	}
	answer.Body.Close()
	return nil, &arm.Error{StatusCode: answer.StatusCode, Code: answer.Header.Get("x-ms-error-code")}
}
func (c *client) Subscription() string { return "0000" }
func (c *client) Endpoint() string     { return c.endpoint }
func (c *client) Cloud() arm.Cloud     { return arm.Cloud{} }
func (c *client) Simulated() bool      { return c.simulated }

// clock is one that waits in no time.
type clock struct {
	mu     sync.Mutex
	at     time.Time
	waited []time.Duration
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.waited = append(c.waited, d)
	c.mu.Unlock()
	time.Sleep(100 * time.Microsecond) // others get their turn
	return context.Cause(ctx)
}

func newTarget() (*azure.Target, *client, *clock) {
	c := &client{Manager: asktest.New(), http: http.DefaultClient, simulated: true}
	k := &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	return &azure.Target{Client: c, Now: k.now, Wait: k.wait}, c, k
}

func define() *definition.Definition {
	w := definition.Workload{CPU: 0.5, Memory: 1 << 30, Env: map[string]string{"LEVEL": "info"}, Image: "example.com/api@" + digest}
	job := w
	job.Args = []string{"all"}
	return &definition.Definition{
		Name:    "exp",
		Apps:    map[string]definition.App{"api": {Workload: w, Ingress: &definition.Ingress{Port: 8080, Public: true}, Health: &definition.Health{Path: "/healthz"}, Scale: definition.Scale{Min: 0, Max: 2, Concurrency: 10}}},
		Jobs:    map[string]definition.Job{"sum": {Workload: job, Timeout: definition.Duration(10 * time.Minute), Retries: 1, Outputs: "/out"}},
		Targets: definition.Targets{Azure: &definition.Azure{Location: "swedencentral"}},
	}
}

func planOf(t *testing.T, def *definition.Definition) *plan.Plan {
	t.Helper()
	images := map[string]plan.Image{}
	for name := range def.Apps {
		images[name] = plan.Image{Ref: "example.com/api@" + digest, Digest: digest}
	}
	for name := range def.Jobs {
		images[name] = plan.Image{Ref: "example.com/api@" + digest, Digest: digest}
	}
	p, err := plan.New(def, plan.Options{Instance: "default", Target: plan.Azure, Images: images})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// container is the container of a workload as Azure answers.
const container = `{"name":"NAME","image":"r.azurecr.io/exp/NAME@` + digest + `","resources":{"cpu":0.5,"memory":"1.0Gi"},"env":[{"name":"LEVEL","value":"info"},{"name":"MORE","value":"x"}]ARGS}`

func missing(path string) error { return asktest.Missing(path) }

// registryName is the name of the plan's registry, which has a hash in it.
func registryName(t *testing.T) string {
	t.Helper()
	return names.New(names.Owner{Subscription: "0000", Experiment: "exp", Instance: "default"}, false).Registry
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// registryAccount is the name of the plan's account.
func registryAccount(t *testing.T) string {
	t.Helper()
	return names.New(names.Owner{Subscription: "0000", Experiment: "exp", Instance: "default"}, false).Account
}
