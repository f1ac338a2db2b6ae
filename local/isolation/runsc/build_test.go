package runsc

import (
	"os"
	"testing"
)

// Building takes a minute or two where nothing of it is in Go's cache, so it is for
// ENVCTL_TEST_BUILD=1 alone; CI builds the same version by make runsc.
func TestBuild(t *testing.T) {
	t.Parallel()
	if os.Getenv("ENVCTL_TEST_BUILD") == "" {
		t.Skip("ENVCTL_TEST_BUILD is not set")
	}
	program, err := Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(program); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("%s: %v", program, err)
	}
}
