package rm

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/envctl/envctl/components/azure/armsim/answer"
	"github.com/envctl/envctl/components/azure/armsim/fault"
)

// write sends an answer, broken as the fault says.
func (s *Server) write(w http.ResponseWriter, a *answer.Answer, f *fault.Fault) {
	h := w.Header()
	for key, values := range a.Header {
		h[key] = values
	}
	h.Set("x-ms-request-id", "00000000-0000-0000-0000-000000000000")
	h.Set("x-ms-ratelimit-remaining-subscription-reads", "11999")
	h.Set("x-ms-ratelimit-remaining-subscription-writes", "1199")
	h.Set("Cache-Control", "no-cache")
	body := a.Bytes()
	if f != nil {
		for key, value := range f.Headers {
			h.Set(key, value)
		}
		body = broken(w, body, f.Wire)
	}
	if body == nil {
		w.WriteHeader(a.Status)
		return
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	if h.Get("Content-Length") == "" {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body) // a client that is gone needs no answer
	if f != nil && f.Wire == fault.Cut {
		panic(http.ErrAbortHandler)
	}
}

// huge is the size of the answer that no client should read to its end.
const huge = 50 << 20

func broken(w http.ResponseWriter, body []byte, wire fault.Wire) []byte {
	switch wire {
	case fault.DropAfter:
		panic(http.ErrAbortHandler) // closes the connection
	case fault.Cut:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		return body[:len(body)/2]
	case fault.Empty:
		return []byte{}
	case fault.NotJSON:
		w.Header().Set("Content-Type", "text/html")
		return []byte("<html><body><h1>502 Bad Gateway</h1></body></html>")
	case fault.Huge:
		return append(append([]byte(`{"value":"`), bytes.Repeat([]byte("x"), huge)...), `"}`...)
	}
	return body
}
