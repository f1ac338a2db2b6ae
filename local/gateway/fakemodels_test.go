package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/envctl/envctl/local/gateway/protocol"
)

// fakeModels is a host side that answers as the API of OpenAI does.
type fakeModels struct {
	hungUp      chan struct{} // a value for each stream that was cancelled
	credentials atomic.Pointer[http.Header]
}

// ServeHTTP implements http.Handler.
func (f *fakeModels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "" || r.Header.Get("Api-Key") != "" {
		f.credentials.Store(&r.Header)
	}
	text := r.Header.Get(protocol.HeaderApp) + " says hello"
	body := readAll(r.Body)
	switch {
	case strings.Contains(body, `"fail"`):
		writeJSON(w, http.StatusTooManyRequests, map[string]any{"error": map[string]string{
			"code": "budget_exceeded", "message": "the budget is used up", "type": "insufficient_quota",
		}})
	case strings.Contains(body, `"stream":true`):
		f.stream(w, r, strings.Contains(body, `"forever"`), strings.Fields(text))
	case strings.HasSuffix(r.URL.Path, "/chat/completions"):
		writeJSON(w, http.StatusOK, map[string]any{
			"id": "c1", "object": "chat.completion", "model": "chat",
			"choices": []any{map[string]any{"index": 0, "finish_reason": "stop", "message": map[string]string{"role": "assistant", "content": text}}},
			"usage":   map[string]int{"prompt_tokens": 4, "completion_tokens": 3, "total_tokens": 7},
		})
	case strings.HasSuffix(r.URL.Path, "/embeddings"):
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "model": "embed", "data": []any{
			map[string]any{"object": "embedding", "index": 0, "embedding": []float64{0.5, -0.25}},
		}})
	case strings.HasSuffix(r.URL.Path, "/responses"):
		writeJSON(w, http.StatusOK, map[string]any{"id": "r1", "object": "response", "status": "completed", "output": []any{
			map[string]any{"type": "message", "role": "assistant", "content": []any{map[string]any{"type": "output_text", "text": text}}},
		}})
	default:
		writeJSON(w, http.StatusNotFound, map[string]any{"error": map[string]string{"code": "404", "message": r.URL.Path}})
	}
}

// stream sends a part for each word; one that goes on forever ends when the workload
// hangs up.
func (f *fakeModels) stream(w http.ResponseWriter, r *http.Request, forever bool, words []string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i, word := range words {
		if i > 0 {
			word = " " + word
		}
		fmt.Fprintf(w, `data: {"id":"c1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", word)
		_ = http.NewResponseController(w).Flush()
	}
	if forever {
		<-r.Context().Done()
		f.hungUp <- struct{}{}
		return
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}
