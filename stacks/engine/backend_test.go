package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// No cloud is asked: what names one here cannot be reached or logged in to.
func TestStateStoresThatCannotBeUsed(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_MAX_ATTEMPTS": "1",
		"GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent", "GOOGLE_CREDENTIALS": "",
		"AZURE_STORAGE_ACCOUNT": "", "AZURE_STORAGE_KEY": "", "AZURE_STORAGE_SAS_TOKEN": "", "AZURE_STORAGE_CONNECTION_STRING": "",
	} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"mem://":                       "it forgets everything when this command ends",
		"ftp://server/state":           "illegal prefix",
		"https://api.pulumi.com":       "illegal prefix",
		"not a url":                    "illegal prefix",
		"file://" + file:               "not a directory",
		"file://" + dir + "/not/there": "no such file or directory",
		"gs://bucket":                  "/nonexistent",
		"azblob://container":           "AccountName is required",
		"s3://bucket?region=us-east-1&endpoint=http://127.0.0.1:1&hostname_immutable=true": "127.0.0.1:1",
	} {
		e := newEngine(t, dir, func(c *engine.Config) { c.BackendURL = url })
		for op, do := range operations(t, e, thing{name: "a"}) {
			if op != "up" && strings.HasPrefix(url, "s3:") {
				continue // a connection is tried again for seconds
			}
			err := do()
			var store *engine.BackendError
			if !errors.As(err, &store) || store.URL != url || !strings.Contains(err.Error(), want) ||
				!strings.Contains(store.Hint(), "ENVCTL_BACKEND_URL") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s on %s: %v, want %q", op, url, err, want)
			}
		}
		if strings.HasPrefix(url, "s3:") {
			continue
		}
		if _, err := e.List(t.Context()); err == nil {
			t.Errorf("list on %s is no error", url)
		}
	}
}

// A file URL may be written as Pulumi allows it; locks are found there too.
func TestFileURLs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"plain", "with space", "per%20cent"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for url, want := range map[string]string{
		"file://" + dir + "/plain":               "plain",
		"file://./plain":                         "plain",
		"file://plain":                           "plain",
		"file://" + dir + "/plain?metadata=skip": "plain",
		"file://" + dir + "/with%20space":        "with space",
		"file://" + dir + "/per%2520cent":        "per%20cent",
	} {
		w := newWorld()
		e := newEngine(t, dir, withWorld(w), func(c *engine.Config) {
			c.BackendURL, c.Interrupted = url, func(stacks.Ref) bool { return true }
		})
		if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
			t.Errorf("up on %s: %v", url, err)
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, want, ".pulumi/stacks", engine.Project, ref.String()+".json")); err != nil {
			t.Errorf("%s is not %q: %v", url, want, err)
		}
		lock := filepath.Join(dir, want, ".pulumi/locks/organization", engine.Project, ref.String(), "left.json")
		if err := os.MkdirAll(filepath.Dir(lock), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(lock, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := e.List(t.Context()); err != nil || !slices.Equal(got, []stacks.Ref{ref}) {
			t.Errorf("list on %s: %v, %v", url, got, err)
		}
		if _, err := e.Destroy(t.Context(), ref, stacks.Options{}); err != nil || len(w.made()) > 0 {
			t.Errorf("destroy on %s: %v, left %v", url, err, w.made())
		}
	}
}

// A full or read-only disk is said, and what was there before is kept.
func TestAStateStoreThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w))
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	locks := filepath.Join(dir, "pulumi/.pulumi/locks")
	if err := os.RemoveAll(locks); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(locks, nil, 0o600); err != nil { // nothing can be made below a file, by root neither
		t.Fatal(err)
	}
	_, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}, thing{name: "b"}), stacks.Options{})
	if err == nil || !strings.Contains(err.Error(), locks) || w.made()["b"] != 0 {
		t.Errorf("up: %v, made %v", err, w.made())
	}
	if got := recorded(t, dir, ref); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the state holds %v", got)
	}
}
