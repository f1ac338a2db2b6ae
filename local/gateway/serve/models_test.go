package serve

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

const chatURL = "https://" + modelsHost + "/openai/deployments/chat/chat/completions?api-version=2024-10-21"

// call makes a request of the workload at 127.0.0.1 with its token.
func (f *front) call(ctx context.Context, method, url string, body io.Reader) *http.Request {
	f.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+tokenOf(f.t, "api", protocol.Resource, time.Now()))
	return r
}

func TestRequestComesToTheHostWithoutCredentials(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		_ = json.NewEncoder(w).Encode(map[string]any{"uri": r.RequestURI, "header": r.Header, "body": string(text), "host": r.Host, "proto": r.Proto})
	})
	r := f.call(t.Context(), "POST", chatURL, strings.NewReader(`{"stream":false}`))
	for name, value := range map[string]string{
		"api-key": "secret", "Cookie": "a=secret", "X-Forwarded-For": "1.2.3.4", "Envctl-App": "admin", "envctl-models": "gpt",
		"Forwarded": "for=1.2.3.4", "X-Ms-Client-Request-Id": "kept", "Content-Type": "application/json",
	} {
		r.Header.Set(name, value)
	}
	response, err := f.client("127.0.0.1").Do(r)
	text := body(t, response, err)
	var got struct {
		URI, Body, Host, Proto string
		Header                 http.Header
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if response.Proto != "HTTP/2.0" || got.Proto != "HTTP/2.0" {
		t.Errorf("protocols %s to the gateway and %s to the host, expected HTTP/2", response.Proto, got.Proto)
	}
	if got.URI != "/openai/deployments/chat/chat/completions?api-version=2024-10-21" || got.Body != `{"stream":false}` {
		t.Errorf("the host got %q with %q", got.URI, got.Body)
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "1.2.3.4") || got.Header.Get("Authorization") != "" {
		t.Errorf("the host got a credential or a forged header: %s", text)
	}
	if got.Header.Get(protocol.HeaderApp) != "api" || got.Header.Get(protocol.HeaderModels) != "chat,embed" || got.Header.Get("X-Ms-Client-Request-Id") != "kept" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestModelsRefuse(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	f.attach(func(http.ResponseWriter, *http.Request) { t.Error("a refused request came to the host") })
	now := time.Now()
	good := "Bearer " + tokenOf(t, "api", protocol.Resource, now)
	const root = "https://" + modelsHost
	cases := map[string]struct {
		from, url, authorization, key string
		status                        int
		code, text                    string
	}{
		"no token":             {"127.0.0.1", chatURL, "", "", 401, "Unauthorized", "no token was shown"},
		"a key":                {"127.0.0.1", chatURL, "", "k", 403, "AuthenticationTypeDisabled", "Key based"},
		"nonsense":             {"127.0.0.1", chatURL, "Bearer nonsense", "", 401, "Unauthorized", "not one of this sandbox"},
		"a real key as bearer": {"127.0.0.1", chatURL, "Bearer sk-proj-1", "", 401, "Unauthorized", "not one of this sandbox"},
		"basic":                {"127.0.0.1", chatURL, "Basic " + good, "", 401, "Unauthorized", "no token"},
		"expired":              {"127.0.0.1", chatURL, "Bearer " + tokenOf(t, "api", protocol.Resource, now.Add(-2*time.Hour)), "", 401, "Unauthorized", "expired"},
		"of another audience":  {"127.0.0.1", chatURL, "Bearer " + tokenOf(t, "api", "https://vault.azure.net", now), "", 401, "Unauthorized", "another audience"},
		"of another workload":  {"127.0.0.1", chatURL, "Bearer " + tokenOf(t, "web", protocol.Resource, now), "", 403, "403", "another workload"},
		"at another workload":  {"127.0.0.2", chatURL, good, "", 403, "403", "another workload"},
		"without models":       {"127.0.0.2", chatURL, "Bearer " + tokenOf(t, "web", protocol.Resource, now), "", 401, "PermissionDenied", "data action"},
		"a stranger":           {"127.0.0.9", chatURL, good, "", 403, "403", "not that of a workload"},
		"no such path":         {"127.0.0.1", root + "/metadata", good, "", 404, "404", "Resource not found"},
		"the gateway's own":    {"127.0.0.1", root + protocol.PathReplaced, good, "", 404, "404", "Resource not found"},
		"escaped":              {"127.0.0.1", root + "/v1/%2e%2e/.envctl/replaced", good, "", 404, "404", "Resource not found"},
		"no such deployment":   {"127.0.0.1", root + "/openai/deployments/gpt/chat/completions", good, "", 404, "DeploymentNotFound", "does not exist"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), "POST", test.url, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			if test.key != "" {
				r.Header.Set("api-key", test.key)
			}
			response, err := f.client(test.from).Do(r)
			text := body(t, response, err)
			var got struct {
				Error struct{ Code, Message string }
			}
			if json.Unmarshal([]byte(text), &got) != nil || response.StatusCode != test.status || got.Error.Code != test.code ||
				!strings.Contains(got.Error.Message, test.text) {
				t.Errorf("%d %s, expected %d %s with %q", response.StatusCode, text, test.status, test.code, test.text)
			}
		})
	}
	if !strings.Contains(f.events.String(), `"event":"models","app":"api","reason":"no such deployment"`) || strings.Contains(f.events.String(), "nonsense") {
		t.Errorf("events %s", f.events)
	}
}

func TestAnswerStreamsAsItComes(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	next := make(chan struct{})
	f.attach(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	in := bufio.NewReader(response.Body)
	for i := range 3 { // the host writes the next one only when this one has arrived
		line, err := in.ReadString('\n')
		if _, empty := in.ReadString('\n'); err != nil || empty != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q, %v, expected event %d", line, err, i)
		}
		next <- struct{}{}
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("%v at the end, expected EOF", err)
	}
}

