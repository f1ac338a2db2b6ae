package hold_test

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/envctl/envctl/local/box/hold"
)

// A port that cannot be had ends the program, which says which and why.
func TestListenRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for port, want := range map[string]string{
		"0": "is no port", "x": "is no port", "65536": "is no port", "-1": "is no port",
		strconv.Itoa(taken.Addr().(*net.TCPAddr).Port): "address already in use",
	} {
		var out, complaint bytes.Buffer
		if status := hold.Main([]string{hold.Listen, port}, strings.NewReader(""), &out, &complaint); status != 1 || !strings.Contains(complaint.String(), want) || out.Len() > 0 {
			t.Errorf("port %s: status %d, %q, output %q", port, status, complaint.String(), out.String())
		}
	}
	if got := hold.ListenCommand(443, 4141); strings.Join(got, " ") != "/.envctl/hold listen 443 4141" {
		t.Errorf("%q", got)
	}
}
