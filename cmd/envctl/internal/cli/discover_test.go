package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDiscover(t *testing.T) {
	t.Parallel()
	dir := folder(t, "top/envctl.yaml", "", "top/repo/.git/HEAD", "", "top/repo/a/envctl.yml", "", "top/repo/a/b/c/x", "",
		"top/repo/d/x", "", "home/envctl.yaml", "", "home/p/q/x", "", "both/envctl.yaml", "", "both/envctl.yml", "", "folder/envctl.yaml/x", "")
	home := filepath.Join(dir, "home")
	for _, c := range []struct{ from, want, problem string }{
		{"top", "top/envctl.yaml", ""},
		{"top/repo/a", "top/repo/a/envctl.yml", ""},
		{"top/repo/a/b/c", "top/repo/a/envctl.yml", ""},
		{"top/repo/d", "", "up to " + filepath.Join(dir, "top/repo")}, // not beyond the repository
		{"home/p/q", "home/envctl.yaml", ""},
		{"home", "home/envctl.yaml", ""},
		{"top/repo", "", "no envctl.yaml"},
		{"both", "", "both envctl.yaml and envctl.yml"},
		{"folder", "", "no envctl.yaml"},
	} {
		got, err := discover(filepath.Join(dir, c.from), home)
		if c.want != "" && (err != nil || got != filepath.Join(dir, c.want)) || c.want == "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("from %s: %q, %v", c.from, got, err)
		}
	}
}

// A file that somebody left in a folder above must not be taken outside of a
// repository and of home.
func TestDiscoverStaysInSharedFolders(t *testing.T) {
	t.Parallel()
	dir := folder(t, "tmp/envctl.yaml", "", "tmp/mine/x", "")
	for _, home := range []string{"", "/nowhere", filepath.Join(dir, "tmp/mine/x")} {
		if got, err := discover(filepath.Join(dir, "tmp/mine"), home); err == nil {
			t.Errorf("with home %q took %q", home, got)
		}
	}
}

// init must write what check accepts, never over a file, and leave nothing half done.
func TestInit(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "My App/Dockerfile", "FROM scratch\nEXPOSE 9000\nUSER 1234\n", "My App/sub/Dockerfile", "FROM x\n")}
	s.dir = filepath.Join(s.dir, "My App")
	if got := s.run(t.Context(), &fake{}, "init"); got.status != 0 || !strings.Contains(got.stdout, "wrote envctl.yaml") {
		t.Fatalf("%+v", got)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, "envctl.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"name: my-app\n", "port: 9000", "user: 1234", "$schema=./envctl.schema.json"} {
		if !strings.Contains(string(text), w) {
			t.Errorf("%q is not in\n%s", w, text)
		}
	}
	if got := s.run(t.Context(), &fake{}, "check"); got.status != 0 {
		t.Errorf("check: %+v", got)
	}
	if got := s.run(t.Context(), &fake{}, "init"); got.status != 2 || !strings.Contains(got.stderr, "--force") {
		t.Errorf("again: %+v", got)
	}
	if got := s.run(t.Context(), &fake{}, "init", "--force", "--from", "sub/Dockerfile", "-e", "renamed"); got.status != 0 {
		t.Errorf("with --force: %+v", got)
	}
	if text, _ := os.ReadFile(filepath.Join(s.dir, "envctl.yaml")); !strings.Contains(string(text), "name: renamed") || !strings.Contains(string(text), "./sub") {
		t.Errorf("with --force:\n%s", text)
	}
	for _, bad := range []string{"missing", "../outside", "envctl.yaml"} {
		if got := s.run(t.Context(), &fake{}, "init", "--force", "--from", bad); got.status != 2 {
			t.Errorf("--from %s: %+v", bad, got)
		}
	}
}

// The schema alone in the way must not leave a definition behind.
func TestInitIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := shell{dir: folder(t, "envctl.schema.json", "mine")}
	got := s.run(t.Context(), &fake{}, "init", "-e", "x1")
	if _, err := os.Stat(filepath.Join(s.dir, "envctl.yaml")); got.status != 2 || err == nil {
		t.Errorf("%+v, envctl.yaml: %v", got, err)
	}
}
