//go:build linux

package attempt

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
)

func TestSummaryTellsEqualReasonsOnce(t *testing.T) {
	t.Parallel()
	got := summary([]string{"a\x00no", "b\x00no: never", "c\x00no", "d\x00no", "e\x00no", "f\x00no", "g\x00no"})
	if got != "no (a, c, d, e, and 2 more); no: never (b)" {
		t.Error(got)
	}
}

func TestARowEscapesByOneWay(t *testing.T) {
	t.Parallel()
	no := try{"no", func() error { return errors.New("refused") }}
	yes := try{"yes", func() error { return nil }}
	if r := (row{"x", []try{no, no}}).run(); r.Outcome != Blocked || r.Detail != "refused (no, no)" {
		t.Errorf("%+v", r)
	}
	if r := (row{"x", []try{no, yes}}).run(); r.Outcome != Escaped || !strings.Contains(r.Detail, "yes worked") {
		t.Errorf("%+v", r)
	}
}

// What answers is reached, and what a proxy says decides.
func TestReach(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 256)
				n, _ := c.Read(b)
				status := "403 Forbidden"
				if strings.Contains(string(b[:n]), "allowed") {
					status = "200 OK"
				}
				_, _ = c.Write([]byte("HTTP/1.1 " + status + "\r\n\r\n"))
			}()
		}
	}()
	at := l.Addr().String()
	for _, c := range []struct {
		target  Target
		outcome string
		detail  string
	}{
		{Target{Network: "tcp", Address: at}, Escaped, "reached tcp " + at},
		{Target{Network: "tcp", Address: "127.0.0.1:1"}, Blocked, "connection refused (tcp 127.0.0.1:1)"},
		{Target{Network: "proxy", Address: at, Text: "CONNECT a:1 HTTP/1.1\r\n\r\n"}, Blocked, "answered 403 Forbidden (CONNECT a:1)"},
		{Target{Network: "proxy", Address: at, Text: "CONNECT allowed:1 HTTP/1.1\r\n\r\n"}, Escaped, "reached CONNECT allowed:1"},
		{Target{Network: "icmp", Address: "::1"}, Blocked, ""},
		{Target{Network: "other"}, Blocked, ""},
	} {
		if r := reach("x", []Target{c.target}); r.Outcome != c.outcome || !strings.Contains(r.Detail, c.detail) {
			t.Errorf("%+v: %+v", c.target, r)
		}
	}
}

func TestRunPrintsARowALine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := Run(Task{NetworkOnly: true, Targets: map[string][]Target{"a": {{Network: "tcp", Address: "127.0.0.1:1"}}}}, &out)
	var r Result
	if err != nil || json.Unmarshal(out.Bytes(), &r) != nil || r.Row != "a" || r.Outcome != Blocked {
		t.Errorf("%v, %s", err, out.String())
	}
}
