package images_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/envctl/envctl/stacks/images"
)

const (
	sumA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func load(t *testing.T, path string) *images.Lock {
	t.Helper()
	l, err := images.LoadLock(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func saveLock(t *testing.T, l *images.Lock) {
	t.Helper()
	if err := l.Save(); err != nil {
		t.Fatal(err)
	}
}

func TestLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), images.LockFile)
	l := load(t, path)
	if _, ok := l.Pin("python:3.12"); ok {
		t.Error("no file pins something")
	}
	saveLock(t, l)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing set, and written: %v", err)
	}
	l.Set("python:3.12", "docker.io/library/python@"+sumB)
	l.Set("mine:dev", sumA)
	saveLock(t, l)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(data), "mine:dev")
	if body != ": "+sumA+"\npython:3.12: docker.io/library/python@"+sumB+"\n" || !strings.Contains(head, "# Commit this file") {
		t.Errorf("written:\n%s", data)
	}
	var asYAML map[string]string
	if err := yaml.Unmarshal(data, &asYAML); err != nil || asYAML["mine:dev"] != sumA {
		t.Errorf("it is no YAML of the same meaning: %v, %v", asYAML, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again := load(t, path)
	if pin, ok := again.Pin("python:3.12"); !ok || pin != "docker.io/library/python@"+sumB {
		t.Errorf("read back %q, %v", pin, ok)
	}
	before, _ := os.Stat(path)
	again.Set("mine:dev", sumA)
	saveLock(t, again)
	if after, _ := os.Stat(path); !os.SameFile(before, after) {
		t.Error("unchanged, and written anew")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Two instances of one definition start at once and pin different images.
func TestLockFileKeepsPinsOfOthers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), images.LockFile)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			l, err := images.LoadLock(path)
			if err != nil {
				t.Error(err)
				return
			}
			l.Set(fmt.Sprintf("image:%02d", i), sumA)
			if err := l.Save(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l := load(t, path)
	for i := range 20 {
		if _, ok := l.Pin(fmt.Sprintf("image:%02d", i)); !ok {
			t.Errorf("the pin of image:%02d is lost", i)
		}
	}
}

func TestDamagedLockFile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		data string
		line int
		want string
	}{
		"a merge conflict": {"# x\n<<<<<<< HEAD\na: " + sumA + "\n", 2, "<<<<<<<"},
		"twice":            {"a: " + sumA + "\na: " + sumB + "\n", 2, `"a" is pinned a second time`},
		"a tag":            {"a: b:1\n", 1, "named by a tag"},
		"a short digest":   {"a: b@sha256:12\n", 1, "64 hexadecimal digits"},
		"binary":           {"\x00\xff", 1, "NAME: DIGEST"},
		"huge":             {strings.Repeat("# a line of text\n", 100_000), 1, "more than 1048576 bytes"},
		"a long line":      {strings.Repeat("x", 1000), 1, "NAME: DIGEST"},
	} {
		path := filepath.Join(t.TempDir(), images.LockFile)
		if err := os.WriteFile(path, []byte(tt.data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := images.LoadLock(path)
		var lockErr *images.LockError
		if !errors.As(err, &lockErr) || lockErr.Line != tt.line || !strings.Contains(err.Error(), tt.want) || lockErr.ExitStatus() != 2 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(err.Error()) > len(path)+200 {
			t.Errorf("%s: the message has %d bytes", name, len(err.Error()))
		}
		if now, _ := os.ReadFile(path); string(now) != tt.data {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestLockFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	l := load(t, filepath.Join(t.TempDir(), "gone", images.LockFile))
	l.Set("a", sumA)
	var unwritable *images.WriteError
	if err := l.Save(); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &unwritable) || unwritable.Hint() == "" {
		t.Error(err)
	}
	for name, digest := range map[string]string{"a b": sumA, "#a": sumA, "a": "b:1", "c": sumA + "\nd: " + sumB} {
		l := load(t, filepath.Join(t.TempDir(), images.LockFile))
		l.Set(name, digest)
		if err := l.Save(); err == nil {
			t.Errorf("%q: %q is written", name, digest)
		}
	}
}
