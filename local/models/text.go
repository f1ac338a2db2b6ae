package models

import (
	"encoding/json"
	"strings"
)

// message is one of a chat, or an item of the input of a response.
type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// lastText is the text of the last message of a user, or all of the input where it
// is no list.
func lastText(raw json.RawMessage) string {
	var messages []message
	if json.Unmarshal(orNull(raw), &messages) != nil {
		return allText(raw)
	}
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role == "user" {
			return allText(messages[i].Content)
		}
	}
	return allText(raw)
}

// allText joins the texts of a message, of its parts, or of a list of either.
func allText(raw json.RawMessage) string {
	var text string
	if raw == nil || json.Unmarshal(raw, &text) == nil {
		return text
	}
	var list []struct {
		Text    string          `json:"text"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(raw, &list) != nil {
		return ""
	}
	var parts []string
	for _, item := range list {
		if item.Text != "" {
			parts = append(parts, item.Text)
		} else if text := allText(item.Content); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n")
}

// inputs are the texts of a prompt or of an input of embeddings: a text, a list of
// texts, a list of tokens, or a list of lists of tokens. Tokens are kept as numbers.
func inputs(raw json.RawMessage) []string {
	var one string
	if raw != nil && json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var texts []string
	if json.Unmarshal(orNull(raw), &texts) == nil {
		return texts
	}
	var tokens []json.Number
	if json.Unmarshal(raw, &tokens) == nil {
		return []string{string(raw)}
	}
	var lists []json.RawMessage
	if json.Unmarshal(raw, &lists) != nil {
		return nil
	}
	for _, list := range lists {
		texts = append(texts, string(list))
	}
	return texts
}
