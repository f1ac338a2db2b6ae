package engine_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/envctl/envctl/stacks"
	"github.com/envctl/envctl/stacks/engine"
)

// counted counts how often the passphrase is asked for.
func counted(calls *atomic.Int32, phrase string) func(*engine.Config) {
	return func(c *engine.Config) {
		c.Passphrase = func(context.Context) (string, error) {
			calls.Add(1)
			return phrase, nil
		}
	}
}

// generates is a program with a secret that exists only in the state.
func generates(value string) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		ctx.Export("generated", pulumi.ToSecret(pulumi.StringMap{"token": pulumi.String(value)}))
		return of(thing{name: "a", secret: value})(ctx)
	}
}

func TestSecretsAreEncryptedAtRest(t *testing.T) {
	t.Parallel()
	const value = "a-value-like-no-other"
	dir, w := t.TempDir(), newWorld()
	e := newEngine(t, dir, withWorld(w))
	var events []stacks.Event
	opts := stacks.Options{OnEvent: func(ev stacks.Event) { events = append(events, ev) }}
	for range 2 { // the second writes backups and history too
		if _, _, err := e.Up(t.Context(), ref, generates(value), opts); err != nil {
			t.Fatal(err)
		}
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		raw, err := os.ReadFile(path)
		if strings.Contains(string(raw), value) {
			t.Errorf("%s holds the secret in clear", path)
		}
		return err
	})
	if err != nil || files < 4 { // state, backup, history, salt
		t.Errorf("%d files, %v", files, err)
	}
	for _, ev := range events {
		if strings.Contains(ev.Message, value) {
			t.Errorf("an event holds the secret: %+v", ev)
		}
	}
	// Another process reads it with the same passphrase.
	got, err := newEngine(t, dir, withWorld(w)).Generated(t.Context(), ref)
	if err != nil || got["token"] != value {
		t.Errorf("generated: %v, %v", got, err)
	}
	if _, err := e.Destroy(t.Context(), ref, stacks.Options{}); err != nil {
		t.Error(err)
	}
	if got, err := e.Generated(t.Context(), ref); err != nil || len(got) > 0 {
		t.Errorf("generated after destroy: %v, %v", got, err)
	}
}

// wrongPassphrase, in the environment, is the folder that a run of the test is to
// open with another passphrase. That takes another process: Pulumi's library keeps
// keys by salt for the life of one.
const wrongPassphrase = "ENVCTL_TEST_WRONG_PASSPHRASE"

func TestTheWrongPassphraseIsRefused(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(wrongPassphrase); dir != "" {
		refuse(t, dir)
		return
	}
	dir, w := t.TempDir(), newWorld()
	if _, _, err := newEngine(t, dir, withWorld(w)).Up(t.Context(), ref, generates("s3cret"), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(stateFile(dir, ref))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), wrongPassphrase+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("with another passphrase: %v\n%s", err, out)
	}
	if after, err := os.ReadFile(stateFile(dir, ref)); err != nil || string(after) != string(before) {
		t.Errorf("the state changed: %v", err)
	}
}

func refuse(t *testing.T, dir string) {
	w := newWorld()
	var calls atomic.Int32
	e := newEngine(t, dir, withWorld(w), counted(&calls, "wrong"))
	for name, do := range map[string]func() error{
		"up": func() error {
			_, _, err := e.Up(t.Context(), ref, generates("s3cret"), stacks.Options{})
			return err
		},
		"preview": func() error {
			_, _, err := e.Preview(t.Context(), ref, generates("s3cret"), stacks.Options{})
			return err
		},
		"destroy": func() error {
			_, err := e.Destroy(t.Context(), ref, stacks.Options{})
			return err
		},
		"generated": func() error {
			_, err := e.Generated(t.Context(), ref)
			return err
		},
	} {
		err := do()
		var wrong *engine.PassphraseError
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Hint(), "ENVCTL_PASSPHRASE") || !strings.Contains(err.Error(), "does not fit") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := w.made(); len(got) > 0 || calls.Load() == 0 {
		t.Errorf("made %v, asked %d times", got, calls.Load())
	}
}

// Deriving the key takes 0.15 s, so it is not done for nothing.
func TestThePassphraseIsAskedForOnlyWhereSecretsAre(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	var calls atomic.Int32
	e := newEngine(t, dir, withWorld(w), counted(&calls, "phrase"))
	if _, _, err := e.Up(t.Context(), ref, of(thing{name: "a"}), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	other := stacks.Ref{Experiment: "other", Instance: "default", Target: "local"}
	for _, r := range []stacks.Ref{ref, other} {
		if _, _, err := e.Up(t.Context(), r, of(thing{name: "a"}), stacks.Options{Refresh: true}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.Preview(t.Context(), r, of(thing{name: "b"}), stacks.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.Outputs(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Destroy(t.Context(), r, stacks.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	salt := filepath.Join(dir, "key.salt")
	if _, err := os.Stat(salt); calls.Load() != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("asked %d times where no secret was; salt: %v", calls.Load(), err)
	}
	for range 2 {
		if _, _, err := e.Up(t.Context(), ref, generates("s3cret"), stacks.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("asked %d times for two ups with a secret, want 1: one process has the key of its new salt", n)
	}
	if info, err := os.Stat(salt); err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("salt: %v, %v", info, err)
	}
}

func TestAPassphraseThatCannotBeGiven(t *testing.T) {
	t.Parallel()
	w := newWorld()
	e := newEngine(t, t.TempDir(), withWorld(w), func(c *engine.Config) {
		c.Passphrase = func(context.Context) (string, error) { return "", errors.New("the key file is not readable") }
	})
	_, _, err := e.Up(t.Context(), ref, generates("s3cret"), stacks.Options{})
	if err == nil || !strings.Contains(err.Error(), "the key file is not readable") {
		t.Errorf("up: %v", err)
	}
}

// Two machines, or two processes at their first use, have different salts; each
// reads what the other wrote, with the same passphrase.
func TestStateOfAnotherSalt(t *testing.T) {
	t.Parallel()
	dir, w := t.TempDir(), newWorld()
	if _, _, err := newEngine(t, dir, withWorld(w)).Up(t.Context(), ref, generates("s3cret"), stacks.Options{}); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, dir, withWorld(w), func(c *engine.Config) { c.SaltFile = filepath.Join(dir, "other.salt") })
	if got, err := e.Generated(t.Context(), ref); err != nil || got["token"] != "s3cret" {
		t.Errorf("generated: %v, %v", got, err)
	}
	_, changes, err := e.Up(t.Context(), ref, generates("s3cret"), stacks.Options{})
	if err != nil || changes.Any() {
		t.Errorf("up: %+v, %v", changes, err)
	}
	if got, err := newEngine(t, dir, withWorld(w)).Generated(t.Context(), ref); err != nil || got["token"] != "s3cret" {
		t.Errorf("generated by the first again: %v, %v", got, err)
	}
}
