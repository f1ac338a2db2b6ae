package armsim_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/envctl/envctl/components/azure/armsim"
	"github.com/envctl/envctl/components/azure/armsim/run"
)

// watch is a clock that a test sets.
type watch struct {
	mu  sync.Mutex
	now time.Time
}

func (w *watch) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *watch) set(at string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now, _ = time.Parse(time.RFC3339, at)
}

func scheduled(cron string, env ...any) object {
	return object{"location": "swedencentral", "properties": object{
		"environmentId": envPath, "configuration": object{"triggerType": "Schedule", "replicaTimeout": 60, "replicaRetryLimit": 0,
			"scheduleTriggerConfig": object{"cronExpression": cron, "parallelism": 1, "replicaCompletionCount": 1}},
		"template": object{"containers": []any{object{"name": "load", "image": "public.example/x:1", "env": env,
			"resources": object{"cpu": 0.25, "memory": "0.5Gi"}}}},
	}}
}

// learn.microsoft.com, container-apps/jobs, "Scheduled jobs": cron expressions of
// five fields, evaluated in UTC.
func TestSchedulesStartJobs(t *testing.T) {
	t.Parallel()
	clock, fake := &watch{}, newRunner()
	clock.set("2026-11-02T05:58:30+01:00") // a Monday, 04:58:30 in UTC
	options := armsim.Options{Dir: t.TempDir(), Runner: fake, Now: clock.Now, TokenLifetime: 240 * time.Hour}
	c := start(t, options)
	c.ground()
	c.put(jobPath, scheduled("0 5 * * MON-FRI"))
	// The steward's program cannot reach Resource Manager, so it is not started.
	c.put(group+"/providers/Microsoft.App/jobs/envctl-stop", scheduled("* * * * *", object{"name": "ENVCTL_RESOURCE_MANAGER", "value": "https://management.azure.com"}))
	beside, err := armsim.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := beside.Scheduled(); err != nil || !found {
		t.Errorf("no job waits for its time: %v", err)
	}
	first, err := beside.Schedules(t.Context(), http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Close)
	second, err := beside.Schedules(t.Context(), http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(second.Close)
	for _, look := range []struct {
		at   string
		want int
	}{
		{"2026-11-02T04:59:59Z", 0},
		{"2026-11-02T05:00:00Z", 1},
		{"2026-11-02T05:00:59Z", 0},
		{"2026-11-03T04:59:00Z", 0},
		{"2026-11-03T05:01:00Z", 1}, // a minute late
		{"2026-11-04T12:00:00Z", 0}, // the machine slept: not made up for
		{"2026-11-07T05:00:00Z", 0}, // a Saturday
	} {
		clock.set(look.at)
		n, err := first.Look()
		if again, _ := second.Look(); n != look.want || again != 0 || err != nil {
			t.Errorf("at %s %d jobs were started and %d by another process, want %d and none (%v)", look.at, n, again, look.want, err)
		}
	}
	// What was started is an execution like any other: the runner has run it.
	eventually(t, func() bool {
		got, err := c.get(jobPath + "/executions")
		list, _ := got["value"].([]any)
		if err != nil || len(list) != 2 {
			t.Fatalf("%v, %v", got, err)
		}
		return text(list[0], "properties", "status") == "Failed" && text(list[1], "properties", "status") == "Failed" // as the fake's do
	})
	fake.mu.Lock()
	defer fake.mu.Unlock()
	if len(fake.jobs) != 2 {
		t.Errorf("the runner was given %v", fake.jobs)
	}
	for _, e := range fake.jobs {
		if e.State != run.Failed {
			t.Errorf("%+v", e)
		}
	}
}

func TestCronIsChecked(t *testing.T) {
	t.Parallel()
	c := start(t, armsim.Options{})
	c.ground()
	for cron, ok := range map[string]bool{
		"*/15 0-6 1,15 JAN-MAR 0": true, "0 5 * *": false, "61 * * * *": false, "@hourly": false, "CRON_TZ=Europe/Berlin * * * *": false,
	} {
		_, err := c.poll(http.MethodPut, jobPath, "2024-03-01", scheduled(cron))
		if ok != (err == nil) {
			t.Errorf("%q: %v", cron, err)
		}
		if !ok {
			wantError(t, err, http.StatusBadRequest, "JobInvalidCronExpression")
		}
	}
}
