package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/gateway"
	"github.com/envctl/envctl/local/gateway/protocol"
)

// output is a LogSource of text; open says that more may come after it.
type output struct {
	text string
	open bool
	err  error
}

func (o output) Logs(ctx context.Context) (io.ReadCloser, error) {
	if o.err != nil {
		return nil, o.err
	}
	r, w := io.Pipe()
	go func() {
		io.WriteString(w, o.text)
		if o.open {
			<-ctx.Done()
		}
		w.Close()
	}()
	return r, nil
}

// line is one health event as a gateway writes it.
func line(app string, state protocol.State, reason string) string {
	text, err := json.Marshal(protocol.Event{Event: protocol.EventHealth, App: app, State: state, Reason: reason})
	if err != nil {
		panic(err)
	}
	return string(text) + "\n"
}

func TestWaitHealthy(t *testing.T) {
	t.Parallel()
	const stop = `{"event":"stop","reason":"status socket: gone"}` + "\n"
	cases := map[string]struct {
		source output
		apps   []string
		want   string // of the error; empty: none
	}{
		"healthy":             {output{text: line("api", "starting", "") + line("api", "healthy", "GET /: 200"), open: true}, []string{"api"}, ""},
		"others do not count": {output{text: line("web", "never-up", "x") + line("api", "healthy", "y"), open: true}, []string{"api"}, ""},
		"all of several":      {output{text: line("web", "healthy", "x") + line("api", "healthy", "y"), open: true}, []string{"api", "web"}, ""},
		"nothing to wait for": {output{err: errors.New("not asked")}, nil, ""},
		"never up":            {output{text: line("api", "never-up", "GET /healthz: 503"), open: true}, []string{"api"}, `app "api" did not become healthy in its time to start (GET /healthz: 503)`},
		"one of several":      {output{text: line("api", "healthy", "x") + line("web", "unhealthy", "GET /: timed out"), open: true}, []string{"api", "web"}, `app "web" became unhealthy (GET /: timed out)`},
		"gateway ends":        {output{text: line("api", "starting", "")}, []string{"api"}, "the gateway container has stopped"},
		"gateway says why":    {output{text: stop}, []string{"api"}, "the gateway container has stopped: status socket: gone"},
		"no output":           {output{err: errors.New("no such container")}, []string{"api"}, "output of the gateway: no such container"},
		"terminal codes":      {output{text: line("api", "never-up", "\x1b[2Jx\ny"), open: true}, []string{"api"}, `app "api" did not become healthy in its time to start ( [2Jx y)`},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := gateway.WaitHealthy(ctx, test.source, test.apps...)
			if got := fmt.Sprint(err); test.want == "" && err != nil || test.want != "" && got != test.want {
				t.Errorf("error %q, expected %q", got, test.want)
			}
		})
	}
}

func TestWaitHealthyErrorsCanBeToldApart(t *testing.T) {
	t.Parallel()
	var notReady *gateway.NotReady
	err := gateway.WaitHealthy(t.Context(), output{text: line("api", "unhealthy", "x")}, "api")
	if !errors.As(err, &notReady) || notReady.App != "api" || notReady.State != protocol.StateUnhealthy || notReady.Reason != "x" {
		t.Errorf("error %#v, expected a NotReady", err)
	}
	if err := gateway.WaitHealthy(t.Context(), output{}, "api"); !errors.Is(err, gateway.ErrStopped) {
		t.Errorf("error %v, expected ErrStopped", err)
	}
}

func TestWaitHealthyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := gateway.WaitHealthy(ctx, output{text: line("api", "starting", ""), open: true}, "api")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, expected the context's", err)
	}
}

func TestFollowSeesEverythingInOrder(t *testing.T) {
	t.Parallel()
	text := `{"event":"start"}` + "\n" + line("a", "starting", "") + "noise\n" + line("a", "healthy", "x") + `{"event":"ingress","app":"a","reason":"r","count":2}` + "\n"
	var got []string
	err := gateway.Follow(t.Context(), output{text: text}, func(e protocol.Event) error {
		got = append(got, strings.TrimSpace(e.Event+" "+string(e.State)))
		return nil
	})
	if want := "start, health starting, health healthy, ingress"; strings.Join(got, ", ") != want || !errors.Is(err, gateway.ErrStopped) {
		t.Errorf("events %v, %v, expected %s", got, err, want)
	}
}
