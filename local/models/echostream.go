package models

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// events are a stream of the answer.
func (s *said) events() []byte {
	if s.call.kind == kindResponses {
		return s.responseEvents()
	}
	var out bytes.Buffer
	send := func(v any) {
		raw, _ := json.Marshal(v) // maps of text and numbers always marshal
		fmt.Fprintf(&out, "data: %s\n\n", raw)
	}
	kind := map[bool]string{true: "chat.completion.chunk", false: "text_completion"}[s.call.kind == kindChat]
	piece := func(i int, delta object, text string, finish any) {
		choice := object{"index": i, "finish_reason": finish, "logprobs": nil}
		if s.call.kind == kindChat {
			choice["delta"] = delta
		} else {
			choice["text"] = text
		}
		send(s.object(kind, []object{choice}, nil))
	}
	for i, text := range s.texts {
		if s.call.kind == kindChat {
			piece(i, object{"role": "assistant", "content": ""}, "", nil)
		}
		for _, word := range words(text) {
			piece(i, object{"content": word}, word, nil)
		}
		piece(i, object{}, "", s.finish())
	}
	send(s.object(kind, []object{}, s.usage()))
	out.WriteString("data: [DONE]\n\n")
	return out.Bytes()
}

// response is the object of the responses API.
func (s *said) response(ended bool) object {
	out := object{
		"id": "resp_" + s.id, "object": "response", "created_at": created, "model": s.call.server, "status": "in_progress",
		"output": []object{}, "error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{},
		"parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": []object{}, "top_p": 1, "usage": nil,
	}
	if !ended {
		return out
	}
	out["status"] = s.status()
	if s.cut {
		out["incomplete_details"] = object{"reason": "max_output_tokens"}
	}
	out["output"], out["usage"] = []object{s.message(s.text(), s.status())}, s.usage()
	return out
}

func (s *said) text() string { return s.texts[0] }

func (s *said) status() string {
	if s.cut {
		return "incomplete"
	}
	return "completed"
}

func (s *said) message(text, status string) object {
	content := []object{}
	if status != "in_progress" {
		content = append(content, part(text))
	}
	return object{"id": "msg_" + s.id, "type": "message", "role": "assistant", "status": status, "content": content}
}

func part(text string) object {
	return object{"type": "output_text", "text": text, "annotations": []object{}}
}

func (s *said) responseEvents() []byte {
	var out bytes.Buffer
	number := 0
	send := func(kind string, fields object) {
		fields["type"], fields["sequence_number"] = kind, number
		number++
		raw, _ := json.Marshal(fields) // as above
		fmt.Fprintf(&out, "event: %s\ndata: %s\n\n", kind, raw)
	}
	at := func(more object) object {
		for key, value := range (object{"item_id": "msg_" + s.id, "output_index": 0, "content_index": 0}) {
			more[key] = value
		}
		return more
	}
	send("response.created", object{"response": s.response(false)})
	send("response.in_progress", object{"response": s.response(false)})
	send("response.output_item.added", object{"output_index": 0, "item": s.message("", "in_progress")})
	send("response.content_part.added", at(object{"part": part("")}))
	for _, word := range words(s.text()) {
		send("response.output_text.delta", at(object{"delta": word, "logprobs": []object{}}))
	}
	send("response.output_text.done", at(object{"text": s.text(), "logprobs": []object{}}))
	send("response.content_part.done", at(object{"part": part(s.text())}))
	send("response.output_item.done", object{"output_index": 0, "item": s.message(s.text(), s.status())})
	send("response."+s.status(), object{"response": s.response(true)})
	return out.Bytes()
}
