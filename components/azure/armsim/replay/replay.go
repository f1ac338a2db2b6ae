// Package replay lets the simulator answer with a recording of a real
// subscription (`--record`), in the form that package components/azure/arm/record
// documents: JSON lines, one exchange each.
package replay

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/envctl/envctl/components/azure/arm/record"
	"github.com/envctl/envctl/components/azure/arm/replay"
)

// Handler answers what the recording has. Logins are not recorded, so they are
// for somebody else to answer.
type Handler struct {
	player *replay.Player
	hosts  []string // scheme and host of what was recorded, in the order they appear

	mu     sync.Mutex
	missed []string
}

// Open reads a recording. The requests that come are for this simulator's address
// and are looked up as if they were for each of the recorded hosts; addresses in
// answers are rewritten the other way, so that a client polls the simulator.
func Open(path string) (*Handler, error) {
	exchanges, err := record.Read(path)
	if err != nil {
		return nil, err
	}
	h := &Handler{player: replay.New(exchanges)}
	for _, e := range exchanges {
		if u, err := url.Parse(e.Request.URL); err == nil {
			if base := u.Scheme + "://" + u.Host; !slices.Contains(h.hosts, base) {
				h.hosts = append(h.hosts, base)
			}
		}
	}
	return h, nil
}

// Missed are the requests that the recording did not have.
func (h *Handler) Missed() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.missed...)
}

// ServeHTTP answers a request with what was recorded; what was not is 501, which
// no client retries.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	failed := errors.New("it is empty")
	for _, host := range h.hosts {
		base, err := url.Parse(host)
		if err != nil {
			failed = err
			continue
		}
		again := r.Clone(r.Context())
		again.RequestURI = ""
		again.URL.Scheme, again.URL.Host, again.Host = base.Scheme, base.Host, base.Host
		resp, err := h.player.Do(again)
		if err != nil {
			failed = err
			continue
		}
		h.write(w, resp, host, "https://"+r.Host)
		return
	}
	h.mu.Lock()
	h.missed = append(h.missed, r.Method+" "+r.URL.RequestURI())
	h.mu.Unlock()
	http.Error(w, "the recording has no answer: "+failed.Error(), http.StatusNotImplemented)
}

func (h *Handler) write(w http.ResponseWriter, resp *http.Response, from, to string) {
	defer resp.Body.Close()
	for key, values := range resp.Header {
		if key == "Content-Length" || key == "Transfer-Encoding" {
			continue
		}
		for _, value := range values {
			w.Header().Add(key, strings.ReplaceAll(value, from, to))
		}
	}
	body, err := io.ReadAll(resp.Body)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.WriteString(w, strings.ReplaceAll(string(body), from, to)) // a client that is gone needs no answer
	if err != nil {
		panic(http.ErrAbortHandler) // the recorded answer broke off too
	}
}
