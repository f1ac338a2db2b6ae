package models_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
)

const answered = `{"id":"1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":%s}`

func chunk(text string) string {
	return fmt.Sprintf(`data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", text)
}

const usageChunk = `data: {"id":"1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}` + "\n\n"

func send(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
}

func events(w http.ResponseWriter, texts ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, text := range texts {
		send(w, text)
	}
}

func abort() { panic(http.ErrAbortHandler) }

// Every way in which a call can end, and what is paid for it.
func TestEveryEndIsPaidOnce(t *testing.T) {
	t.Parallel()
	none := ledger.Usage{}
	bytesOf := func(body string) int64 { return int64(len(body)) }
	for name, test := range map[string]struct {
		request string
		path    string
		server  http.HandlerFunc
		status  int
		want    ledger.Usage
		says    string // in the answer
	}{
		"an answer": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `{"prompt_tokens":3,"completion_tokens":4}`))
		}, status: 200, want: ledger.Usage{Prompt: 3, Completion: 4}, says: "hi"},
		"an explicit zero": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `{"prompt_tokens":0,"completion_tokens":0}`))
		}, status: 200, want: none},
		"no usage": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `null`))
		}, status: 200, want: ledger.Usage{Prompt: bytesOf(hello), Completion: 80}},
		"a usage that cannot be": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `{"prompt_tokens":-3,"completion_tokens":-4}`))
		}, status: 200, want: ledger.Usage{Prompt: bytesOf(hello), Completion: 80}},
		"more than the worst case": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `{"prompt_tokens":9000000000,"completion_tokens":1}`))
		}, status: 200, want: ledger.Usage{Prompt: 9e9, Completion: 1}},
		"an error": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			send(w, `{"error":{"message":"out of memory"}}`)
		}, status: 500, want: none, says: "out of memory"},
		"a quota of the server": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, status: 429, want: none},
		"credentials refused": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			send(w, `{"error":{"message":"Incorrect API key provided: sk-12"}}`)
		}, status: 502, want: none, says: "refuses envctl's credentials"},
		"a redirect": {request: hello, server: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusTemporaryRedirect)
		}, status: 502, want: none, says: "does not follow"},
		"no JSON": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			send(w, "<html>")
		}, status: 502, want: ledger.Usage{Prompt: bytesOf(hello), Completion: 6}, says: "not JSON"},
		"shorter than it says": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			send(w, `{"choices":[`)
			abort()
		}, status: 502, want: ledger.Usage{Prompt: bytesOf(hello), Completion: 12}, says: "did not come whole"},
		"longer than it says": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{\"more\":1}")
			_ = rw.Flush()
			_ = conn.Close()
		}, status: 200, want: none, says: "{}"},
		"no answer": {request: hello, server: func(http.ResponseWriter, *http.Request) { abort() }, status: 502, want: none, says: "cannot be reached"},
		"no HTTP": {request: hello, server: func(w http.ResponseWriter, _ *http.Request) {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = rw.WriteString("SSH-2.0-x\r\n")
			_ = rw.Flush()
			_ = conn.Close()
		}, status: 502, want: none},
		"a hanging server": {request: hello, server: func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, status: 504, want: none, says: "does not answer in time"},
		"a server that stops in the middle": {request: hello, server: func(w http.ResponseWriter, r *http.Request) {
			send(w, `{"choices":`)
			<-r.Context().Done()
		}, status: 502, want: ledger.Usage{Prompt: bytesOf(hello), Completion: 11}, says: "has sent nothing for"},
		"a stream": {request: helloStream, server: func(w http.ResponseWriter, _ *http.Request) {
			events(w, chunk("a"), chunk("b"), usageChunk, "data: [DONE]\n\n")
		}, status: 200, want: ledger.Usage{Prompt: 5, Completion: 7}, says: chunk("b") + "data: [DONE]\n\n"},
		"a stream without usage": {request: helloStream, server: func(w http.ResponseWriter, _ *http.Request) {
			events(w, chunk("a"), "data: [DONE]\n\n")
		}, status: 200, want: ledger.Usage{Prompt: bytesOf(helloStream), Completion: 35}},
		"a stream that breaks": {request: helloStream, server: func(w http.ResponseWriter, _ *http.Request) {
			events(w, chunk("a"))
			abort()
		}, status: 200, want: ledger.Usage{Prompt: bytesOf(helloStream), Completion: 35}, says: `{"error":{"code":"model_server"`},
		"a stream that breaks after its usage": {request: helloStream, server: func(w http.ResponseWriter, _ *http.Request) {
			events(w, chunk("a"), usageChunk)
			abort()
		}, status: 200, want: ledger.Usage{Prompt: 5, Completion: 7}, says: `{"error":`},
		"a stream that ends early": {request: helloStream, server: func(w http.ResponseWriter, _ *http.Request) {
			events(w, chunk("a"))
		}, status: 200, want: ledger.Usage{Prompt: bytesOf(helloStream), Completion: 35}, says: "ended the stream in the middle"},
		"a stream that breaks before anything": {request: helloStream, server: func(w http.ResponseWriter, _ *http.Request) {
			events(w, "")
			abort()
		}, status: 200, want: none, says: `{"error":`},
		"a stream that stops": {request: helloStream, server: func(w http.ResponseWriter, r *http.Request) {
			events(w, chunk("a"))
			<-r.Context().Done()
		}, status: 200, want: ledger.Usage{Prompt: bytesOf(helloStream), Completion: 35}, says: "has sent nothing for"},
		"an incomplete response": {
			path: "/openai/v1/responses", request: `{"model":"chat","stream":true,"input":"hello"}`,
			server: func(w http.ResponseWriter, _ *http.Request) {
				events(w, "event: response.incomplete\ndata: {\"type\":\"response.incomplete\",\"response\":{\"usage\":{\"input_tokens\":8,\"output_tokens\":9}}}\n\n")
			}, status: 200, want: ledger.Usage{Prompt: 8, Completion: 9}, says: "response.incomplete",
		},
		"a response that breaks": {
			path: "/openai/v1/responses", request: `{"model":"chat","stream":true,"input":"hello"}`,
			server: func(w http.ResponseWriter, _ *http.Request) {
				events(w, "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}\n\n")
				abort()
			}, status: 200, want: ledger.Usage{Prompt: 46, Completion: 5}, says: "event: error\ndata: {",
		},
		"vectors": {
			path: "/v1/embeddings", request: `{"model":"vectors","input":"hello"}`,
			server: func(w http.ResponseWriter, _ *http.Request) {
				send(w, `{"data":[{"embedding":[1]}],"usage":{"prompt_tokens":2,"total_tokens":2}}`)
			}, status: 200, want: ledger.Usage{Prompt: 2}, says: "embedding",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, models.Config{
				Provider: "openai", URL: upstream(t, test.server),
				Budget: ledger.Budget{Amount: ledger.Units(10), Currency: "USD"},
				Limits: models.Limits{Header: 300 * time.Millisecond, Idle: 300 * time.Millisecond},
			})
			path := test.path
			if path == "" {
				path = "/openai/v1/chat/completions"
			}
			got, body := s.ask(t, path, test.request)
			if got.StatusCode != test.status || !strings.Contains(body, test.says) || strings.Contains(body, "sk-12") {
				t.Errorf("%d %s, expected %d and %q", got.StatusCode, body, test.status, test.says)
			}
			if strings.Contains(body, `"usage":{"prompt_tokens":5`) {
				t.Errorf("usage that nobody asked for: %s", body)
			}
			all := s.paid(t).Sum()
			if all.Usage != test.want || all.Calls != 1 {
				t.Errorf("paid %+v in %d calls, expected %+v", all.Usage, all.Calls, test.want)
			}
		})
	}
}

