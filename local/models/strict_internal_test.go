package models

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// What envctl reads of a request is what any server reads of it.
func TestOneReading(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ body, says string }{
		"two models":               {`{"model":"m","model":"gpt-5-pro"}`, "model: is given twice"},
		"two models, one escaped":  {`{"model":"m","mod\u0065l":"gpt-5-pro"}`, "model: is given twice"},
		"two lengths":              {`{"model":"m","max_tokens":1000000,"max_tokens":1}`, "max_tokens: is given twice"},
		"two types of a tool":      {`{"model":"m","tools":[{"type":"web_search","type":"function"}]}`, "type: is given twice"},
		"a type in two spellings":  {`{"model":"m","tools":[{"type":"web_search","Type":"function"}]}`, "another spelling"},
		"a type in capitals":       {`{"model":"m","tools":[{"TYPE":"web_search"}]}`, "another spelling"},
		"a type that is no text":   {`{"model":"m","tools":[{"type":["web_search"]}]}`, "is not a text"},
		"two addresses":            {`{"model":"m","messages":[{"content":[{"image_url":{"url":"http://x/","url":"data:,"}}]}]}`, "url: is given twice"},
		"an address in capitals":   {`{"model":"m","messages":[{"content":[{"Image_URL":"http://x/"}]}]}`, "fetched by the provider"},
		"a video's address":        {`{"model":"m","messages":[{"content":[{"type":"video_url","video_url":"http://x/"}]}]}`, "fetched by the provider"},
		"an address in a template": {`{"model":"m","prompt":{"id":"p","variables":{"v":{"type":"input_image","image_url":"http://x/"}}}}`, "fetched by the provider"},
		"a length in capitals":     {`{"model":"m","Max_Tokens":7}`, "another spelling of max_tokens"},
		"a folded letter":          {"{\"model\":\"m\",\"max_to\u212aens\":7}", "another spelling of max_tokens"},
		"a stream in capitals":     {`{"model":"m","Stream":true}`, "another spelling of stream"},
		"usage in capitals":        {`{"model":"m","stream":true,"stream_options":{"Include_Usage":false}}`, "another spelling of include_usage"},
		"a length as text":         {`{"model":"m","max_tokens":"1000000","max_completion_tokens":1}`, "max_tokens: is not a number"},
		"a length without end":     {`{"model":"m","max_tokens":1e999,"max_completion_tokens":1}`, "max_tokens: is not a number"},
		"choices as text":          {`{"model":"m","n":"100"}`, "n: is not a number"},
		"data of Azure":            {`{"model":"m","data_sources":[{"type":"azure_search","parameters":{"endpoint":"https://x/"}}]}`, "reach out"},
		"a host to fetch from":     {`{"model":"m","kv_transfer_params":{"remote_host":"x"}}`, "reach out"},
		"other models":             {`{"model":"m","models":["gpt-5-pro"]}`, "another model"},
		"another server":           {`{"model":"m","api_base":"http://x/"}`, "another model or server"},

		"keys of different objects": {`{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`, ""},
		"keys of a schema":          {`{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"Type":{"type":"string"},"type":{"type":"string"},"url":{"type":"string"}}}}}]}`, ""},
		"a list after a value":      {`{"model":"m","stop":["a","a"],"tools":[],"metadata":{"a":{},"b":{}}}`, ""},
		"fields of others":          {`{"model":"m","top_k":5,"chat_template_kwargs":{"enable_thinking":false}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := kindChat
			if strings.Contains(test.body, `"prompt"`) {
				kind = kindResponses
			}
			c, err := parseCall([]byte(test.body), operation{kind: kind})
			if err == nil {
				err = c.check()
			}
			if test.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("%v, expected %q", err, test.says)
			}
			refusedWell(t, err)
		})
	}
}

// A few large requests are held at a time, however many come.
func TestLargeRequestsWait(t *testing.T) {
	t.Parallel()
	s := &Server{heavy: make(chan struct{}, 1)}
	large := func(ctx context.Context) (*weight, error) {
		w := &weight{server: s}
		raw, err := readHeavy(strings.NewReader(strings.Repeat("x", light+1)), func() error { return w.weigh(ctx) })
		if err == nil && len(raw) != light+1 {
			t.Errorf("%d bytes", len(raw))
		}
		return w, err
	}
	first, err := large(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.weigh(t.Context()); err != nil { // its answer is large too
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var refused *refusal
	if second, err := large(ctx); !errors.As(err, &refused) || second.heavy {
		t.Errorf("a second one is held: %v", err)
	}
	small := func() error { t.Error("a small one waits"); return nil }
	if raw, err := readHeavy(io.LimitReader(strings.NewReader("small"), light), small); err != nil || string(raw) != "small" {
		t.Errorf("%q, %v", raw, err)
	}
	first.end()
	third, err := large(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	third.end()
}

// Echo cannot be made to fill the memory or to take the processor for long.
func TestEchoHasAnEnd(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a ", 1<<19)
	for name, test := range map[string]struct{ kind, body string }{
		"a long text":  {kindChat, `{"model":"m","messages":[{"role":"user","content":"` + long + `"}]}`},
		"many choices": {kindChat, `{"model":"m","n":128,"messages":[{"role":"user","content":"` + long[:4096] + `"}]}`},
		"many prompts": {kindCompletions, `{"model":"m","n":128,"prompt":["` + strings.Repeat(`","`, 1<<16) + `"]}`},
		"many words":   {kindEmbeddings, `{"model":"m","input":"` + long + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := parseCall([]byte(test.body), operation{kind: test.kind})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = echo{}.answer(t.Context(), c)
			if err == nil {
				t.Errorf("answers after %s", time.Since(began))
			} else {
				refusedWell(t, err)
			}
		})
	}
}
