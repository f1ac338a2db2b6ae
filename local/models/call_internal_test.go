package models

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

func TestWorst(t *testing.T) {
	t.Parallel()
	limits := price.Limits{Context: 1000, Output: 100}
	for name, test := range map[string]struct {
		kind, body         string
		prompt, completion int64 // prompt 0: the length of the body
	}{
		"nothing said":        {kindChat, `{"model":"m"}`, 0, 100},
		"max_tokens":          {kindChat, `{"model":"m","max_tokens":7}`, 0, 7},
		"both":                {kindChat, `{"model":"m","max_tokens":7,"max_completion_tokens":9}`, 0, 9},
		"null":                {kindChat, `{"model":"m","max_tokens":null}`, 0, 100},
		"no end":              {kindChat, `{"model":"m","max_tokens":-1}`, 0, 100},
		"no end for some":     {kindChat, `{"model":"m","max_tokens":-1,"max_completion_tokens":7}`, 0, 100},
		"another's name":      {kindChat, `{"model":"m","max_tokens":1,"n_predict":50}`, 0, 50},
		"another's choices":   {kindChat, `{"model":"m","max_tokens":7,"n_cmpl":3}`, 0, 21},
		"a video":             {kindChat, `{"model":"m","messages":[{"content":[{"type":"video","video":"data:,"}]}]}`, 1000, 100},
		"a part in capitals":  {kindChat, `{"model":"m","messages":[{"content":[{"Type":"image_url","x":1}]}]}`, 1000, 100},
		"words":               {kindChat, `{"model":"m","messages":[{"content":[{"type":"text","text":"type"}]}]}`, 0, 100},
		"a fraction":          {kindChat, `{"model":"m","max_tokens":6.5}`, 0, 7},
		"huge":                {kindChat, `{"model":"m","max_tokens":1e300,"n":1e300}`, 0, most},
		"choices":             {kindChat, `{"model":"m","max_tokens":7,"n":3}`, 0, 21},
		"no choices":          {kindChat, `{"model":"m","max_tokens":7,"n":-3}`, 0, 7},
		"best of":             {kindCompletions, `{"model":"m","max_tokens":7,"n":2,"best_of":5}`, 0, 35},
		"many prompts":        {kindCompletions, `{"model":"m","max_tokens":7,"prompt":["a","b","c"]}`, 0, 21},
		"vectors":             {kindEmbeddings, `{"model":"m","input":"abc","max_tokens":7}`, 0, 0},
		"max_output_tokens":   {kindResponses, `{"model":"m","max_output_tokens":5}`, 0, 5},
		"an earlier response": {kindResponses, `{"model":"m","previous_response_id":"resp_1"}`, 1000, 100},
		"no earlier response": {kindResponses, `{"model":"m","previous_response_id":null}`, 0, 100},
		"a template":          {kindResponses, `{"model":"m","prompt":{"id":"p"}}`, 1000, 100},
		"a reference":         {kindResponses, `{"model":"m","input":[{"type":"item_reference","id":"x"}]}`, 1000, 100},
		"an image":            {kindChat, `{"model":"m","messages":[{"content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}`, 1000, 100},
		"a predicted answer":  {kindChat, `{"model":"m","max_tokens":7,"prediction":{"type":"content","content":"abc"}}`, 0, 7 + 76},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := parseCall([]byte(test.body), operation{kind: test.kind})
			if err != nil {
				t.Fatal(err)
			}
			want := ledger.Usage{Prompt: test.prompt, Completion: test.completion}
			if want.Prompt == 0 {
				want.Prompt = int64(len(test.body))
			}
			if got := c.worst(limits); got != want {
				t.Errorf("%+v, expected %+v", got, want)
			}
		})
	}
}

