package duty

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Steward is one run of the program.
type Steward struct {
	Getenv func(string) string
	Out    io.Writer // one line a finding; it goes to the environment's logs
	HTTP   *http.Client
	Now    func() time.Time
	// Sleep waits, or returns the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Sleep waits by a timer.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// The exit statuses of Main.
const (
	statusDone   = 0
	statusFailed = 1
	statusUsage  = 2
)

// Main runs the mode that is the only argument and returns the exit status.
func (s *Steward) Main(ctx context.Context, args []string) int {
	modes := map[string]func(context.Context) error{Expire: s.expire, Stop: s.stop, Ready: s.ready}
	if len(args) != 1 || modes[args[0]] == nil {
		s.say("arguments %q, expected one of %s, %s and %s", args, Expire, Stop, Ready)
		return statusUsage
	}
	if err := modes[args[0]](ctx); err != nil {
		s.say("%s: %v", args[0], err)
		return statusFailed
	}
	return statusDone
}

func (s *Steward) say(format string, args ...any) {
	fmt.Fprintf(s.Out, format+"\n", args...)
}

// need returns the value of a variable that has to be there.
func (s *Steward) need(name string) (string, error) {
	value := s.Getenv(name)
	if value == "" {
		return "", fmt.Errorf("variable %s is not set: envctl up sets it", name)
	}
	return value, nil
}

// deadline is how long to try.
func (s *Steward) deadline() (time.Duration, error) {
	const otherwise = 5 * time.Minute
	text := s.Getenv(EnvDeadline)
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("variable %s is %q, expected a time above 0 as 5m", EnvDeadline, text)
	}
	return d, nil
}
