package azure_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/envctl/envctl/components/azure/arm"
	"github.com/envctl/envctl/components/plan"
	"github.com/envctl/envctl/stacks/azure"
	"github.com/envctl/envctl/stacks/azure/ask"
)

// plane is the data plane of Container Apps and Log Analytics: it answers with the
// log stream of a path, and notes what it was asked.
type plane struct {
	mu      sync.Mutex
	streams map[string]string // by the end of the path
	history string            // rows of Log Analytics, as JSON
	asked   []string
}

func newPlane(t *testing.T, c *client) *plane {
	t.Helper()
	p := &plane{streams: map[string]string{}}
	server := httptest.NewTLSServer(p)
	t.Cleanup(server.Close)
	c.http, c.endpoint = server.Client(), server.URL
	return p
}

func (p *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	p.asked = append(p.asked, r.URL.Path+" "+r.Header.Get("Authorization")+" "+r.URL.RawQuery+string(body))
	switch {
	case strings.HasPrefix(r.URL.Path, "/loganalytics/v1/workspaces/W/query"):
		_, _ = fmt.Fprintf(w, `{"tables":[{"columns":[{"name":"TimeGenerated"},{"name":"Stream_s"},{"name":"Log_s"}],"rows":[%s]}]}`, p.history)
	case strings.HasSuffix(r.URL.Path, "/exec"):
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		_ = conn.Write(r.Context(), websocket.MessageBinary, []byte("\x00\x01hello\r\n"))
		_ = conn.Write(r.Context(), websocket.MessageBinary, []byte("\x02command terminated with exit code 4"))
	default:
		for end, text := range p.streams {
			if strings.HasSuffix(r.URL.Path, end) {
				_, _ = io.WriteString(w, text)
				return
			}
		}
		http.NotFound(w, r)
	}
}

func line(second int, text string) string {
	return fmt.Sprintf(`{"TimeStamp":"2026-11-24T11:00:%02dZ","Log":"%s"}`+"\n", second, text)
}

func row(second int, text string) string {
	return fmt.Sprintf(`["2026-11-24T11:00:%02dZ","stderr","%s"]`, second, text)
}

// token answers getAuthtoken with the plane's address.
func token(c *client) func(any) (ask.Object, error) {
	return func(any) (ask.Object, error) {
		return ask.Object{"properties": map[string]any{"token": "console", "logStreamEndpoint": c.endpoint + "/subscriptions/0000/x"}}, nil
	}
}

// running is an experiment whose app runs with one replica, and its data plane.
func running(t *testing.T) (*azure.Target, *client, *plane, *plan.Plan) {
	t.Helper()
	target, c, _ := newTarget()
	p := planOf(t, define())
	up(p, c, registryName(t))
	c.Lists(apps+"/api/revisions/api--r1/replicas", `{"name":"x","properties":{"containers":[{"name":"api"}]}}`)
	c.Has(group+"/providers/Microsoft.App/managedEnvironments/exp-default", `{"properties":{"appLogsConfiguration":{"logAnalyticsConfiguration":{"customerId":"W"}}}}`)
	c.Answers(apps+"/api/getAuthtoken", token(c))
	return target, c, newPlane(t, c), p
}

// The last lines come from the stream, older ones from Log Analytics, in order and
// none of them twice.
func TestLogs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options azure.LogOptions
		want    string
		history bool // is asked
	}{
		"all":       {azure.LogOptions{Tail: -1}, "old1 old2 new1 new2", true},
		"last two":  {azure.LogOptions{Tail: 2}, "new1 new2", false},
		"last":      {azure.LogOptions{Tail: 1}, "new2", false},
		"last five": {azure.LogOptions{Tail: 5}, "old1 old2 new1 new2", true},
		"none":      {azure.LogOptions{Tail: 0}, "", false},
		"of one":    {azure.LogOptions{App: "api", Tail: 2}, "new1 new2", false},
	} {
		target, _, p, _ := running(t)
		p.streams["/api/logstream"] = line(30, "new1") + line(31, "new2")
		p.history = row(1, "old1") + "," + row(2, "old2")
		var got []string
		err := target.Logs(t.Context(), ref, c.options, func(l azure.Line) error {
			if l.App != "api" || l.Time.IsZero() || strings.HasPrefix(l.Text, "old") != (l.Stream == "stderr") {
				t.Errorf("%+v", l)
			}
			got = append(got, l.Text)
			return nil
		})
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		asked := strings.Join(p.asked, "\n")
		if strings.Contains(asked, "/query Bearer aad") != c.history || c.want != "" && !strings.Contains(asked, "/subscriptions/0000/resourceGroups/envctl-exp-default/containerApps/api/revisions/api--r1/replicas/x/containers/api/logstream Bearer console") {
			t.Errorf("%s: asked %s", name, asked)
		}
	}
}

