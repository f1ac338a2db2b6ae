package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/envctl/envctl/local/gateway/protocol"
)

const healthy = `{"time":"2026-01-02T03:04:05Z","event":"health","app":"api","state":"healthy","reason":"GET /healthz: 200","after":0.42}`

func readAll(t *testing.T, in io.Reader) []protocol.Event {
	t.Helper()
	reader := protocol.NewReader(in)
	var out []protocol.Event
	for {
		e, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
}

func TestReaderSkipsWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		in   string
		want int
	}{
		"nothing":            {"", 0},
		"one":                {healthy + "\n", 1},
		"without line end":   {healthy, 1},
		"carriage returns":   {healthy + "\r\n\r\n" + healthy, 2},
		"text around it":     {"panic: x\n" + healthy + "\ngoroutine 1\n", 1},
		"half a line":        {healthy[:40] + "\n" + healthy + "\n", 1},
		"two on a line":      {healthy + healthy + "\n" + healthy + "\n", 1},
		"unknown kind":       {`{"event":"reboot"}` + "\n" + healthy, 1},
		"unknown state":      {`{"event":"health","app":"api","state":"fine"}` + "\n" + healthy, 1},
		"app is not a label": {`{"event":"health","app":"api\n","state":"healthy"}` + "\n" + healthy, 1},
		"too long":           {`{"event":"start","reason":"` + strings.Repeat("a", 1<<20) + `"}` + "\n" + healthy, 1},
		"too long, no end":   {strings.Repeat("a", 1<<20), 0},
		"null bytes":         {"\x00\x00{}\n" + healthy, 1},
		"array":              {"[" + healthy + "]\n", 0},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, in := range map[string]io.Reader{
				"whole": strings.NewReader(test.in), "bytes": iotest.OneByteReader(strings.NewReader(test.in)),
			} {
				got := readAll(t, in)
				if len(got) != test.want {
					t.Errorf("%s: %d events %+v, expected %d", how, len(got), got, test.want)
				}
				for _, e := range got {
					if e.App != "api" || e.State != protocol.StateHealthy || e.After != 0.42 {
						t.Errorf("%s: event %+v", how, e)
					}
				}
			}
		})
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	reader := protocol.NewReader(io.MultiReader(strings.NewReader(healthy[:30]), iotest.ErrReader(broken)))
	if _, err := reader.Next(); !errors.Is(err, broken) {
		t.Errorf("error %v, expected %v", err, broken)
	}
}

func TestReasonIsSafeToPrint(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"GET /: 200":             "GET /: 200",
		"a\nb\x1b[31mc":          "a b [31mc",
		"\xff\xfe":               "  ",
		"é\u2028\u202e":          "é  ",
		strings.Repeat("a", 256): strings.Repeat("a", 256),
		strings.Repeat("a", 257): strings.Repeat("a", 253) + "…",
		strings.Repeat("é", 200): strings.Repeat("é", 126) + "…",
	}
	for in, want := range cases {
		if got := protocol.Reason(in); got != want {
			t.Errorf("Reason(%q) = %q, expected %q", in, got, want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(healthy + "\n"))
	f.Add([]byte(`{"event":"ingress","app":"a","reason":"\u001b[2J\n","count":-1}` + "\n" + healthy))
	f.Add([]byte("{\n}\n" + strings.Repeat("{", 9000)))
	f.Fuzz(func(t *testing.T, in []byte) {
		events := readAll(t, bytes.NewReader(in))
		if lines := bytes.Count(in, []byte("\n")) + 1; len(events) > lines {
			t.Fatalf("%d events from %d lines", len(events), lines)
		}
		for _, e := range events {
			if len(e.Reason) > protocol.MaxReason || !utf8.ValidString(e.Reason) {
				t.Errorf("reason %q", e.Reason)
			}
			if strings.ContainsFunc(e.Reason, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("reason %q has a character that drives a terminal", e.Reason)
			}
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
			if again := readAll(t, bytes.NewReader(line)); len(again) != 1 {
				t.Errorf("%s is not read again", line)
			}
		}
	})
}
