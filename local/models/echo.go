package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// created is when everything was made that has to have been made at some time.
const created = 1735689600 // 2025-01-01

// echo answers with the question: chats and responses with the text of the last
// message of a user, completions with the prompt. The same request has the same
// answer, to the byte. A token is 4 bytes of text, the last one up to 4; what is more
// than max_tokens is cut off.
type echo struct{}

// maxEcho bounds all that is echoed in one answer, in bytes: as events of a word each
// it is 30 MB.
const maxEcho = 256 << 10

// tokenBytes is how long a token of echo is.
const tokenBytes = 4

func tokens(text string) int64 { return int64(len(text)+tokenBytes-1) / tokenBytes }

// answer implements [provider].
func (echo) answer(_ context.Context, c *call) (*answer, error) {
	if c.kind == kindEmbeddings {
		return c.embed()
	}
	said, err := c.echoed()
	if err != nil {
		return nil, err
	}
	if c.stream {
		return ok("text/event-stream", said.events()), nil
	}
	raw, err := json.Marshal(said.whole())
	if err != nil {
		return nil, err
	}
	return ok("application/json", raw), nil
}

func ok(kind string, body []byte) *answer {
	return &answer{status: http.StatusOK, header: http.Header{"Content-Type": {kind}}, body: io.NopCloser(bytes.NewReader(body))}
}

// said is what echo answers.
type said struct {
	call    *call
	id      string // of the request, 24 hex digits
	texts   []string
	cut     bool
	prompt  int64
	answer  int64
	choices int
}

// object is JSON whose keys come out in order.
type object = map[string]any

func (c *call) echoed() (*said, error) {
	request, err := c.normal()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(request)
	s := &said{call: c, id: hex.EncodeToString(sum[:12]), choices: 1}
	var prompts []string
	switch c.kind {
	case kindChat:
		prompts = []string{lastText(c.fields["messages"])}
		s.prompt = tokens(allText(c.fields["messages"]))
	case kindResponses:
		prompts = []string{lastText(c.fields["input"])}
		s.prompt = tokens(allText(c.fields["instructions"])) + tokens(allText(c.fields["input"]))
	default:
		prompts = inputs(c.fields["prompt"])
		for _, p := range prompts {
			s.prompt += tokens(p)
		}
	}
	if n, ok := c.number("n"); ok {
		s.choices = int(min(max(n, 1), 128))
	}
	size := 0
	for _, p := range prompts {
		text := s.limit(p)
		if size += (len(text) + 1) * s.choices; size > maxEcho {
			return nil, refuse(http.StatusBadRequest, "too_large", "echo answers with %d bytes at most: ask for less by max_tokens or n", maxEcho)
		}
		for range s.choices {
			s.texts = append(s.texts, text)
			s.answer += tokens(text)
		}
	}
	return s, nil
}

// limit cuts a text where the request says.
func (s *said) limit(text string) string {
	limit := int64(-1)
	for _, name := range []string{"max_tokens", "max_completion_tokens", "max_output_tokens"} {
		if n, ok := s.call.number(name); ok && n > 0 {
			limit = n
		}
	}
	if limit < 0 || tokens(text) <= limit {
		return text
	}
	s.cut = true
	end := int(limit * tokenBytes)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func (s *said) finish() string {
	if s.cut {
		return "length"
	}
	return "stop"
}

func (s *said) usage() object {
	if s.call.kind == kindResponses {
		return object{
			"input_tokens": s.prompt, "output_tokens": s.answer, "total_tokens": s.prompt + s.answer,
			"input_tokens_details": object{"cached_tokens": 0}, "output_tokens_details": object{"reasoning_tokens": 0},
		}
	}
	return object{"prompt_tokens": s.prompt, "completion_tokens": s.answer, "total_tokens": s.prompt + s.answer}
}

// whole is the answer that is no stream.
func (s *said) whole() object {
	switch s.call.kind {
	case kindResponses:
		return s.response(true)
	case kindChat:
		return s.object("chat.completion", s.each(func(text string) object {
			return object{"message": object{"role": "assistant", "content": text, "refusal": nil}, "finish_reason": s.finish(), "logprobs": nil}
		}), s.usage())
	}
	return s.object("text_completion", s.each(func(text string) object {
		return object{"text": text, "finish_reason": s.finish(), "logprobs": nil}
	}), s.usage())
}

func (s *said) each(choice func(text string) object) []object {
	out := []object{}
	for i, text := range s.texts {
		c := choice(text)
		c["index"] = i
		out = append(out, c)
	}
	return out
}

func (s *said) object(kind string, choices []object, usage object) object {
	prefix := map[bool]string{true: "chatcmpl-", false: "cmpl-"}[s.call.kind == kindChat]
	out := object{"id": prefix + s.id, "object": kind, "created": created, "model": s.call.server, "choices": choices}
	if usage != nil {
		out["usage"] = usage
	}
	return out
}

// words splits a text into the pieces that a stream brings: words with the space
// before them.
func words(text string) []string {
	var out []string
	for text != "" {
		end := strings.IndexByte(text[1:], ' ') + 1
		if end == 0 {
			end = len(text)
		}
		out = append(out, text[:end])
		text = text[end:]
	}
	return out
}