// A log is followed over a stream that ends, and no line comes twice.
func TestLogsFollow(t *testing.T) {
	t.Parallel()
	target, _, p, _ := running(t)
	p.streams["/api/logstream"] = line(30, "one")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	var got []string
	err := target.Logs(ctx, ref, azure.LogOptions{Follow: true, Tail: 1}, func(l azure.Line) error {
		got = append(got, l.Text)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.streams["/api/logstream"] += line(30+len(got), fmt.Sprint("more", len(got)))
		if len(got) == 4 {
			cancel(stop)
		}
		return nil
	})
	if !errors.Is(err, stop) || strings.Join(got, " ") != "one more1 more2 more3" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLogsOfNothing(t *testing.T) {
	t.Parallel()
	target, c, _, _ := running(t)
	var none *azure.NoAppError
	if err := target.Logs(t.Context(), ref, azure.LogOptions{App: "web", Tail: -1}, nil); !errors.As(err, &none) || none.Hint() == "" {
		t.Errorf("%v", err)
	}
	c.Lists(sub + "/resourcegroups")
	if err := target.Logs(t.Context(), ref, azure.LogOptions{Tail: -1}, nil); !errors.As(err, &none) {
		t.Errorf("%v", err)
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	target, c, p, _ := running(t)
	var out bytes.Buffer
	status, err := target.Exec(t.Context(), ref, "api", azure.ExecOptions{Cmd: []string{"ls", "-l"}, Stdout: &out})
	if status != 4 || err != nil || out.String() != "hello\n" || !strings.Contains(strings.Join(p.asked, "\n"), "/containers/api/exec Bearer console command=ls+-l") {
		t.Errorf("%d, %v, %q, %q", status, err, out.String(), p.asked)
	}
	c.Lists(apps + "/api/revisions/api--r1/replicas")
	var asleep *azure.NoReplicaError
	if _, err := target.Exec(t.Context(), ref, "api", azure.ExecOptions{Cmd: []string{"ls"}}); !errors.As(err, &asleep) || asleep.Hint() == "" {
		t.Errorf("%v", err)
	}
}

const execution = jobs + "/sum/executions/sum-1"

// ending makes the job's execution be like that.
func ending(c *client, status, details string) {
	c.Has(execution, `{"name":"sum-1","properties":{"status":"`+status+`","startTime":"2026-11-24T11:00:00Z","endTime":"2026-11-24T11:00:05Z"`+details+`}}`)
}

func jobRun(t *testing.T) (*azure.Target, *client, *plane, *plan.Plan, *[]any) {
	t.Helper()
	target, c, p, made := running(t)
	var bodies []any
	c.Answers(jobs+"/sum/start", func(body any) (ask.Object, error) {
		bodies = append(bodies, body)
		return ask.Object{"id": execution, "name": "sum-1"}, nil
	})
	c.Lists(execution+"/replicas", `{"name":"y","properties":{"containers":[{"name":"sum"}]}}`)
	c.Answers(jobs+"/sum/getAuthToken", token(c))
	p.streams["/jobs/sum/executions/sum-1/replicas/y/containers/sum/logstream"] = line(1, "counting") + line(2, "done")
	return target, c, p, made, &bodies
}

func TestRunJob(t *testing.T) {
	t.Parallel()
	detail := func(code, more string) string {
		return `,"detailedStatus":{"replicas":[{"containers":[{"name":"sum","code":` + code + more + `}]}]}`
	}
	for name, c := range map[string]struct {
		status, details string
		code            int
		fails, hint     string
	}{
		"succeeds":           {"Succeeded", "", 0, "", ""},
		"fails":              {"Failed", detail("3", ""), 3, "", ""},
		"fails, no details":  {"Failed", "", 1, "", ""},
		"too long":           {"Failed", detail("137", `,"additionalInformation":"DeadlineExceeded"`), 137, "stopped at its time limit of 10m0s", "jobs.sum.timeout"},
		"too large":          {"Failed", detail("137", `,"additionalInformation":"OOMKilled"`), 137, "memory limit of 1024 MiB", "jobs.sum.memory"},
		"stopped":            {"Stopped", "", 1, "stopped by somebody", "envctl run"},
		"not mounted":        {"Failed", detail("0", `,"additionalInformation":"MountVolumeFailed mount error(13): Permission denied"`), 1, "could not be mounted", "envctl up"},
		"could not be begun": {"Failed", detail("128", `,"additionalInformation":"StartError: exec: no such file or directory"`), 128, "could not be started", "command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target, client, _, p, bodies := jobRun(t)
			ending(client, c.status, c.details)
			var out bytes.Buffer
			r, err := target.RunJob(t.Context(), azure.JobRun{Plan: p, Job: "sum", Stdout: &out})
			if r.ExitCode != c.code || r.Execution != "sum-1" || (err == nil) != (c.fails == "") || err != nil && (!strings.Contains(err.Error(), c.fails) || !strings.Contains(hint(err), c.hint)) {
				t.Errorf("%+v, %v", r, err)
			}
			if out.String() != "counting\ndone\n" || len(*bodies) != 1 || (*bodies)[0] != nil {
				t.Errorf("%q, %v", out.String(), *bodies)
			}
		})
	}
}

// Other arguments replace the whole template, with everything else as it was.
func TestRunJobWithArguments(t *testing.T) {
	t.Parallel()
	target, c, _, p, bodies := jobRun(t)
	ending(c, "Succeeded", "")
	c.Has(jobs+"/sum", strings.Replace(job(p), `"containers":[`, `"initContainers":[{"name":"ready","image":"s","args":["ready"]}],"containers":[`, 1))
	if _, err := target.RunJob(t.Context(), azure.JobRun{Plan: p, Job: "sum", Args: []string{"--month", "1"}}); err != nil {
		t.Fatal(err)
	}
	body := (*bodies)[0]
	got := ask.Items(body, "containers")[0]
	if strings.Join(ask.Texts(got, "args"), " ") != "--month 1" || !strings.HasSuffix(ask.Text(got, "image"), digest) || ask.Text(ask.Items(got, "env")[0], "name") != "LEVEL" ||
		ask.Text(got, "resources", "memory") != "1.0Gi" || ask.Texts(ask.Items(body, "initContainers")[0], "args")[0] != "ready" {
		t.Errorf("%v", body)
	}
}

// What is not as the definition says is not run, and outputs are nobody else's.
func TestRunJobIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(c *client, p *plan.Plan, r *azure.JobRun)
		part   string
	}{
		"not up": {func(c *client, _ *plan.Plan, _ *azure.JobRun) { c.Forget(jobs + "/sum") }, "is not on Azure"},
		"older plan": {func(c *client, p *plan.Plan, _ *azure.JobRun) {
			c.Has(jobs+"/sum", strings.Replace(job(p), p.WorkloadHash("sum"), "old", 1))
		}, "another than the definition"},
		"no share": {func(_ *client, _ *plan.Plan, r *azure.JobRun) { r.Out = "/tmp/out" }, "has no file share for its outputs"},
		"runs already": {func(c *client, _ *plan.Plan, r *azure.JobRun) {
			r.Out = "/tmp/out"
			c.Lists(jobs+"/sum/executions", `{"name":"sum-0","properties":{"status":"Succeeded"}}`, `{"name":"sum-9","properties":{"status":"Processing"}}`)
		}, "runs already as sum-9"},
		"no job": {func(_ *client, _ *plan.Plan, r *azure.JobRun) { r.Job = "api" }, `no job "api"`},
	} {
		target, client, _, p, bodies := jobRun(t)
		r := azure.JobRun{Plan: p, Job: "sum"}
		c.change(client, p, &r)
		if _, err := target.RunJob(t.Context(), r); err == nil || !strings.Contains(err.Error(), c.part) || len(*bodies) > 0 {
			t.Errorf("%s: %v, started %d", name, err, len(*bodies))
		}
	}
}

