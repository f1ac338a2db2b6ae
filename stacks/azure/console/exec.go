package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/envctl/envctl/stacks/azure/words"
)

// The first byte of a message says who speaks, the second which stream it is.
const (
	proxyForward = 0
	proxyInfo    = 1
	proxyError   = 2

	clusterStdin  = 0
	clusterStdout = 1
	clusterStderr = 2
	clusterResize = 4
)

const (
	chunk    = 32 << 10 // bytes of stdin in a message
	maxFrame = 16 << 20 // bytes of a message that is taken
	eot      = 4        // what a terminal sends at the end of input
	sessions = 3        // tries to get a session while the proxy has no room
)

// Size is a terminal's, in characters.
type Size struct{ Width, Height uint }

// Session is a command in a container. Container Apps gives every command a
// terminal: without one here, line ends are put back to what they were, and the
// end of Stdin is sent as a terminal's.
type Session struct {
	Command        []string
	Stdin          io.Reader // nil: none
	Stdout, Stderr io.Writer // nil: dropped
	TTY            bool
	Resize         <-chan Size // with TTY; nil: never
	// Wait waits before the next try; nil: a timer.
	Wait func(context.Context, time.Duration) error
}

// Exec runs a command and returns its exit status.
func Exec(ctx context.Context, hc *http.Client, at Address, s Session) (int, error) {
	conn, err := dial(ctx, hc, at, s)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxFrame)
	if err := conn.Write(ctx, websocket.MessageBinary, resize(Size{Width: 120, Height: 30})); err != nil {
		return 0, fmt.Errorf("the session broke off: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.Stdin != nil {
		// A Stdin that blocks in Read is left behind: nothing can interrupt it.
		go send(ctx, conn, s.Stdin, s.TTY)
	}
	if s.TTY && s.Resize != nil {
		go follow(ctx, conn, s.Resize)
	}
	return s.receive(ctx, conn)
}

// dial asks for a session, again while the proxy has no room for one.
func dial(ctx context.Context, hc *http.Client, at Address, s Session) (*websocket.Conn, error) {
	wait := s.Wait
	if wait == nil {
		wait = sleep
	}
	target := "wss" + strings.TrimPrefix(at.Host, "https") + at.Path + "/exec?command=" + url.QueryEscape(Join(s.Command))
	for try := 1; ; try++ {
		conn, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{
			HTTPClient: hc, HTTPHeader: http.Header{"Authorization": {"Bearer " + at.Token}},
		})
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case resp == nil:
			return nil, fmt.Errorf("a session in the container: %w", err)
		case resp.StatusCode != http.StatusTooManyRequests || try == sessions:
			return nil, refused("a session in the container", resp)
		}
		if err := wait(ctx, retryAfter(resp, 10*time.Second)); err != nil {
			return nil, err
		}
	}
}

func retryAfter(resp *http.Response, fallback time.Duration) time.Duration {
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n >= 0 {
		return time.Duration(n) * time.Second
	}
	return fallback
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func resize(s Size) []byte {
	text, _ := json.Marshal(s) // two numbers
	return append([]byte{proxyForward, clusterResize}, text...)
}

func follow(ctx context.Context, conn *websocket.Conn, sizes <-chan Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, ok := <-sizes:
			if !ok || conn.Write(ctx, websocket.MessageBinary, resize(size)) != nil {
				return
			}
		}
	}
}

// send passes stdin on. A terminal takes a sign for the end of it: at the
// beginning of a line one, within a line two.
func send(ctx context.Context, conn *websocket.Conn, in io.Reader, tty bool) {
	buffer := make([]byte, 2+chunk)
	buffer[0], buffer[1] = proxyForward, clusterStdin
	last := byte('\n')
	for {
		n, err := in.Read(buffer[2:])
		if n > 0 {
			last = buffer[1+n]
			if conn.Write(ctx, websocket.MessageBinary, buffer[:2+n]) != nil {
				return // the reader has the error
			}
		}
		if err == nil {
			continue
		}
		if !tty {
			end := []byte{proxyForward, clusterStdin, eot}
			if last != '\n' {
				end = append(end, eot)
			}
			_ = conn.Write(ctx, websocket.MessageBinary, end) // the reader has the error
		}
		return
	}
}

// receive passes output on until the proxy says how the command ended.
func (s Session) receive(ctx context.Context, conn *websocket.Conn) (int, error) {
	out, errs := s.writers()
	defer flush(out, errs)
	for {
		_, data, err := conn.Read(ctx)
		switch {
		case ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case err != nil:
			return 0, ended(err)
		case len(data) == 0:
			return 0, errors.New("the session ended without saying how the command did: try again")
		}
		switch data[0] {
		case proxyInfo:
			if strings.Contains(string(data[1:]), "success status") {
				return 0, nil
			}
		case proxyError:
			return failed(string(data[1:]))
		case proxyForward:
			err = forward(data[1:], out, errs)
		default:
			err = fmt.Errorf("the session sent a message of an unknown kind %d", data[0])
		}
		if err != nil {
			return 0, err
		}
	}
}

func forward(data []byte, out, errs io.Writer) error {
	if len(data) == 0 {
		return errors.New("the session sent a message without a stream")
	}
	var err error
	switch data[0] {
	case clusterStdout:
		_, err = out.Write(data[1:])
	case clusterStderr:
		_, err = errs.Write(data[1:])
	default:
		err = fmt.Errorf("the session sent a message of an unknown stream %d", data[0])
	}
	return err
}

func ended(err error) error {
	var closed websocket.CloseError
	if errors.As(err, &closed) && closed.Reason != "" {
		return fmt.Errorf("the session ended without saying how the command did: %s", closed.Reason)
	}
	return fmt.Errorf("the session broke off: %w", err)
}

// exitCode is in Kubernetes' words for a command that failed.
var exitCode = regexp.MustCompile(`(?i)(?:terminated with|returned|non-zero) exit code:? *(\d+)|exit code:? *(\d+)`)

// failed reads the exit status out of what the proxy says of a failure.
func failed(text string) (int, error) {
	if m := exitCode.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1] + m[2])
		if err == nil && n > 0 && n < 256 {
			return n, nil
		}
	}
	f, _ := words.Of(text)
	return 0, &ExecError{Reason: f.What}
}

// ExecError is a command that could not be run.
type ExecError struct{ Reason string }

func (e *ExecError) Error() string {
	return "the command could not be run in the container: " + e.Reason
}

// Hint says how to mend it.
func (*ExecError) Hint() string {
	return "see whether the app runs with `envctl status -t azure`, and whether its image has the program"
}

// plain are arguments that need no quotes.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Join makes one line of a command, as the proxy takes it apart again: at spaces
// outside of double quotes.
func Join(command []string) string {
	out := make([]string, len(command))
	for i, arg := range command {
		out[i] = arg
		if !plain.MatchString(arg) {
			out[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(arg) + `"`
		}
	}
	return strings.Join(out, " ")
}
