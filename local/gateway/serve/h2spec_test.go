//go:build h2spec

package serve

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// deviations are the tests that fail, by their titles, and why they may:
//
//   - A listener that speaks HTTP/1.1 too answers a wrong preface with 400 in that
//     protocol and closes; the test wants it closed in silence.
//   - net/http refuses a SETTINGS frame that has one setting twice, so that nobody
//     makes it work for nothing.
//   - net/http answers a request with a connection-specific field with 400, which
//     ends the stream (RFC 9113, 8.1.1: a server may answer before it closes or
//     resets the stream); the test wants a reset.
func deviations() []string {
	return []string{
		"Sends invalid connection preface",
		"Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
		"Sends a HEADERS frame that contains the connection-specific header field",
		"Sends a HEADERS frame that contains the TE header field with any value other than &#34;trailers&#34;",
	}
}

// TestH2Spec runs the conformance tests of HTTP/2 and HPACK, the program that
// ENVCTL_H2SPEC names, on the ingress of an app, with the strict ones. What fails
// is what deviations says, no more and no less.
func TestH2Spec(t *testing.T) {
	program := os.Getenv("ENVCTL_H2SPEC")
	if program == "" {
		t.Fatal("ENVCTL_H2SPEC is not set; make test-h2spec sets it")
	}
	g := gateTo(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("an answer ", 100))
	})
	host, port := split(t, g.addr)
	file := filepath.Join(t.TempDir(), "junit.xml")
	// It ends with 1 for the deviations.
	said, _ := exec.CommandContext(t.Context(), program, "--strict", "-h", host, "-p", strconv.Itoa(port), "-j", file).CombinedOutput()
	report, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	var failed []string
	cases := strings.Split(string(report), "<testcase ")[1:]
	for _, c := range cases {
		if strings.Contains(c, "<failure") || strings.Contains(c, "<error") {
			_, title, _ := strings.Cut(c, `classname="`)
			title, _, _ = strings.Cut(title, `"`)
			failed = append(failed, title)
		}
	}
	if len(cases) < 140 || !slices.Equal(slices.Sorted(slices.Values(failed)), slices.Sorted(slices.Values(deviations()))) {
		t.Errorf("%d tests, failed %q, expected at least 140, and %q\n%s", len(cases), failed, deviations(), said)
	}
}
