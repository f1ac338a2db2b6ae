package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/envctl/envctl/local/docker"
	"github.com/envctl/envctl/local/docker/dockertest"
)

// TestScripts runs the files of testdata/script. Each has the folder app with a
// build context of the app program, a state folder of its own, and an experiment's
// name that is its own: @NAME@ in its files and $NAME in its commands. Beside the
// usual commands there are
//
//	engine VERB …          what a user could do with docker: see engineVerbs
//	fetch URL              GET, waiting for an answer; its body is the stdout
//	field NAME PATH        sets a variable from the JSON in stdout: a.b.0
//	nothing-left           no object of the experiment is on the engine
//
// and the condition [gvisor]: the engine has a runtime of gVisor's.
func TestScripts(t *testing.T) {
	e := dockertest.Engine(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			if name != "gvisor" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			info, err := e.Info(context.Background())
			return slices.Contains(info.Runtimes, "runsc"), err
		},
		Setup: func(env *testscript.Env) error { return setup(env, e) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"engine": func(ts *testscript.TestScript, neg bool, args []string) { engineCommand(ts, e, neg, args) },
			"fetch":  fetch,
			"field":  field,
			"nothing-left": func(ts *testscript.TestScript, neg bool, _ []string) {
				left, err := leftovers(context.Background(), e, ts.Getenv("NAME"))
				ts.Check(err)
				if (len(left) == 0) == neg {
					ts.Fatalf("left on the engine: %q", left)
				}
			},
		},
	})
}

func setup(env *testscript.Env, e *docker.Engine) error {
	name := unique()
	env.Setenv("NAME", name)
	env.Setenv("ENVCTL_STATE_DIR", filepath.Join(env.WorkDir, ".state"))
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("PATH", filepath.Dir(built.envctl)+string(filepath.ListSeparator)+os.Getenv("PATH"))
	env.Setenv("DOCKER_HOST", e.Host())
	env.Setenv("NO_COLOR", "1")
	env.Defer(func() {
		if err := sweep(e, name); err != nil {
			env.T().Log("sweep:", err)
		}
	})
	app := filepath.Join(env.WorkDir, "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		return err
	}
	if err := writeContext(app, "1"); err != nil {
		return err
	}
	return filepath.WalkDir(env.WorkDir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(path, app) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "@NAME@", name)), 0o644)
	})
}

// fetch asks until something answers, for the apps behind may take a moment.
func fetch(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: fetch URL")
	}
	body, err := get(args[0])
	if neg {
		if err == nil {
			ts.Fatalf("%s answers: %s", args[0], body)
		}
		return
	}
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), body)
	ts.Check(err)
}

func get(url string) (string, error) {
	client := http.Client{Timeout: 20 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status + ": " + string(body))
	}
	return string(body), err
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field NAME PATH")
	}
	var at any
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &at); err != nil {
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &at))
	}
	value, ok := lookup(at, strings.Split(args[1], "."))
	if !ok {
		ts.Fatalf("%s is not in %s", args[1], ts.ReadFile("stdout"))
	}
	if text, isText := value.(string); isText {
		ts.Setenv(args[0], text)
		return
	}
	raw, err := json.Marshal(value)
	ts.Check(err)
	ts.Setenv(args[0], string(raw))
}
