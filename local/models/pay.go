package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/envctl/envctl/local/models/ledger"
)

// maxAnswer is the longest answer in bytes that is no stream: 2,048 vectors of 3,072
// numbers fit.
const maxAnswer = 128 << 20

// answer is what a provider answers with. The body may still be coming.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser
}

var errHungUp = errors.New("the client hung up")

// pay makes a call and settles it, whichever way it ends.
func (s *Server) pay(w http.ResponseWriter, r *http.Request, c *call, paid *ledger.Reservation) (err error) {
	var took taken
	running := false
	defer func() {
		usage := took.end(paid.Worst(), running)
		// A client that hung up has ended its context; the call is paid all the same.
		alerts, failed := paid.Settle(context.WithoutCancel(r.Context()), usage)
		if failed != nil {
			s.config.Notice(failed.Error())
		}
		s.tell(c, paid, usage, alerts)
	}()
	ctx, cancel := s.lasting(r.Context())
	defer cancel()
	got, err := s.provider.answer(ctx, c)
	if err != nil {
		// Who asked is gone: the server may have begun to work.
		running = ctx.Err() != nil
		return err
	}
	defer got.body.Close()
	pass := &passing{server: s, w: w, call: c, took: &took, hungUp: r.Context().Done()}
	if got.status != http.StatusOK {
		return pass.failed(got)
	}
	if strings.HasPrefix(got.header.Get("Content-Type"), "text/event-stream") {
		err = pass.stream(ctx, got)
	} else {
		err = pass.whole(ctx, got)
	}
	running = err != nil && ctx.Err() != nil
	if errors.Is(err, errHungUp) {
		return nil
	}
	return err
}

// lasting is a context that outlives a client that hangs up by the time to drain,
// and ends with the server.
func (s *Server) lasting(client context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(client))
	stopClient := context.AfterFunc(client, func() {
		timer := time.AfterFunc(s.config.Limits.Drain, func() { cancel(errHungUp) })
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	stopServer := context.AfterFunc(s.ending, func() { cancel(errors.New("envctl ends")) })
	return ctx, func() {
		stopClient()
		stopServer()
		cancel(nil)
	}
}

// tell tells of alerts, and of a call that took more than can be.
func (s *Server) tell(c *call, paid *ledger.Reservation, usage ledger.Usage, alerts []int) {
	budget := s.config.Budget
	for _, percent := range alerts {
		s.config.Notice(fmt.Sprintf("budget: the models have used %d %% of this month's %s %s", percent, budget.Amount, budget.Currency))
	}
	if worst := paid.Worst(); usage.Prompt > worst.Prompt || usage.Completion > worst.Completion {
		s.config.Notice(fmt.Sprintf("model %q: the server says that a call took %d and %d tokens, and it cannot have taken more than %d and %d",
			c.model, usage.Prompt, usage.Completion, worst.Prompt, worst.Completion))
	}
}

// passing is one answer on its way to the client.
type passing struct {
	server *Server
	w      http.ResponseWriter
	call   *call
	took   *taken
	hungUp <-chan struct{}
	gone   bool // the client does not read any more
}

// passedHeaders are what a client may learn of the server.
func passedHeaders() []string {
	return []string{
		"Content-Type", "Retry-After", "Retry-After-Ms", "X-Should-Retry", "X-Request-Id", "Apim-Request-Id", "X-Ms-Region",
		"Openai-Processing-Ms", "X-Ratelimit-Limit-Requests", "X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Requests",
		"X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Requests", "X-Ratelimit-Reset-Tokens",
	}
}

func (p *passing) head(got *answer) {
	for _, name := range passedHeaders() {
		if values := got.header.Values(name); len(values) > 0 {
			p.w.Header()[name] = values
		}
	}
	p.w.WriteHeader(got.status)
}

// failed passes a server's error on. What it says of envctl's own credentials is
// not for the app.
func (p *passing) failed(got *answer) error {
	raw, err := io.ReadAll(io.LimitReader(got.body, 1<<20))
	switch {
	case got.status == http.StatusUnauthorized || got.status == http.StatusForbidden:
		p.server.config.Notice(fmt.Sprintf("the model server refuses envctl's credentials with status %d", got.status))
		return refuse(http.StatusBadGateway, "model_server", "the model server refuses envctl's credentials (status %d): mend them on the host", got.status)
	case got.status < http.StatusBadRequest:
		return refuse(http.StatusBadGateway, "model_server", "the model server answers with status %d, which envctl does not follow", got.status)
	case err != nil:
		return refuse(http.StatusBadGateway, "model_server", "the model server's answer with status %d did not come whole: %v", got.status, err)
	}
	p.took.see(raw)
	p.took.bytes = 0 // an error is no product
	p.head(got)
	_, _ = p.w.Write(raw) // a client that is gone reads no error
	return nil
}

// whole passes an answer on that is no stream, once all of it is there.
func (p *passing) whole(ctx context.Context, got *answer) error {
	raw, err := readHeavy(io.LimitReader(got.body, maxAnswer+1), func() error { return p.call.weight.weigh(ctx) })
	if err == nil && len(raw) > maxAnswer {
		err = fmt.Errorf("it has more than %d bytes", maxAnswer)
	}
	if err == nil && !json.Valid(raw) {
		err = errors.New("it is not JSON")
	}
	if err != nil {
		p.took.bytes = int64(len(raw))
		return refuse(http.StatusBadGateway, "model_server", "the model server's answer did not come whole: %v", err)
	}
	p.took.see(raw)
	p.head(got)
	_, _ = p.w.Write(raw) // a client that is gone has paid all the same
	return nil
}