// A client that hangs up pays what the server says in the end.
func TestAHangUpIsPaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request string
		rest    func(w http.ResponseWriter, r *http.Request)
		want    ledger.Usage
	}{
		"a stream that is drained": {helloStream, func(w http.ResponseWriter, _ *http.Request) {
			events(w, chunk("b"), usageChunk, "data: [DONE]\n\n")
		}, ledger.Usage{Prompt: 5, Completion: 7}},
		"an answer that comes later": {hello, func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `{"prompt_tokens":3,"completion_tokens":4}`))
		}, ledger.Usage{Prompt: 3, Completion: 4}},
		"a stream without an end": {helloStream, func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				events(w, chunk("b"))
				time.Sleep(10 * time.Millisecond)
			}
		}, ledger.Usage{Prompt: int64(len(helloStream)), Completion: 1000}},
		"an answer that does not come": {hello, func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
		}, ledger.Usage{Prompt: int64(len(hello)), Completion: 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, hungUp := make(chan struct{}), make(chan struct{})
			s := serve(t, models.Config{Provider: "openai", Limits: models.Limits{Drain: 300 * time.Millisecond}, URL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(test.request, "stream") {
					events(w, chunk("a"))
				}
				close(begun)
				<-hungUp
				time.Sleep(20 * time.Millisecond)
				test.rest(w, r)
			})})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-begun; cancel(); close(hungUp) }()
			got, err := http.DefaultClient.Do(s.request(ctx, t, "POST", "/v1/chat/completions", test.request))
			if err == nil {
				_, _ = io.Copy(io.Discard, got.Body)
				_ = got.Body.Close()
			}
			if all := s.paid(t).Sum(); all.Usage != test.want || all.Calls != 1 {
				t.Errorf("paid %+v in %d calls, expected %+v", all.Usage, all.Calls, test.want)
			}
		})
	}
}

