package models

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// lengths are the fields that bound an answer, in the words of OpenAI and of servers
// that read their own name first (llama.cpp, text-generation-inference, Ollama).
func lengths() []string {
	return []string{"max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "n_predict", "num_predict"}
}

// counts are the fields that say how many answers a prompt gets.
func counts() []string { return []string{"n", "best_of", "n_cmpl"} }

// elsewhere are fields that make a server reach out, or ask another model than the one
// that is paid for, with why they are refused.
func elsewhere() map[string]string {
	const reaches = "makes the model server reach out for the app, which has no way out of the sandbox"
	const another = "asks another model or server than the one that the budget counts"
	return map[string]string{
		"web_search_options": "searches the web for the app, which has no way out of the sandbox",
		"data_sources":       reaches, // Azure OpenAI On Your Data
		"plugins":            reaches, // OpenRouter
		"mcp_servers":        reaches, // servers with Anthropic's connector
		"kv_transfer_params": reaches, // vLLM: names a host to fetch from
		"ec_transfer_params": reaches,
		"models":             another, // OpenRouter
		"fallbacks":          another, // LiteLLM
		"api_base":           another,
		"base_url":           another,
		"api_key":            another,
	}
}

// read are the fields that are looked at here.
func read() []string {
	return slices.Concat(lengths(), counts(), sorted(elsewhere()), []string{
		"model", "stream", "stream_options", "messages", "input", "prompt", "prediction", "previous_response_id",
		"conversation", "background", "service_tier", "tools", "dimensions", "encoding_format",
	})
}

// oneReading refuses a request that two programs may read in two ways: a key that an
// object has twice, of which some take the first and some the last one, and another
// spelling of a field that is looked at here, which servers in Go read as the field.
func (c *call) oneReading(raw []byte) error {
	if key, twice := repeated(raw); twice {
		return c.wrong(key, "is given twice in one object, so what it says depends on who reads it")
	}
	for _, name := range read() {
		if other := spelledElse(c.fields, name); other != "" {
			return c.wrong(other, "is another spelling of "+name)
		}
	}
	var options map[string]json.RawMessage
	if err := c.field("stream_options", &options, "an object"); err != nil {
		return err
	}
	if other := spelledElse(options, "include_usage"); other != "" {
		return c.wrong("stream_options", other+" is another spelling of include_usage")
	}
	return nil
}

// spelledElse returns a key that only differs from name in its case, as Unicode and
// encoding/json fold it.
func spelledElse(fields map[string]json.RawMessage, name string) string {
	for key := range fields {
		if key != name && strings.EqualFold(key, name) {
			return key
		}
	}
	return ""
}

// nesting is an object or a list that is being read.
type nesting struct {
	keys map[string]bool // nil: a list
	next bool            // the next token is a key
}

// repeated returns a key that one object within raw, which is JSON, has twice.
func repeated(raw []byte) (key string, twice bool) {
	in := json.NewDecoder(bytes.NewReader(raw))
	in.UseNumber() // any number is one
	stack := []*nesting{{}}
	for {
		token, err := in.Token()
		if err != nil { // the end
			return "", false
		}
		top := stack[len(stack)-1]
		switch token {
		case json.Delim('{'):
			stack = append(stack, &nesting{keys: map[string]bool{}, next: true})
			continue
		case json.Delim('['):
			stack = append(stack, &nesting{})
			continue
		case json.Delim('}'), json.Delim(']'):
			stack = stack[:len(stack)-1]
			top = stack[len(stack)-1]
		default:
			if top.next {
				key, _ = token.(string)
				if top.keys[key] {
					return key, true
				}
				top.keys[key], top.next = true, false
				continue
			}
		}
		top.next = top.keys != nil // a value has ended
	}
}

// checkNumbers refuses what a lenient server may take for a number and number does not.
func (c *call) checkNumbers() error {
	for _, name := range slices.Concat(lengths(), counts()) {
		var n *float64
		if err := c.field(name, &n, "a number"); err != nil {
			return err
		}
	}
	return nil
}
