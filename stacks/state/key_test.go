package state_test

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/envctl/envctl/stacks/state"
)

func TestPassphraseIsTheUsersIfGiven(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, empty := filepath.Join(dir, "phrase"), filepath.Join(dir, "empty")
	if err := os.WriteFile(file, []byte(" of a file \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, vars := range map[string][]string{
		"own":         {"ENVCTL_PASSPHRASE", "own", "PULUMI_CONFIG_PASSPHRASE", "pulumi"},
		"pulumi":      {"PULUMI_CONFIG_PASSPHRASE", "pulumi", "ENVCTL_PASSPHRASE_FILE", file},
		" of a file ": {"PULUMI_CONFIG_PASSPHRASE_FILE", file},
	} {
		d, err := state.Open(env(append(vars, "ENVCTL_STATE_DIR", dir+"/state")...))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Passphrase(t.Context()); err != nil || got != want {
			t.Errorf("%v: %q, %v", vars, got, err)
		}
		if _, err := os.Stat(d.KeyFile()); err == nil {
			t.Error("a key was made beside the user's")
		}
	}
	for _, path := range []string{empty, dir + "/none"} {
		d, err := state.Open(env("ENVCTL_PASSPHRASE_FILE", path, "ENVCTL_STATE_DIR", dir+"/state"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Passphrase(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	keys := make([]string, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = d.Passphrase(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != 32 || key != keys[0] {
			t.Fatalf("key %q (%v) beside %q", key, err, keys[0])
		}
	}
	if info, err := os.Stat(d.KeyFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(d.Path(), ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDamagedKeyIsNeverReplaced(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "\n", "short", strings.Repeat("A", 40), strings.Repeat("-", 44)} {
		d := open(t)
		if err := os.WriteFile(d.KeyFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Passphrase(t.Context()); !errors.As(err, new(*state.KeyError)) {
			t.Errorf("%q gives %q, %v", content, got, err)
		}
		if now, _ := os.ReadFile(d.KeyFile()); string(now) != content {
			t.Errorf("%q became %q", content, now)
		}
	}
}

func TestKeyThatOthersCanReadIsRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	if _, err := d.Passphrase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.KeyFile(), 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := d.Passphrase(t.Context())
	var dirErr *state.DirError
	if !errors.As(err, &dirErr) || !strings.Contains(dirErr.Hint(), "chmod 0600") {
		t.Errorf("%v", err)
	}
}

// What a user's passphrase leads to is written nowhere.
func TestOnlyTheOwnKeyIsKeptDerived(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for variable, kept := range map[string]bool{
		"": true, "ENVCTL_PASSPHRASE": false, "ENVCTL_PASSPHRASE_FILE": false,
		"PULUMI_CONFIG_PASSPHRASE": false, "PULUMI_CONFIG_PASSPHRASE_FILE": false,
	} {
		vars := []string{"ENVCTL_STATE_DIR", dir}
		if variable != "" {
			vars = append(vars, variable, "given")
		}
		d, err := state.Open(env(vars...))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.DerivedFile(); (got != "") != kept || kept && filepath.Dir(got) != filepath.Dir(d.KeyFile()) {
			t.Errorf("with %q the derived key is kept in %q", variable, got)
		}
	}
}
