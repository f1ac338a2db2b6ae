package models

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// stream passes events on as they come. After a hang-up it goes on reading, to learn
// what the call took, until ctx ends.
func (p *passing) stream(ctx context.Context, got *answer) error {
	p.head(got)
	flush := http.NewResponseController(p.w)
	_ = flush.Flush() // a client that is gone is found out by the next write
	in := newEvents(got.body)
	for {
		e, err := in.next()
		if errors.Is(err, io.EOF) && (p.took.ended || p.took.said) {
			return p.ended()
		}
		if err != nil {
			return p.broken(ctx, err)
		}
		r := p.took.see(e.data)
		if p.gone || p.onlyUsage(r) {
			continue
		}
		select {
		case <-p.hungUp:
			p.gone = true
			continue
		default:
		}
		if _, err := p.w.Write(e.raw); err != nil || flush.Flush() != nil {
			p.gone = true
		}
	}
}

func (p *passing) ended() error {
	if p.gone {
		return errHungUp
	}
	return nil
}

// onlyUsage says that an event is there because envctl asked for it.
func (p *passing) onlyUsage(r reply) bool {
	return !p.call.usage && len(r.Choices) == 0 && len(r.Usage) > 0 && !bytes.Equal(r.Usage, []byte("null"))
}

// broken ends a stream that does not end as it should: the client gets an event that
// its library raises as an error.
func (p *passing) broken(ctx context.Context, err error) error {
	if p.gone {
		return errHungUp
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the model server ended the stream in the middle")
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	out := refuse(http.StatusBadGateway, "model_server", "%v", err)
	text := fmt.Sprintf("data: %s\n\n", out.body())
	if p.call.kind == kindResponses {
		raw, failed := json.Marshal(map[string]any{"type": "error", "code": out.code, "message": out.message, "param": nil, "sequence_number": 0})
		if failed != nil {
			return failed
		}
		text = fmt.Sprintf("event: error\ndata: %s\n\n", raw)
	}
	p.server.config.Notice(fmt.Sprintf("model %q: %v", p.call.model, err))
	_, _ = io.WriteString(p.w, text) // a client that is gone reads no error
	return errHungUp
}