// Calls at once at the edge of the budget, over HTTP, with a server that takes the
// worst case each time.
func TestManyAtOnceNeverOverspend(t *testing.T) {
	t.Parallel()
	var made atomic.Int64
	s := serve(t, models.Config{
		Provider: "openai", Budget: ledger.Budget{Amount: 10_700_000, Currency: "USD", Stop: true}, // 10,700 tokens
		URL: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			made.Add(1)
			time.Sleep(20 * time.Millisecond)
			send(w, fmt.Sprintf(answered, fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":1000}`, len(hello))))
		}),
	})
	var refused atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			got, body := s.ask(t, "/v1/chat/completions", hello)
			switch got.StatusCode {
			case 200:
			case 429:
				refused.Add(1)
				if !strings.Contains(body, `"budget_exceeded"`) || got.Header.Get("X-Should-Retry") == "" {
					t.Errorf("%s %v", body, got.Header)
				}
			default:
				t.Errorf("%d %s", got.StatusCode, body)
			}
		})
	}
	wg.Wait()
	total := s.paid(t)
	if all := total.Sum(); total.Spent > 10_700_000 || all.Calls != made.Load() || all.Calls != 10 || all.Refused != refused.Load() || all.Calls+all.Refused != 50 {
		t.Errorf("made %d, refused %d: %+v", made.Load(), refused.Load(), total)
	}
	got, body := s.ask(t, "/v1/chat/completions", hello)
	var said struct {
		Error struct{ Code, Message, Type string }
	}
	if err := json.Unmarshal([]byte(body), &said); err != nil || got.StatusCode != 429 || said.Error.Type != "insufficient_quota" || got.Header.Get("X-Should-Retry") != "false" {
		t.Errorf("%d %s %v: %v", got.StatusCode, body, got.Header, err)
	}
	if !strings.Contains(said.Error.Message, "budget.amount") {
		t.Errorf("nothing mends it: %s", said.Error.Message)
	}
}

func TestAlertsAreTold(t *testing.T) {
	t.Parallel()
	s := serve(t, models.Config{
		Provider: "openai", Budget: ledger.Budget{Amount: 2_000_000, Currency: "USD", Alerts: []int{50, 100}},
		URL: upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			send(w, fmt.Sprintf(answered, `{"prompt_tokens":500,"completion_tokens":600}`))
		}),
	})
	for range 3 {
		s.ask(t, "/v1/chat/completions", hello)
	}
	s.paid(t)
	if told := s.told(); strings.Count(told, "50 %") != 1 || strings.Count(told, "100 %") != 1 {
		t.Errorf("told %q", told)
	}
}

// A server that is closed settles what is under way.
func TestCloseSettles(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	s := serve(t, models.Config{Provider: "openai", URL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
		events(w, chunk("a"))
		close(begun)
		<-r.Context().Done()
	})})
	done := make(chan string)
	go func() {
		_, body := s.ask(t, "/v1/chat/completions", helloStream)
		done <- body
	}()
	<-begun
	if err := s.models.Close(); err != nil {
		t.Error(err)
	}
	if all := s.paid(t).Sum(); all.Calls != 1 || all.Completion != 1000 {
		t.Errorf("%+v", all)
	}
	if body := <-done; !strings.Contains(body, `"error"`) {
		t.Errorf("the client reads %q", body)
	}
}

// Nothing of an app but its fields reaches the server, and no credential another host.
func TestWhatReachesTheServer(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body map[string]any
	s := serve(t, models.Config{
		Provider: "openai", Names: map[string]string{"chat": "llama3.2"},
		Token: func(context.Context) (string, error) { return "sk-12", nil },
		URL: upstream(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.Clone(r.Context())
			_ = json.NewDecoder(r.Body).Decode(&body)
			events(w, "data: [DONE]\n\n")
		}),
	})
	r := s.request(t.Context(), t, "POST", "/openai/deployments/chat/chat/completions?api-version=2024-10-21",
		`{"model":"other","max_tokens":1,"stream":true,"messages":[]}`)
	r.Header.Set("Cookie", "a=b")
	r.Header.Set("Authorization", "Bearer of-the-app")
	r.Header.Set("X-Forwarded-Host", "elsewhere")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if got.URL.String() != "/v1/chat/completions" || got.Header.Get("Authorization") != "Bearer sk-12" {
		t.Errorf("%s %v", got.URL, got.Header)
	}
	for _, name := range []string{"Cookie", "X-Forwarded-Host", "Envctl-App", "Envctl-Models"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s: %q", name, got.Header.Get(name))
		}
	}
	options, _ := body["stream_options"].(map[string]any)
	if body["model"] != "llama3.2" || body["max_tokens"] != 1.0 || options["include_usage"] != true {
		t.Errorf("%v", body)
	}
}
