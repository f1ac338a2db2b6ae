package models_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/envctl/envctl/local/models"
)

// A recording answers byte for byte as the server did, without it.
func TestReplay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ path, request, again, answer string }{
		"an answer": {
			"/v1/chat/completions", hello, `{ "messages": [{"content":"hello", "role":"user"}], "model": "chat" }`,
			"{\n  \"choices\": [ {\"message\":{\"content\":\"<hi> é\"}} ],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n",
		},
		"a stream": {
			"/v1/chat/completions", helloStream, strings.Replace(helloStream, `"stream":true`, `"stream" : true`, 1),
			chunk("a") + ": comment\n\n" + chunk("b") + usageChunk + "data: [DONE]\n\n",
		},
		"a response": {
			"/v1/responses", `{"model":"chat","stream":true,"input":"hello"}`, `{"input":"hello","stream":true,"model":"chat"}`,
			"event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "rec", "a.jsonl")
			var asked atomic.Int64
			url := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
				asked.Add(1)
				w.Header().Set("Set-Cookie", "session=sk-cookie")
				if strings.Contains(test.answer, "data: ") {
					events(w, test.answer)
					return
				}
				send(w, test.answer)
			})
			config := models.Config{
				Provider: "replay", File: file, URL: url, Names: map[string]string{"chat": "llama3.2"},
				Token: func(context.Context) (string, error) { return "sk-12", nil },
			}
			online := serve(t, config)
			_, first := online.ask(t, test.path, test.request)
			_, second := online.ask(t, test.path, test.again)
			config.URL = ""
			offline := serve(t, config)
			got, third := offline.ask(t, test.path, test.again)
			if first != second || first != third || asked.Load() != 1 || got.StatusCode != 200 {
				t.Errorf("asked %d times: %q, %q, %q", asked.Load(), first, second, third)
			}
			if want := strings.Replace(test.answer, usageChunk, "", 1); first != want {
				t.Errorf("%q, expected %q", first, want)
			}
			if all := offline.paid(t).Sum(); all.Prompt+all.Completion == 0 {
				t.Error("a replayed call takes nothing")
			}
			raw, err := os.ReadFile(file)
			if err != nil || strings.Contains(string(raw), "sk-") || strings.Count(string(raw), "\n") != 1 {
				t.Errorf("recording %s, %v", raw, err)
			}
		})
	}
}

func TestWhatIsNotRecorded(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.jsonl")
	offline := serve(t, models.Config{Provider: "replay", File: file})
	got, body := offline.ask(t, "/v1/chat/completions", hello)
	if got.StatusCode != 502 || !strings.Contains(body, "not_recorded") || !strings.Contains(body, "hello") || got.Header.Get("X-Should-Retry") != "false" {
		t.Errorf("%d %s %v", got.StatusCode, body, got.Header)
	}
	if all := offline.paid(t).Sum(); all.Prompt+all.Completion != 0 {
		t.Errorf("paid %+v", all)
	}
	var turn atomic.Int64
	online := serve(t, models.Config{Provider: "replay", File: file, URL: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		switch turn.Add(1) {
		case 1:
			w.WriteHeader(500)
		case 2:
			events(w, chunk("a"))
			abort()
		case 3:
			events(w, "data: {\"error\":{\"message\":\"x\"}}\n\n", "data: [DONE]\n\n")
		case 4:
			send(w, "<html>")
		}
	})})
	for range 4 {
		online.ask(t, "/v1/chat/completions", helloStream)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a failure was recorded: %v", err)
	}
}

func TestManyRecordAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.jsonl")
	url := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		send(w, `{"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
	})
	servers := []*served{
		serve(t, models.Config{Provider: "replay", File: file, URL: url}), serve(t, models.Config{Provider: "replay", File: file, URL: url}),
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			servers[i%2].ask(t, "/v1/chat/completions", strings.Replace(hello, "hello", strings.Repeat("x", i/2), 1))
		})
	}
	wg.Wait()
	raw, err := os.ReadFile(file)
	if err != nil || strings.Count(string(raw), "\n") != 10 {
		t.Errorf("recorded %s, %v", raw, err)
	}
}

func TestADamagedRecording(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(file, []byte("{\"key\":\"a\"}\n\nnothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := models.New(t.Context(), models.Config{Provider: "replay", File: file}); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("%v, expected the line", err)
	}
}
