package docker_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestExecStreamJoinsInputAndOutput(t *testing.T) {
	t.Parallel()
	e := engine(t)
	id := start(t, e, labels(t, e), "", false, "sleep", "60")
	stream, err := e.ExecStream(t.Context(), id, []string{"/tool", "copy"})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	buffer := make([]byte, 4)
	for _, word := range []string{"ping", "pong"} { // while the command runs
		if _, err := io.WriteString(stream, word); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stream, buffer); err != nil || string(buffer) != word {
			t.Fatalf("%q, %v, expected %q", buffer, err, word)
		}
	}
	in := strings.Repeat("x", 1_000_000)
	go func() {
		_, _ = io.WriteString(stream, in)
		_ = stream.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if out, err := io.ReadAll(stream); err != nil || string(out) != in {
		t.Errorf("%d bytes after the input was closed, %v, expected %d", len(out), err, len(in))
	}
}

func TestExecStreamSaysWhyItEnded(t *testing.T) {
	t.Parallel()
	e := engine(t)
	id := start(t, e, labels(t, e), "", false, "sleep", "60")
	stream, err := e.ExecStream(t.Context(), id, []string{"/tool", "fail", "bad"})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	out, err := io.ReadAll(stream)
	if err == nil || string(out) != "about to fail\n" || !strings.Contains(err.Error(), "status 3: bad") {
		t.Errorf("%q, %v, expected status 3 and what it said", out, err)
	}
	if _, err := e.ExecStream(t.Context(), "envctl-no-such-container", []string{"/tool"}); err == nil || !strings.Contains(err.Error(), "there is no container") {
		t.Errorf("error %v, expected that there is no container", err)
	}
}

func TestExecStreamEnds(t *testing.T) {
	t.Parallel()
	e := engine(t)
	id := start(t, e, labels(t, e), "", false, "sleep", "60")
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	for name, end := range map[string]func(io.Closer) error{
		"its context": func(io.Closer) error { cancel(why); return nil },
		"closing it":  func(c io.Closer) error { return c.Close() },
	} {
		own := t.Context()
		if name == "its context" {
			own = ctx
		}
		stream, err := e.ExecStream(own, id, []string{"/tool", "copy"})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { _, err := stream.Read(make([]byte, 1)); ended <- err }()
		if err := end(stream); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case err := <-ended:
			if name == "its context" && !errors.Is(err, why) || err == nil {
				t.Errorf("%s: Read ended with %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s does not end a blocked Read", name)
		}
		if _, err := io.WriteString(stream, "x"); err == nil {
			t.Errorf("%s: written after the end", name)
		}
	}
}
