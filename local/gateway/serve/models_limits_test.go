package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	f.attach(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for name, body33 := range map[string]io.Reader{
		"announced": strings.NewReader(strings.Repeat("a", 32<<20+1)),
		"chunked":   io.LimitReader(forever{}, 32<<20+1),
	} {
		response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, body33))
		if text := body(t, response, err); response.StatusCode != 413 || !strings.Contains(text, "32 MiB") {
			t.Errorf("%s: %d %s, expected 413", name, response.StatusCode, text)
		}
	}
	response, err := f.client("127.0.0.1").Do(f.call(t.Context(), "POST", chatURL, io.LimitReader(forever{}, 32<<20)))
	if text := body(t, response, err); response.StatusCode != 200 {
		t.Errorf("32 MiB: %d %s, expected 200", response.StatusCode, text)
	}
}

func TestMoreRequestsThanAreHeldAreRefused(t *testing.T) {
	t.Parallel()
	f := openFront(t)
	f.models.slots = make(chan struct{}, 1)
	asked, finish := make(chan struct{}), make(chan struct{})
	f.attach(func(http.ResponseWriter, *http.Request) { close(asked); <-finish })
	client, done := f.client("127.0.0.1"), make(chan int, 1)
	go func() {
		response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
		_ = body(t, response, err)
		done <- response.StatusCode
	}()
	<-asked
	response, err := client.Do(f.call(t.Context(), "POST", chatURL, strings.NewReader("{}")))
	if text := body(t, response, err); response.StatusCode != 429 || response.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s, expected 429", response.StatusCode, text)
	}
	close(finish)
	if got := <-done; got != 200 {
		t.Errorf("the one under way got %d", got)
	}
}

type forever struct{}

func (forever) Read(p []byte) (int, error) { return len(p), nil }
