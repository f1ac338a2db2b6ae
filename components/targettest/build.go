package targettest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// dockerfile makes an image of one static program.
const dockerfile = "FROM scratch\nCOPY echo /echo\nUSER 65532\nENTRYPOINT [\"/echo\"]\n"

// buildEcho builds the app of the suite.
func buildEcho(t testing.TB) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "echo")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-o", file,
		"github.com/envctl/envctl/components/targettest/echo")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(fmt.Errorf("build the suite's app: %w\n%s", err, text))
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}
