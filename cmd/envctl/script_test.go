package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the program itself the command envctl of the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"envctl": main})
}

// TestScripts runs testdata/script, the specification of the command line as far as
// it needs no engine.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params(t, "testdata/script/*.txtar"))
}

func params(t *testing.T, pattern string) testscript.Params {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s: %v", pattern, err)
	}
	return testscript.Params{
		Files:               files,
		Setup:               setup,
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mkfile": mkfile,
			"status": status,
		},
	}
}

// setup gives a script a home of its own, and no engine: what needs one must say
// so, and what needs none must not look for it.
func setup(e *testscript.Env) error {
	e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
	e.Setenv("ENVCTL_STATE_DIR", filepath.Join(e.WorkDir, "state"))
	e.Setenv("DOCKER_HOST", "unix://"+filepath.Join(e.WorkDir, "no-engine.sock"))
	for _, v := range []string{"ENVCTL_FILE", "ENVCTL_NAME", "ENVCTL_TARGET", "ENVCTL_OUTPUT", "ENVCTL_TTL", "ENVCTL_BACKEND_URL"} {
		e.Setenv(v, "")
	}
	return nil
}

// mkfile writes a file that is too large or too odd for a script:
// mkfile NAME large|binary|deep.
func mkfile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mkfile NAME large|binary|deep")
	}
	var data []byte
	switch args[1] {
	case "large": // 50 MB of YAML that would be right
		data = append([]byte("name: large\n"), bytes.Repeat([]byte("# a line of fifty characters in a long comment...\n"), 1_000_000)...)
	case "binary":
		data = []byte("\x7fELF\x02\x01\x01\x00\x00\x00\xff\xfe name: x\n")
	case "deep":
		data = append(bytes.Repeat([]byte("{a: "), 10_000), bytes.Repeat([]byte("}"), 10_000)...)
	default:
		ts.Fatalf("mkfile: %q is not large, binary or deep", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

// status runs a command and compares its exit status: status 2 envctl nope.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status NUMBER COMMAND [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if args[0] != strconv.Itoa(got) {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
