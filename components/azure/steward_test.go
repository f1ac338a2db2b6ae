package azure_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/azure/steward/duty"
)

// steward runs a mode as the job that the program made would, with the login of
// the caller in place of the identity's.
func (l *live) steward(t *testing.T, mode string, env map[string]string) string {
	t.Helper()
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := l.client.Token(r.Context(), r.URL.Query().Get("resource")+"/.default")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"access_token": %q}`, token.Token)
	}))
	t.Cleanup(identity.Close)
	all := map[string]string{
		"IDENTITY_ENDPOINT": identity.URL, duty.EnvManager: l.client.Endpoint(), duty.EnvDeadline: "20s",
		duty.EnvAudience: strings.TrimSuffix(l.client.Cloud().ManagementScope(), "/.default"),
		duty.EnvGroup:    l.ids["ResourceGroup group"],
	}
	for name, value := range env {
		all[name] = value
	}
	var out bytes.Buffer
	s := duty.Steward{
		Getenv: func(name string) string { return all[name] }, Out: &out, HTTP: l.client.HTTPClient(), Now: later, Sleep: duty.Sleep,
	}
	if status := s.Main(t.Context(), []string{mode}); status != 0 {
		t.Fatalf("%s: status %d:\n%s", mode, status, out.String())
	}
	return out.String()
}

// later is a clock at which every scenario has expired.
func later() time.Time { return time.Now().AddDate(5, 0, 0) }

// What the steward does has its effect on what the program made: apps stop while
// the budget is used up, and after the expiry nothing of the group is left.
func TestStewardAtTheSimulator(t *testing.T) {
	t.Parallel()
	l, sim := newLive(t)
	if _, err := scenarios()["full"].runOn(t, l, l.prepare); err != nil {
		t.Fatal(err)
	}
	state := func(app string) any {
		o, err := l.client.Get(t.Context(), l.ids["ContainerApp "+app], "2025-01-01")
		must(t, err)
		return o["properties"].(map[string]any)["runningStatus"]
	}
	budget := map[string]string{duty.EnvBudget: l.ids["Budget budget"]}
	must(t, sim.SetSpend(0.99))
	if out := l.steward(t, duty.Stop, budget); state("api") != "Running" {
		t.Errorf("below the budget the app is %v:\n%s", state("api"), out)
	}
	must(t, sim.SetSpend(1))
	out := l.steward(t, duty.Stop, budget)
	for _, app := range []string{"api", "my-store", "worker"} {
		if state(app) != "Stopped" {
			t.Errorf("over budget %s is %v:\n%s", app, state(app), out)
		}
	}
	if again := l.steward(t, duty.Stop, budget); strings.Contains(again, "stopped api") {
		t.Errorf("what is stopped is stopped once more:\n%s", again)
	}
	l.steward(t, duty.Expire, map[string]string{duty.EnvExpires: later().Add(time.Hour).Format(time.RFC3339)})
	group := l.ids["ResourceGroup group"]
	if _, err := l.client.Get(t.Context(), group, "2022-09-01"); err != nil {
		t.Fatalf("before its time: %v", err)
	}
	l.steward(t, duty.Expire, map[string]string{duty.EnvExpires: "2026-02-01T20:00:00Z"})
	for range 200 { // the group goes after the steward has seen that it will
		if _, err := l.client.Get(t.Context(), group, "2022-09-01"); arm.IsNotFound(err) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := l.client.Get(t.Context(), group, "2022-09-01"); !arm.IsNotFound(err) {
		t.Errorf("after its time: %v", err)
	}
}