// What an app sends can be anything; what is made of it is a request or a refusal, and
// its worst case is never below what echo takes for it.
func FuzzCall(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"user","content":"hello"}]}`, `{"model":"m","stream":true,"stream_options":{"include_usage":false},"prompt":["a",""]}`,
		`{"model":"m","input":[[1,2],[3]],"dimensions":3,"encoding_format":"base64"}`, `{"model":"m","max_tokens":1e400,"n":-1}`, `[]`, "{\"model\":\"\xff\"}",
		`{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"é"}]}],"max_output_tokens":1}`,
	} {
		for i := range uint8(4) {
			f.Add(body, i)
		}
	}
	f.Fuzz(func(t *testing.T, body string, which uint8) {
		kind := []string{kindChat, kindCompletions, kindEmbeddings, kindResponses}[which%4]
		c, err := parseCall([]byte(body), operation{kind: kind})
		if err != nil {
			refusedWell(t, err)
			return
		}
		if err := c.check(); err != nil {
			refusedWell(t, err)
			return
		}
		c.server = c.model
		worst := c.worst(price.Limits{Context: 1000, Output: 1 << 30})
		if worst.Prompt < 0 || worst.Completion < 0 {
			t.Fatalf("%q: worst case %+v", body, worst)
		}
		raw, err := c.body("other")
		if err != nil || !json.Valid(raw) {
			t.Fatalf("%q: request %q, %v", body, raw, err)
		}
		got, err := echo{}.answer(t.Context(), c)
		if err != nil {
			refusedWell(t, err)
			return
		}
		answered, err := io.ReadAll(got.body)
		if err != nil {
			t.Fatal(err)
		}
		var took taken
		if !c.stream {
			took.see(answered)
		} else {
			in := newEvents(strings.NewReader(string(answered)))
			for e, err := in.next(); err == nil; e, err = in.next() {
				took.see(e.data)
			}
		}
		if !took.said || took.usage.Prompt > worst.Prompt || took.usage.Completion > worst.Completion {
			t.Errorf("%q: took %+v (%v), worst case %+v", body, took.usage, took.said, worst)
		}
	})
}

func refusedWell(t *testing.T, err error) {
	t.Helper()
	var refused *refusal
	if !errors.As(err, &refused) || refused.status < 400 || refused.status > 499 || !json.Valid(refused.body()) {
		t.Errorf("refused by %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: {}\n\n: comment\n\ndata: a\ndata: b\r\n\r\ndata: [DONE]\n\n")
	f.Add("data: cut off")
	f.Fuzz(func(t *testing.T, in string) {
		e, read := newEvents(strings.NewReader(in)), ""
		for {
			got, err := e.next()
			if err != nil {
				break
			}
			if len(got.raw) == 0 {
				t.Fatal("an event of nothing")
			}
			read += string(got.raw)
			var took taken
			took.see(got.data)
		}
		if !strings.HasPrefix(in, read) {
			t.Errorf("%q became %q", in, read)
		}
	})
}

func TestALongEvent(t *testing.T) {
	t.Parallel()
	in := newEvents(strings.NewReader("data: " + strings.Repeat("a", 1<<20) + "\n\n" + strings.Repeat("b", maxEvent+1)))
	if e, err := in.next(); err != nil || len(e.data) != 1<<20 {
		t.Errorf("%d bytes, %v", len(e.data), err)
	}
	if _, err := in.next(); !errors.Is(err, errLongEvent) {
		t.Errorf("%v, expected that it is too long", err)
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://x.openai.azure.com/": true, "https://x.cognitiveservices.azure.com": true, "https://x.services.ai.azure.com/openai/v1/": true,
		"https://x.openai.azure.us": true, "http://127.0.0.1:8080": true,
		"http://x.openai.azure.com": false, "https://openai.azure.com.example.com": false, "https://example.com": false, "ftp://x": false, "x": false, "https://a:b@x.openai.azure.com": false,
	} {
		u, err := newUpstream(Config{Provider: ProviderAzure, URL: url})
		if (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
		if err == nil && !strings.HasSuffix(u.base.Path, "/openai/v1") {
			t.Errorf("%s: %s", url, u.base)
		}
	}
}
