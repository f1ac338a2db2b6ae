package console_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/envctl/envctl/stacks/azure/console"
)

// proxy is the far end of a session: it answers with frames, and notes what it got.
type proxy struct {
	mu       sync.Mutex
	command  string
	received []string
	enough   func(received []string) bool // when the frames are sent
	frames   []string
	refuse   int // how many times with 429 first
}

func (p *proxy) serve(t *testing.T) (*http.Client, console.Address) {
	return serve(t, "/exec", func(w http.ResponseWriter, r *http.Request) {
		if p.refuse > 0 {
			p.refuse--
			w.Header().Set("Retry-After", "7")
			http.Error(w, "too many", http.StatusTooManyRequests)
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.CloseNow() }()
		p.mu.Lock()
		p.command = r.URL.Query().Get("command")
		p.mu.Unlock()
		for p.enough != nil {
			_, data, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			p.mu.Lock()
			p.received = append(p.received, string(data))
			enough := p.enough(p.received)
			p.mu.Unlock()
			if enough {
				break
			}
		}
		for _, frame := range p.frames {
			if conn.Write(r.Context(), websocket.MessageBinary, []byte(frame)) != nil {
				return
			}
		}
		_ = conn.Close(websocket.StatusNormalClosure, "over")
	})
}

const success = "\x01received success status from cluster"

func TestExec(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		frames   []string
		status   int
		out, err string
		fails    string
	}{
		"output":                      {frames: []string{"\x01Connecting to the container", "\x00\x01one\r", "\x00\x01\ntwo\r\n", "\x00\x02oops\r\n", success}, out: "one\ntwo\n", err: "oops\n"},
		"ends with a carriage return": {frames: []string{"\x00\x0150%\r", success}, out: "50%\r"},
		"fails":                       {frames: []string{"\x02{\"Error\":{\"Code\":\"ClusterExecFailure\",\"Message\":\"command terminated with non-zero exit code: Error, exit code 3\"}}"}, status: 3},
		"fails short":                 {frames: []string{"\x02command terminated with exit code 127, error code: 0."}, status: 127},
		"no program":                  {frames: []string{"\x02exec: \"nope\": executable file not found in $PATH"}, fails: "could not be started"},
		"no container":                {frames: []string{"\x02ClusterExecFailure: Cannot attach to a container that is not running"}, fails: "not running"},
		"closed early":                {frames: []string{"\x00\x01half"}, out: "half", fails: "over"},
		"empty message":               {frames: []string{""}, fails: "without saying"},
		"no stream":                   {frames: []string{"\x00"}, fails: "without a stream"},
		"odd stream":                  {frames: []string{"\x00\x09x"}, fails: "unknown stream"},
		"odd speaker":                 {frames: []string{"\x07x"}, fails: "unknown kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &proxy{frames: c.frames}
			hc, address := p.serve(t)
			var out, errs bytes.Buffer
			status, err := console.Exec(t.Context(), hc, address, console.Session{Command: []string{"sh"}, Stdout: &out, Stderr: &errs})
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) || status != c.status {
				t.Errorf("%d, %v", status, err)
			}
			if out.String() != c.out || errs.String() != c.err {
				t.Errorf("%q, %q", out.String(), errs.String())
			}
		})
	}
}

// What a user types goes to the command, and its end as a terminal's.
func TestExecSendsInput(t *testing.T) {
	t.Parallel()
	p := &proxy{frames: []string{success}, enough: func(got []string) bool { return strings.HasSuffix(got[len(got)-1], "\x04") }}
	hc, address := p.serve(t)
	status, err := console.Exec(t.Context(), hc, address, console.Session{Command: []string{"sh", "-c", `echo "a b"`}, Stdin: strings.NewReader("line\nhalf")})
	if status != 0 || err != nil {
		t.Fatal(status, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	want := []string{"\x00\x04" + `{"Width":120,"Height":30}`, "\x00\x00line\nhalf", "\x00\x00\x04\x04"}
	if !slices.Equal(p.received, want) || p.command != `sh -c "echo \"a b\""` {
		t.Errorf("%q, command %s", p.received, p.command)
	}
}

// With a terminal here, bytes go through as they are, and so does its size.
func TestExecWithATerminal(t *testing.T) {
	t.Parallel()
	p := &proxy{frames: []string{"\x00\x01a\r\n", success}, enough: func(got []string) bool { return len(got) == 2 }}
	hc, address := p.serve(t)
	sizes := make(chan console.Size, 1)
	sizes <- console.Size{Width: 200, Height: 50}
	var out bytes.Buffer
	if status, err := console.Exec(t.Context(), hc, address, console.Session{Command: []string{"sh"}, TTY: true, Resize: sizes, Stdout: &out}); status != 0 || err != nil {
		t.Fatal(status, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if out.String() != "a\r\n" || p.received[1] != "\x00\x04"+`{"Width":200,"Height":50}` {
		t.Errorf("%q, %q", out.String(), p.received)
	}
}

func TestExecWaitsForRoom(t *testing.T) {
	t.Parallel()
	p := &proxy{frames: []string{success}, refuse: 2}
	hc, address := p.serve(t)
	var waited []time.Duration
	wait := func(_ context.Context, d time.Duration) error { waited = append(waited, d); return nil }
	if _, err := console.Exec(t.Context(), hc, address, console.Session{Command: []string{"sh"}, Wait: wait}); err != nil || !slices.Equal(waited, []time.Duration{7e9, 7e9}) {
		t.Errorf("%v, %v", waited, err)
	}
	p.refuse = 3
	_, err := console.Exec(t.Context(), hc, address, console.Session{Command: []string{"sh"}, Wait: wait})
	var refused *console.Refused
	if !errors.As(err, &refused) || refused.Status != 429 {
		t.Errorf("%v", err)
	}
	p.refuse = 1
	stop := errors.New("interrupted")
	if _, err := console.Exec(t.Context(), hc, address, console.Session{Command: []string{"sh"}, Wait: func(context.Context, time.Duration) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

// An interrupted session ends, also while its stdin blocks.
func TestExecIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	p := &proxy{enough: func(got []string) bool { cancel(stop); return false }}
	hc, address := p.serve(t)
	in, _ := io.Pipe()
	if _, err := console.Exec(ctx, hc, address, console.Session{Command: []string{"sh"}, Stdin: in}); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}