func TestRequestStreamsToo(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			fmt.Fprint(w, "got "+line)
			_ = http.NewResponseController(w).Flush()
		}
	})
	out, in := io.Pipe()
	go func() { io.WriteString(in, "one\n") }()
	response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, out))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := bufio.NewReader(response.Body)
	for _, want := range []string{"one", "two"} {
		if line, err := answer.ReadString('\n'); err != nil || line != "got "+want+"\n" {
			t.Fatalf("%q, %v, expected %s", line, err, want)
		}
		io.WriteString(in, "two\n")
	}
	in.Close()
}

func TestHangUpReachesTheHost(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	began, ended := make(chan struct{}), make(chan error, 1)
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		close(began)
		<-r.Context().Done()
		ended <- r.Context().Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	response, err := f.client("127.0.0.1").Do(f.call(ctx, "POST", chatURL, strings.NewReader("{}")))
	if err != nil {
		t.Fatal(err)
	}
	<-began
	cancel()
	response.Body.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the host was not told that the workload hung up")
	}
	if strings.Contains(f.events.String(), "models") {
		t.Errorf("a hang-up is told as a problem: %s", f.events)
	}
}

func TestNoHostSide(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	client := f.client("127.0.0.1")
	response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
	if text := body(t, response, err); response.StatusCode != 503 || !strings.Contains(text, "envctl up") || response.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s, expected 503", response.StatusCode, text)
	}
	if !strings.Contains(f.events.String(), `"reason":"no host side is attached"`) {
		t.Errorf("events %s", f.events)
	}
	// One that attaches while the request waits answers it.
	f.models.patience = 20 * time.Second
	text := make(chan string, 1)
	go func() {
		response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
		text <- body(t, response, err)
	}()
	time.Sleep(50 * time.Millisecond)
	detach := f.attach(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "late") })
	if got := <-text; got != "late" {
		t.Errorf("%q, expected what the host side said that came later", got)
	}
	if err := detach(); err == nil || err.Error() != "detached" {
		t.Errorf("Attach ended with %v, expected the cause", err)
	}
	eventually(t, "the gateway sees that the host side is gone", func() bool { return f.models.line.is(nil) })
}

func TestHostSideThatDiesIsAnError(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	asked := make(chan struct{})
	detach := f.attach(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
		} else {
			asked <- struct{}{}
		}
		<-r.Context().Done()
	})
	client := f.client("127.0.0.1")
	status, broken := make(chan int, 1), make(chan error, 1)
	go func() {
		response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
		_ = body(t, response, err)
		status <- response.StatusCode
	}()
	<-asked
	go func() {
		response, err := client.Do(f.call(t.Context(), "POST", "https://"+modelsHost+"/v1/chat/completions", strings.NewReader("{}")))
		if err != nil {
			broken <- err
			return
		}
		defer response.Body.Close()
		_, err = io.ReadFull(response.Body, make([]byte, len("half")))
		asked <- struct{}{} // only now: what is on its way is lost with the connection
		if err == nil {
			_, err = io.ReadAll(response.Body)
		}
		broken <- err
	}()
	<-asked
	_ = detach()
	if got := <-status; got != 502 {
		t.Errorf("status %d, expected 502", got)
	}
	if err := <-broken; err == nil {
		t.Error("half an answer looks like a whole one")
	}
	eventually(t, "both are told", func() bool {
		return strings.Contains(f.events.String(), "before it answered") && strings.Contains(f.events.String(), "in the middle")
	})
}

func TestNewHostSideReplacesTheOld(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	asked, finish := make(chan struct{}), make(chan struct{})
	conn := f.dialTunnel()
	old := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		old <- gateway.Attach(t.Context(), conn, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(asked)
			<-finish
			io.WriteString(w, "old")
		}), func() { close(ready) })
	}()
	<-ready
	client, text := f.client("127.0.0.1"), make(chan string, 1)
	go func() {
		response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
		text <- body(t, response, err)
	}()
	<-asked
	f.attach(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "new") })
	eventually(t, "new requests go to the new one", func() bool {
		response, err := client.Do(f.call(t.Context(), "POST", "https://"+modelsHost+"/v1/models", nil))
		return body(t, response, err) == "new"
	})
	close(finish)
	if got := <-text; got != "old" {
		t.Errorf("the request under way got %q, expected its answer", got)
	}
	select {
	case err := <-old:
		if !errors.Is(err, gateway.ErrReplaced) {
			t.Errorf("the old one ended with %v, expected %v", err, gateway.ErrReplaced)
		}
	case <-time.After(10 * time.Second):
		t.Error("the old one was not let go")
	}
}

func TestFiftyStreamsAtATime(t *testing.T) {
	t.Parallel()
	const streams, size = 50, 1 << 20
	f := openFront(t)
	var under, most atomic.Int64
	gate := make(chan struct{})
	f.attach(func(w http.ResponseWriter, r *http.Request) {
		if under.Add(1) == streams {
			close(gate)
		}
		defer under.Add(-1)
		most.Store(max(most.Load(), under.Load()))
		<-gate // all of them are under way
		_, _ = io.Copy(w, r.Body)
	})
	client := f.client("127.0.0.1")
	var group sync.WaitGroup
	for i := range streams {
		group.Go(func() {
			want := strings.Repeat(string(rune('a'+i%26)), size)
			response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader(want)))
			if got := body(t, response, err); got != want {
				t.Errorf("stream %d: %d bytes came back, expected its %d", i, len(got), size)
			}
		})
	}
	group.Wait()
	if most.Load() != streams {
		t.Errorf("%d at a time, expected %d", most.Load(), streams)
	}
}
