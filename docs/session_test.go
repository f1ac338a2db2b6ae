package docs

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/envctl/envctl/local/docker"
)

// infos are the kinds of block that pages may have. Only console is run; the others
// need another machine or are no commands.
var infos = map[string]bool{"console": true, "text": true, "yaml": true, "json": true, "dockerfile": true, "go": true}

// example is the experiment of the pages; each session has it under a name of its
// own of the same length.
const example = "csv-insights"

// TestCommands runs the commands of every page against the real engine, in a copy
// of the examples, one session a page, and compares what they print. A session
// leaves nothing behind.
func TestCommands(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		var all []command
		for _, b := range fences(t, page) {
			if !infos[b.info] {
				t.Errorf("%s:%d: a block of the kind %q; console is run, text is not", page, b.line, b.info)
			}
			if b.info == "console" {
				all = append(all, b.commands(t, page)...)
			}
		}
		if len(all) > 0 {
			t.Run(page, func(t *testing.T) { session(t, page, all) })
		}
	}
}

func session(t *testing.T, page string, all []command) {
	s := open(t)
	for _, c := range all {
		got, status, err := s.run(c.text)
		if err != nil {
			t.Fatalf("%s:%d: %s%v\n%s", page, c.line, c.text, err, got)
		}
		if status != 0 {
			t.Errorf("%s:%d: %sexit status %d\n%s", page, c.line, c.text, status, got)
		}
		if !matches(c.want, got) {
			t.Errorf("%s:%d: %sprinted\n%s\nthe page says\n%s", page, c.line, c.text, got, c.want)
		}
	}
}

// shell is a bash that keeps its folder and variables from command to command.
type shell struct {
	own  string // name of the experiment in this session
	in   io.Writer
	out  *bufio.Reader
	mark string // printed, with the status, after each command
	file string // of the command
	kill func()
}

func open(t *testing.T) *shell {
	t.Helper()
	dir, s := t.TempDir(), &shell{own: "docs-" + strings.ToLower(rand.Text()[:len(example)-5])}
	workspace(t, dir, s.own)
	t.Cleanup(func() { sweep(t, s.own) })

	s.mark, s.file = "end of "+rand.Text(), filepath.Join(t.TempDir(), "command")
	bash := exec.Command("bash", "--noprofile", "--norc")
	bash.Dir, bash.Env = dir, environment(t, dir)
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	bash.Stdout, bash.Stderr = w, w
	in, err := bash.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	s.in, s.out, s.kill = in, bufio.NewReader(out), func() { _ = bash.Process.Kill() }
	t.Cleanup(func() { in.Close(); s.kill(); _ = bash.Wait(); out.Close() })
	return s
}

// inCommands are the places where a command names the experiment itself.
var inCommands = regexp.MustCompile(`(-e |\bexperiment[= ])` + example + `\b|\b` + example + `(\.[a-z])`)

// commandTimeout is far longer than any command of a page takes.
const commandTimeout = 3 * time.Minute

// run runs one command and returns what it printed and its exit status.
func (s *shell) run(text string) (output string, status int, err error) {
	text = inCommands.ReplaceAllString(text, "${1}"+s.own+"${2}")
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		return "", 0, err
	}
	timer := time.AfterFunc(commandTimeout, s.kill)
	defer timer.Stop()
	if _, err := fmt.Fprintf(s.in, ". %s </dev/null; echo \"%s $?\"\n", s.file, s.mark); err != nil {
		return "", 0, err
	}
	var got strings.Builder
	for {
		line, err := s.out.ReadString('\n')
		if before, after, ok := strings.Cut(line, s.mark); ok {
			got.WriteString(before)
			status, err = strconv.Atoi(strings.TrimSpace(after))
			return strings.ReplaceAll(got.String(), s.own, example), status, err
		}
		got.WriteString(line)
		if err != nil {
			return got.String(), 0, fmt.Errorf("the shell ended, or was ended after %s: %w", commandTimeout, err)
		}
	}
}

// workspace copies what the pages work with: the examples, and bin/envctl.
func workspace(t *testing.T, dir, own string) {
	t.Helper()
	for _, f := range []string{"go.mod", "go.sum"} { // the example is a package of this module
		copyFile(t, filepath.Join(root, f), filepath.Join(dir, f))
	}
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS(filepath.Join(root, "examples"))); err != nil {
		t.Fatal(err)
	}
	for _, built := range []string{"bin", "envctl.schema.json", "envctl.lock"} {
		if err := os.RemoveAll(filepath.Join(dir, "examples", example, built)); err != nil {
			t.Fatal(err)
		}
	}
	definition := filepath.Join(dir, "examples", example, "envctl.yaml")
	text, err := os.ReadFile(definition)
	if err != nil {
		t.Fatal(err)
	}
	named := strings.Replace(string(text), "name: "+example, "name: "+own, 1)
	if named == string(text) {
		t.Fatalf("%s has another name", definition)
	}
	if err := os.WriteFile(definition, []byte(named), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(envctl, filepath.Join(dir, "bin", "envctl")); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// environment is that of the caller without what steers envctl. The pages call the
// example by curl; where there is none, a program of ours takes its place.
func environment(t *testing.T, dir string) []string {
	t.Helper()
	path := os.Getenv("PATH")
	if _, err := exec.LookPath("curl"); errors.Is(err, exec.ErrNotFound) {
		tools := t.TempDir()
		if out, err := exec.Command("go", "build", "-o", filepath.Join(tools, "curl"), "./testdata/curl").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		path = tools + ":" + path
	}
	env := []string{"PATH=" + path, "ENVCTL_STATE_DIR=" + t.TempDir(), "LC_ALL=C.UTF-8", "TZ=UTC", "GOFLAGS=", "GOWORK=off"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(name, "ENVCTL_"), strings.HasPrefix(name, "PULUMI_"), strings.HasPrefix(name, "LC_"):
		case name == "PATH" || name == "TZ" || name == "LANG" || name == "GOFLAGS" || name == "GOWORK":
		default:
			env = append(env, v)
		}
	}
	return env
}

// sweep holds that nothing of the experiment is left, and removes what is.
func sweep(t *testing.T, experiment string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	engine, err := docker.Connect(ctx, "", os.Getenv)
	if err != nil {
		t.Error(err)
		return
	}
	defer engine.Close()
	left, err := engine.Sweep(ctx, map[string]string{"dev.envctl.experiment": experiment}, docker.SweepOptions{})
	if err != nil || left.Count() > 0 {
		t.Errorf("left behind: %+v, %v", left, err)
	}
}
