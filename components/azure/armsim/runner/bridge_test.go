package runner_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/envctl/envctl/components/azure/armsim/run"
)

// platform says what it was asked, as the simulator's would see it.
func platform(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s%s of %q\n", r.Host, r.URL.Path, r.Header.Get("X-Identity-Header"))
}

// asking gives a workload an identity and an account with models.
func asking(spec run.Spec) run.Spec {
	spec.Platform, spec.IdentityHeader = http.HandlerFunc(platform), "header-of-"+spec.Name
	spec.Hosts = []string{"one." + run.AccountDomain, "two." + run.AccountDomain}
	return spec
}

const (
	tokens = "http://gateway:4141/msi/token"
	models = "https://two." + run.AccountDomain + "/openai/v1/models"
)

// bridge answers as the simulator's background process does, until the test ends.
func (r *rig) bridge() (end func() error) {
	r.tb.Helper()
	ctx, cancel := context.WithCancel(r.tb.Context())
	done := make(chan error, 1)
	go func() { done <- r.another().Bridge(ctx, http.HandlerFunc(platform)) }()
	end = func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	r.tb.Cleanup(func() {
		if err := end(); err != nil {
			r.tb.Error("the bridge ended with ", err)
		}
	})
	return end
}

// Apps and jobs of an environment find tokens and models through its gateway, with
// what they show; so they do after the gateway was made anew or started again, and
// by another process.
func TestAppsAskThePlatform(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	end := r.bridge()
	api := r.apply(asking(r.app("api")), run.Running)
	ask := func(what string) {
		t.Helper()
		for url, want := range map[string]string{
			tokens: `gateway:4141/msi/token of "header-of-api"`, models: "two." + run.AccountDomain + `/openai/v1/models of "header-of-api"`,
		} {
			got := ""
			for try := 0; try < 50 && got != want; try++ { // what was under way when a process ended fails
				got = strings.TrimSpace(r.get(api, "/get?url="+url))
			}
			if got != want {
				t.Errorf("%s: %s answers %q, expected %q", what, url, got, want)
			}
		}
	}
	ask("at first")
	plain := r.app("plain") // its place at the gateway makes that anew
	r.apply(plain, run.Running)
	ask("another gateway")
	if got := r.get(api, "/get?url=http://plain/"); got != "hello from me\n" {
		t.Errorf("plain answers %q", got)
	}
	gateway := r.gateway()
	if _, err := r.engine.Client().ContainerRestart(t.Context(), gateway.ID, client.ContainerRestartOptions{}); err != nil {
		t.Fatal(err)
	}
	ask("the gateway was started again")
	check(t, end())
	r.bridge()
	ask("another process")
	if got := r.output(asking(r.job("work", "get", models))); !strings.Contains(got, `/openai/v1/models of "header-of-work"`) {
		t.Errorf("a job gets %q", got)
	}
	for _, label := range gateway.Labels {
		if strings.Contains(label, "header-of-") {
			t.Errorf("a label holds a secret: %s", label)
		}
	}
	check(t, r.run.Remove(t.Context(), r.environment))
}

// output is what an execution of a job writes.
func (r *rig) output(spec run.Spec) string {
	r.tb.Helper()
	name, err := r.run.StartJob(r.tb.Context(), spec)
	check(r.tb, err)
	for range 300 {
		e, err := r.run.JobStatus(r.tb.Context(), spec.ID, name)
		check(r.tb, err)
		if e.State != run.Running {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	var out bytes.Buffer
	check(r.tb, r.run.Logs(r.tb.Context(), spec.ID+"/executions/"+name, false, time.Time{}, &out))
	return out.String()
}
