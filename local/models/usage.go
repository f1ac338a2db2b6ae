package models

import (
	"bytes"
	"encoding/json"

	"github.com/envctl/envctl/local/models/ledger"
)

// reply is what is read of an answer, or of one event of a stream: what it took,
// whether it is the end, and how much text it has.
type reply struct {
	Type    string            `json:"type"` // of an event of the responses API
	Delta   json.RawMessage   `json:"delta"`
	Choices []json.RawMessage `json:"choices"`
	Output  []json.RawMessage `json:"output"`
	Data    []json.RawMessage `json:"data"`
	Error   json.RawMessage   `json:"error"`
	Usage   json.RawMessage   `json:"usage"`

	Response struct {
		Usage json.RawMessage `json:"usage"`
	} `json:"response"`
}

// readUsage is what a provider says that a call took. False: it does not say, or
// says what cannot be.
func readUsage(raw json.RawMessage) (ledger.Usage, bool) {
	var u struct {
		Prompt     *int64 `json:"prompt_tokens"`
		Completion *int64 `json:"completion_tokens"`
		Input      *int64 `json:"input_tokens"`
		Output     *int64 `json:"output_tokens"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &u) != nil {
		return ledger.Usage{}, false
	}
	prompt, answer := u.Prompt, u.Completion
	if prompt == nil {
		prompt, answer = u.Input, u.Output
	}
	if prompt == nil || *prompt < 0 || answer != nil && *answer < 0 {
		return ledger.Usage{}, false
	}
	out := ledger.Usage{Prompt: min(*prompt, most)}
	if answer != nil { // embeddings have none
		out.Completion = min(*answer, most)
	}
	return out, true
}

// taken collects what a call took while its answer passes.
type taken struct {
	said  bool // the provider said usage
	usage ledger.Usage
	bytes int64 // of what was produced
	ended bool  // the provider's last word has come
}

// see takes in an answer or the data of an event.
func (t *taken) see(data []byte) reply {
	var r reply
	if bytes.Equal(bytes.TrimSpace(data), []byte("[DONE]")) {
		t.ended = true
		return r
	}
	if json.Unmarshal(data, &r) != nil {
		t.bytes += int64(len(data)) // it counts as text, as it would for who reads it
		return r
	}
	for _, raw := range []json.RawMessage{r.Usage, r.Response.Usage} {
		if usage, ok := readUsage(raw); ok {
			t.said, t.usage = true, usage
		}
	}
	switch r.Type {
	case "response.completed", "response.incomplete", "response.failed", "error":
		t.ended = true
	}
	t.bytes += int64(len(r.Delta))
	for _, list := range [][]json.RawMessage{r.Choices, r.Output} {
		for _, item := range list {
			t.bytes += int64(len(item))
		}
	}
	if len(r.Data) > 0 {
		t.bytes++ // embeddings: what they take is the prompt
	}
	return r
}

// end is what a call is settled by.
//
//   - What the provider said wins, an explicit zero too.
//   - Otherwise a call that may still be going on at the provider (running) took its
//     worst case: what a model thinks is paid and not seen.
//   - Otherwise a call that produced nothing took nothing.
//   - Otherwise its prompt, and a token a byte of what it produced, at most its worst
//     case.
func (t *taken) end(worst ledger.Usage, running bool) ledger.Usage {
	switch {
	case t.said:
		return t.usage
	case running:
		return worst
	case t.bytes == 0:
		return ledger.Usage{}
	}
	return ledger.Usage{Prompt: worst.Prompt, Completion: min(worst.Completion, t.bytes)}
}
