package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// built are the programs of the tests: envctl, and the app of their images.
var built struct{ envctl, app string }

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "envctl-e2e-*")
	if err == nil {
		err = os.Chmod(dir, 0o755) // another user runs it too
	}
	if err == nil {
		err = build(dir)
	}
	status := 1
	if err == nil {
		status = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "building what is tested:", err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(status)
}

func build(dir string) error {
	built.envctl, built.app = filepath.Join(dir, "envctl"), filepath.Join(dir, "app")
	// Flags that change how packages are compiled would compile hundreds of them
	// for this alone. The app needs no C library, for its image has none.
	return errors.Join(goBuild(built.envctl, ".."), goBuild(built.app, "./testdata/app", "CGO_ENABLED=0"))
}

func goBuild(out, pkg string, env ...string) error {
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", out, pkg)
	cmd.Env = append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, text)
	}
	return nil
}