// An interrupted run stops its execution.
func TestRunJobIsInterrupted(t *testing.T) {
	t.Parallel()
	target, c, _, p, _ := jobRun(t)
	c.Has(execution, `{"properties":{"status":"Running"}}`)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop, stopped := errors.New("interrupted"), false
	c.Answers(execution+"/stop", func(any) (ask.Object, error) { stopped = true; return nil, nil })
	_, err := target.RunJob(ctx, azure.JobRun{Plan: p, Job: "sum", Stdout: writer(func([]byte) { cancel(stop) })})
	if !errors.Is(err, stop) || !stopped {
		t.Errorf("%v, stopped %v", err, stopped)
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// A log that the stream never had comes from Log Analytics; where nobody has it,
// that is said.
func TestRunJobLogAfterwards(t *testing.T) {
	t.Parallel()
	for _, there := range []bool{true, false} {
		target, c, p, made, _ := jobRun(t)
		ending(c, "Succeeded", "")
		c.Lists(execution + "/replicas")
		var warned []string
		target.Warn = func(text string) { warned = append(warned, text) }
		if there {
			p.history = row(1, "from the history")
		}
		var out bytes.Buffer
		if _, err := target.RunJob(t.Context(), azure.JobRun{Plan: made, Job: "sum", Stdout: &out}); err != nil {
			t.Fatal(err)
		}
		if (out.String() == "from the history\n") != there || (len(warned) == 0) != there {
			t.Errorf("%q, %q", out.String(), warned)
		}
	}
}

// Where the preview of the API is refused, the status alone is followed.
func TestRunJobWithoutDetails(t *testing.T) {
	t.Parallel()
	target, c, _, p, _ := jobRun(t)
	ending(c, "Failed", "")
	refusing := &versioned{client: c, refuse: ask.JobDetails}
	target.Client = refusing
	r, err := target.RunJob(t.Context(), azure.JobRun{Plan: p, Job: "sum"})
	if err != nil || r.ExitCode != 1 || refusing.refused != 1 {
		t.Errorf("%+v, %v, refused %d", r, err, refusing.refused)
	}
}

// versioned refuses one api-version.
type versioned struct {
	*client
	refuse  string
	refused int
}

func (v *versioned) Get(ctx context.Context, path, version string) (ask.Object, error) {
	if version == v.refuse {
		v.refused++
		return nil, &arm.Error{StatusCode: 400, Code: "InvalidApiVersionParameter"}
	}
	return v.client.Get(ctx, path, version)
}
