package models

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/envctl/envctl/local/models/ledger"
	"github.com/envctl/envctl/local/models/price"
)

// most keeps sums of tokens far from the end of an int64.
const most = 1 << 40

// worst is the most that a call can take.
//
//   - The prompt has at most one token a byte of the request: tokens of byte-pair
//     encodings have a byte at least, and what a provider adds to each message is
//     less than the JSON around it. Where more than the request's text counts (an
//     image, an earlier response), it is the model's context.
//   - The answer has at most max_tokens or what else lengths names, the largest of them,
//     else what the model gives at most; each choice (n, best_of) as much, for each
//     prompt of a list.
func (c *call) worst(limits price.Limits) ledger.Usage {
	prompt := int64(c.size)
	if !c.textOnly() {
		prompt = max(prompt, limits.Context)
	}
	if c.kind == kindEmbeddings {
		return ledger.Usage{Prompt: prompt}
	}
	var answer int64
	for _, name := range lengths() {
		n, ok := c.number(name)
		if ok && n < 0 { // no end, as some servers have it; they may not read the other names
			n = limits.Output
		}
		answer = max(answer, n)
	}
	if answer == 0 {
		answer = limits.Output
	}
	if c.fields["prediction"] != nil {
		answer += int64(c.size) // what was predicted wrongly is paid as an answer
	}
	return ledger.Usage{Prompt: min(prompt, most), Completion: times(times(answer, c.choices()), c.prompts())}
}

// choices is how many answers a prompt gets.
func (c *call) choices() int64 {
	choices := int64(1)
	for _, name := range counts() {
		if n, ok := c.number(name); ok {
			choices = max(choices, n)
		}
	}
	return choices
}

func times(a, b int64) int64 {
	if a > 0 && b > most/a {
		return most
	}
	return a * b
}

// number is a whole number of a field; a fraction is rounded up.
func (c *call) number(name string) (int64, bool) {
	var n *float64
	if raw, ok := c.fields[name]; !ok || json.Unmarshal(raw, &n) != nil || n == nil {
		return 0, false
	}
	if *n >= most {
		return most, true
	}
	whole := int64(*n)
	if float64(whole) < *n {
		whole++
	}
	return whole, true
}

// prompts is how many prompts are answered, each by an answer of its own.
func (c *call) prompts() int64 {
	var list []json.RawMessage
	if c.kind != kindCompletions || json.Unmarshal(orNull(c.fields["prompt"]), &list) != nil {
		return 1
	}
	return max(1, int64(len(list))) // a list of tokens is one prompt; more is safe
}

// textOnly says that nothing but the request's own text counts.
func (c *call) textOnly() bool {
	for _, name := range []string{"previous_response_id", "conversation"} {
		if raw := c.fields[name]; raw != nil && string(raw) != "null" {
			return false
		}
	}
	if c.kind == kindResponses && c.fields["prompt"] != nil { // a template at the provider
		return false
	}
	for _, name := range []string{"messages", "input"} {
		if raw := c.fields[name]; raw != nil && !walk(raw, textPart) {
			return false
		}
	}
	return true
}

// textPart says that a value is not the type of a part that may be no text, and no
// reference to something that the provider has. Types that are not known here may be
// anything, so they are no text.
func textPart(key, value string) bool {
	switch key = strings.ToLower(key); {
	case key == "type":
		return slices.Contains([]string{
			"", "text", "input_text", "output_text", "summary_text", "reasoning_text", "refusal", "message", "reasoning",
			"function", "function_call", "function_call_output", "custom", "custom_tool_call", "custom_tool_call_output",
			"content", "ephemeral",
		}, value)
	case key == "file_id", key == "file_data", addressKeys(key):
		return false
	}
	return true
}
