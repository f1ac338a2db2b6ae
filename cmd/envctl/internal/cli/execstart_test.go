package cli

import (
	"strings"
	"testing"
)

// A command that the engine could not start must be an error of envctl, with the
// engine's status, and not the command's own output; everything else passes through.
func TestExecThatDoesNotStart(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.yaml", example)}
	const refused = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"ls\": executable file not found in $PATH: unknown\r\n"
	for name, c := range map[string]struct {
		says, stdout, stderr string
		status               int
	}{
		"no program": {says: refused, status: 127, stderr: "error: app \"api\" cannot start \"ls\": \"ls\": executable file not found in $PATH\ntry: name a program"},
		"its own":    {says: refused, status: 1, stdout: refused},
		"begun":      {says: "OCI runtime", stdout: "OCI runtime"},
		"other":      {says: "no such thing\n", status: 127, stdout: "no such thing\n"},
		"long":       {says: refused + strings.Repeat("x", longestStartFailure), status: 127, stdout: refused + strings.Repeat("x", longestStartFailure)},
	} {
		got := s.run(t.Context(), &fake{says: c.says, status: c.status}, "exec", "api", "--", "ls")
		if got.status != c.status || got.stdout != c.stdout || !strings.HasPrefix(got.stderr, c.stderr) || c.stderr == "" && got.stderr != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
