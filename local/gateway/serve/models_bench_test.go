package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkModelsCall is a small call of a model through TLS, the gateway and the
// tunnel, without a provider: what a sandbox adds to one.
func BenchmarkModelsCall(b *testing.B) {
	f := openFront(b)
	f.attach(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	client := f.client("127.0.0.1")
	r := f.call(b.Context(), "POST", chatURL, nil)
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(`{"model":"chat"}`))
		response, err := client.Do(r)
		if body(b, response, err) != `{"model":"chat"}` {
			b.Fatal("another answer")
		}
	}
}
