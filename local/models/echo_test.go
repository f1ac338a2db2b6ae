package models_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/models"
	"github.com/envctl/envctl/local/models/ledger"
)

func TestEchoIsDeterministicAndCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path, body string
		want       ledger.Usage
		says       []string
	}{
		"chat": {"/v1/chat/completions", `{"model":"chat","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"how are you"}]}`,
			ledger.Usage{Prompt: 5, Completion: 3}, []string{`"content":"how are you"`, `"finish_reason":"stop"`}},
		"a cut": {"/v1/chat/completions", `{"model":"chat","max_tokens":1,"messages":[{"role":"user","content":"how are you"}]}`,
			ledger.Usage{Prompt: 3, Completion: 1}, []string{`"content":"how "`, `"finish_reason":"length"`}},
		"choices": {"/v1/chat/completions", `{"model":"chat","n":2,"messages":[{"role":"user","content":"how are you"}]}`,
			ledger.Usage{Prompt: 3, Completion: 6}, []string{`"index":1`}},
		"a stream": {"/v1/chat/completions", `{"model":"chat","stream":true,"messages":[{"role":"user","content":"how are you"}]}`,
			ledger.Usage{Prompt: 3, Completion: 3}, []string{`"content":" are"`, "data: [DONE]\n\n"}},
		"a stream with usage": {"/v1/chat/completions", `{"model":"chat","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"how are you"}]}`,
			ledger.Usage{Prompt: 3, Completion: 3}, []string{`"total_tokens":6`}},
		"a completion": {"/v1/completions", `{"model":"chat","prompt":"how are you"}`, ledger.Usage{Prompt: 3, Completion: 3}, []string{`"text":"how are you"`}},
		"a response": {"/v1/responses", `{"model":"chat","instructions":"be kind","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]}]}`,
			ledger.Usage{Prompt: 3, Completion: 1}, []string{`"status":"completed"`, `"text":"hi"`}},
		"an incomplete response": {"/v1/responses", `{"model":"chat","stream":true,"max_output_tokens":1,"input":"how are you"}`,
			ledger.Usage{Prompt: 3, Completion: 1}, []string{"event: response.created\n", "event: response.output_text.delta\n", "event: response.incomplete\n", `"reason":"max_output_tokens"`}},
		"vectors": {"/v1/embeddings", `{"model":"vectors","input":["how","are you"]}`, ledger.Usage{Prompt: 3}, []string{`"index":1`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, models.Config{Provider: "echo"})
			_, first := s.ask(t, test.path, test.body)
			for _, text := range test.says {
				if !strings.Contains(first, text) {
					t.Errorf("%s lacks %q", first, text)
				}
			}
			if all := s.paid(t).Sum(); all.Usage != test.want {
				t.Errorf("took %+v, expected %+v", all.Usage, test.want)
			}
			if _, second := s.ask(t, test.path, test.body); second != first {
				t.Errorf("%s, then %s", first, second)
			}
		})
	}
}

func TestEchoedVectors(t *testing.T) {
	t.Parallel()
	s := serve(t, models.Config{Provider: "echo"})
	vectors := func(body string) [][]float64 {
		var got struct {
			Data []struct{ Embedding []float64 }
		}
		if _, raw := s.ask(t, "/v1/embeddings", body); json.Unmarshal([]byte(raw), &got) != nil {
			t.Fatal(raw)
		}
		var out [][]float64
		for _, d := range got.Data {
			out = append(out, d.Embedding)
		}
		return out
	}
	v := vectors(`{"model":"vectors","dimensions":256,"input":["a red apple","the red apple","quarterly figures",""]}`)
	dot := func(a, b []float64) (sum float64) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	for _, x := range v {
		if len(x) != 256 || math.Abs(dot(x, x)-1) > 1e-5 {
			t.Errorf("%d numbers, length %f", len(x), dot(x, x))
		}
	}
	if near, far := dot(v[0], v[1]), dot(v[0], v[2]); near < 0.5 || math.Abs(far) > 0.3 {
		t.Errorf("likeness %f and %f", near, far)
	}
	if d := vectors(`{"model":"vectors","input":"a"}`); len(d) != 1 || len(d[0]) != 1536 {
		t.Errorf("%d vectors", len(d))
	}
}
