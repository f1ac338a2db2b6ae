package dockerrun

import (
	"context"
	"errors"
	"testing"

	"github.com/envctl/envctl/local/docker"
)

// One call that was given up while it connected is no reason for the next to fail: a
// server for agents has one runner as long as it lives.
func TestConnectAgain(t *testing.T) {
	t.Parallel()
	calls := 0
	r := Runner{Connect: func(ctx context.Context) (*docker.Engine, error) {
		calls++
		return nil, ctx.Err()
	}}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.connect(cancelled); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.Connect = func(context.Context) (*docker.Engine, error) { calls++; return nil, errors.New("asked again") }
	if _, err := r.connect(t.Context()); calls != 2 || err == nil || err.Error() != "asked again" {
		t.Errorf("%d calls, %v", calls, err)
	}
}
